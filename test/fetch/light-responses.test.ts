/** Light Responses on the wire, beside native ones of the same arguments. */
import { describe, expect, test } from "bun:test";
import { sendResponse } from "../../src/fetch/answer.ts";
import { LightResponse } from "../../src/fetch/light-response.ts";
import { lightly, withLights } from "../support/light-responses.ts";
import { GET, makeExchange } from "./recorder.ts";

const HEAD = GET.replace("GET", "HEAD");
const REQUESTS = [
  GET,
  HEAD,
  "GET / HTTP/1.0\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
];

/** What goes out, but for Date; or the error. */
async function wire(text: string, make: () => Response): Promise<string> {
  const { exchange, recorder } = makeExchange(text);
  let response: Response;
  try {
    response = make();
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
  let failure: unknown = null;
  sendResponse(exchange, response, (error) => {
    failure = error;
  });
  await recorder.until(() => exchange.isDone || failure !== null);
  if (failure !== null) return String(failure);
  const bytes = Buffer.concat(recorder.pieces.map((piece) => piece.bytes)).toString("latin1");
  const flags = recorder.pieces.map((piece) => piece.flags).join();
  return bytes.replace(/\r\nDate: [^\r]*/, "\r\nDate: now") + flags;
}

async function compare(make: () => Response): Promise<void> {
  for (const text of REQUESTS) {
    const native = await wire(text, make);
    expect(await withLights(() => wire(text, make))).toBe(native);
  }
}

const LONG = "\u00e9".repeat(40_000);

describe("go out as native ones", () => {
  test.each<[string, () => Response]>([
    ["a text", () => new Response("text")],
    ["an empty text", () => new Response("")],
    ["a text that is no ASCII", () => new Response("caf\u00e9 \u20ac \ud800 \u{1f600}")],
    ["a text beyond the scratch memory", () => new Response("x".repeat(30_000))],
    ["a long text that is no ASCII", () => new Response(LONG)],
    ["a status", () => new Response("x", { status: 404 })],
    ["fields", () => new Response("x", { headers: { "X-A": "1", "Content-Type": "text/html", etag: "e" } })],
    [
      "fields without a type",
      () => new Response("x", { headers: { "X-A": "1", "cache-control": "no-store" } }),
    ],
    ["fields without a body", () => new Response("", { headers: { "X-A": "1" } })],
    ["bytes", () => new Response(new Uint8Array([1, 2]))],
    ["no bytes", () => new Response(new Uint8Array(0))],
    [
      "bytes with fields",
      () => new Response(new Uint8Array([1, 2]), { status: 201, headers: { "x-a": "1" } }),
    ],
    ["bytes with a type", () => new Response(Buffer.from("x"), { headers: { "content-type": "image/png" } })],
    ["long bytes", () => new Response(new Uint8Array(300_000).fill(65))],
    ["an ArrayBuffer", () => new Response(new ArrayBuffer(3))],
    ["JSON", () => Response.json({ a: "\u20ac" })],
    ["JSON with a status", () => Response.json({ a: 1 }, { status: 422 })],
    ["JSON with fields", () => Response.json({ a: 1 }, { headers: { "x-b": "1", "cache-control": "c" } })],
    ["JSON with a type", () => Response.json({ a: 1 }, { headers: { "content-type": "a/b", "x-b": "1" } })],
    ["long JSON", () => Response.json(["x".repeat(70_000)])],
    ["JSON of nothing", () => Response.json({ toJSON: () => undefined }, { status: 201 })],
    ["a redirect", () => Response.redirect("/there")],
    ["an error", () => Response.error()],
    ...[100, 101, 200, 204, 205, 304, 599, 600, 200.5, Number.NaN].map((status): [string, () => Response] => [
      `status ${status}`,
      () => new Response("x", { status }),
    ]),
    ["a status that is a text", () => new Response("x", { status: "201" as never })],
    ["a status text", () => new Response("x", { statusText: "Fine" })],
    ["an init that is null", () => new Response("x", null as never)],
    ["an init that is a number", () => Response.json({}, 404 as never)],
    ["fields that are Headers", () => new Response("x", { headers: new Headers({ "x-a": "1" }) })],
    ["fields that are pairs", () => new Response("x", { headers: [["x-a", "1"]] })],
    ["a bad name", () => new Response("x", { headers: { "a b": "1" } })],
    ["a bad value", () => new Response("x", { headers: { a: "1\r\nb: 2" } })],
    ["cookies", () => new Response("x", { headers: { "set-cookie": "a=b" } })],
    [
      "a length and an end",
      () => new Response("x", { headers: { "content-length": "9", connection: "close" } }),
    ],
    ["a date", () => new Response("x", { headers: { date: "then" } })],
    [
      "an init that is a Response",
      () => new Response("x", new Response("y", { status: 201, headers: { a: "b" } })),
    ],
    ["a body that is a Response", () => new Response(new Response("y") as never)],
    [
      "fields that were changed",
      () => {
        const response = new Response("x");
        response.headers.set("x-a", "1");
        response.headers.set("content-type", "a/b");
        return response;
      },
    ],
    [
      "JSON whose type was taken away",
      () => {
        const response = Response.json({});
        response.headers.delete("content-type");
        return response;
      },
    ],
    ["a clone", () => new Response("x", { headers: { "x-a": "1" } }).clone() as Response],
    [
      "one whose clone was read",
      () => {
        const response = new Response("x");
        void (response.clone() as Response).text();
        return response;
      },
    ],
    [
      "one that was read",
      () => {
        const response = new Response("x");
        void response.text();
        return response;
      },
    ],
    ["its body in another", () => new Response(new Response("x").body)],
    ["a DataView", () => new Response(new DataView(new ArrayBuffer(2)))],
    ["shared memory", () => new Response(new Uint8Array(new SharedArrayBuffer(2)))],
    ["a Blob", () => new Response(new Blob(["x"], { type: "a/b" }))],
    ["parameters", () => new Response(new URLSearchParams("a=b"))],
    ["a number", () => new Response(5 as never)],
    ["nothing", () => new Response()],
    ["null", () => new Response(null)],
  ])("%s", async (_, make) => {
    await compare(make);
  });

  test("whatever init is made up", async () => {
    const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)]!;
    const bodies = ["", "x", "\u20ac", Buffer.from("b"), new Uint8Array(0), null, undefined] as const;
    const fields = [
      "X-A",
      "x-a",
      "Content-Type",
      "Cache-Control",
      "x-b",
      "Set-Cookie",
      "Date",
      "Vary",
      "Allow",
    ];
    const values = ["1", "", " a ", "caf\u00e9", "\u20ac", "a\tb", "a\nb", 7, undefined, null, ["a", "b"]];
    for (let i = 0; i < 3000; i++) {
      const headers: Record<string, unknown> = {};
      for (let n = Math.floor(Math.random() * 4); n > 0; n--) {
        headers[pick(fields)] = Math.random() < 0.7 ? "v" : pick(values);
      }
      const status = pick([undefined, 200, 201, 204, 404, 99, 700]);
      const init = pick([undefined, {}, { status }, { headers }, { status, headers }]) as
        | ResponseInit
        | undefined;
      const body = pick(bodies);
      const make = (): Response => new Response(body, init);
      const json = (): Response => Response.json({ body: 1 }, init);
      for (const one of [make, json]) {
        const native = await wire(GET, one);
        const light = await withLights(() => wire(GET, one));
        if (light !== native) expect([body, init, light]).toEqual([body, init, native]);
      }
    }
  });
});

test("most are light, and of a subclass none is", () => {
  class Page extends Response {}
  const isLight = (make: () => Response): boolean => LightResponse.lightOf(lightly(make)) !== null;
  expect(
    [
      () => new Response("x"),
      () => new Response("x", { status: 404, headers: { "content-type": "a/b" } }),
      () => new Response(Buffer.from("x")),
      () => Response.json({}),
      () => Response.json({}, { status: 201 }),
      () => new Page("x"),
      () => new Response("x", { status: 204 }),
      () => new Response(null),
    ].map(isLight),
  ).toEqual([true, true, true, true, true, false, false, false]);
});

test("a response is sent once", async () => {
  await withLights(async () => {
    const response = new Response("x");
    expect(await wire(GET, () => response)).toContain("200 OK");
    expect(await wire(GET, () => response)).toContain("Response body already used");
    expect(response.bodyUsed).toBe(true);
  });
});

test("toJSON is asked once", () => {
  let calls = 0;
  const value = { toJSON: () => ++calls };
  for (const init of [undefined, { status: 201 }, { headers: { "set-cookie": "a=b" } }]) {
    lightly(() => Response.json(value, init));
  }
  expect(calls).toBe(3);
});

describe("user code that makes a Response while another is made", () => {
  const other = (): Response =>
    new Response("n", { status: 404, headers: { "x-n": "1", "content-type": "n/n" } });
  test.each<[string, () => Response]>([
    ["in toJSON", () => Response.json({ toJSON: () => other().status }, { status: 201 })],
    ["in toJSON, without an init", () => Response.json({ toJSON: () => other().status })],
    [
      "in a field's getter",
      () =>
        new Response("x", {
          headers: {
            "x-a": "1",
            get "x-b"() {
              other();
              return "2";
            },
          },
        }),
    ],
    [
      "in a getter of the init",
      () =>
        new Response("x", {
          get status() {
            other();
            return 201;
          },
        }),
    ],
  ])("%s", async (_, make) => {
    await compare(make);
  });
});

test("memory that was given away makes an empty body, as in the native class", async () => {
  const view = new Uint8Array(5);
  const buffer = new ArrayBuffer(5);
  view.buffer.transfer();
  buffer.transfer();
  await compare(() => new Response(view));
  await compare(() => new Response(buffer));
});

test("fields that iterate are read so", async () => {
  const headers = {
    a: "1",
    *[Symbol.iterator]() {
      yield ["b", "2"];
    },
  };
  await compare(() => new Response("x", { headers: headers as never }));
});

test("a request that is over takes no answer", async () => {
  await withLights(() => {
    const { exchange, recorder } = makeExchange(GET);
    exchange.abort();
    sendResponse(exchange, new Response("x"), () => expect.unreachable());
    expect(recorder.pieces).toHaveLength(0);
  });
});
