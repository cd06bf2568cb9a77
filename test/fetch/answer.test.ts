import { beforeAll, describe, expect, test } from "bun:test";
import { sendResponse, sendText } from "../../src/fetch/answer.ts";
import { installResponseNotes } from "../../src/fetch/response-notes.ts";
import { GET, makeExchange, type Recorder } from "./recorder.ts";

beforeAll(installResponseNotes);

const HEAD = GET.replace("GET", "HEAD");
const OLD = "GET / HTTP/1.0\r\n\r\n";
const CLOSING = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/** Sends a response as the answer to a request and waits for the end. */
async function answerTo(text: string, response: Response): Promise<Recorder> {
  const { exchange, recorder } = makeExchange(text);
  const failures: unknown[] = [];
  sendResponse(exchange, response, (error) => failures.push(error));
  await recorder.until(() => exchange.isDone || failures.length > 0);
  if (failures.length > 0) throw failures[0];
  expect(recorder.isWellFormed).toBe(true);
  return recorder;
}

const LENGTHS = ["content-length", "transfer-encoding"];

describe("fields that a handler changes after it has made the response are sent", () => {
  const make: readonly [string, () => Response, string][] = [
    ["a string", () => new Response("x"), "text/plain;charset=utf-8"],
    ["bytes", () => new Response(new Uint8Array(2)), "application/octet-stream"],
    ["long bytes", () => new Response(new Uint8Array(20_000)), "application/octet-stream"],
    ["JSON", () => Response.json({ a: 1 }), "application/json;charset=utf-8"],
    ["long JSON", () => Response.json("x".repeat(20_000)), "application/json;charset=utf-8"],
    ["long JSON of an object", () => Response.json(["x".repeat(20_000)]), "application/json;charset=utf-8"],
  ];
  test.each(make)("%s", async (_, response, type) => {
    for (const text of [GET, HEAD]) {
      const plain = (await answerTo(text, response())).read();
      expect([plain.field("content-type"), plain.field("x-a")]).toEqual([type, undefined]);
      const looked = response();
      expect([...looked.headers].length).toBeLessThanOrEqual(1);
      expect((await answerTo(text, looked)).read().field("content-type")).toBe(type);
      const added = response();
      added.headers.set("x-a", "1");
      added.headers.append("set-cookie", "b=c");
      const answer = (await answerTo(text, added)).read();
      expect([answer.field("content-type"), answer.field("x-a"), answer.field("set-cookie")]).toEqual([
        type,
        "1",
        "b=c",
      ]);
      const retyped = response();
      retyped.headers.set("content-type", "a/b");
      expect((await answerTo(text, retyped)).read().field("content-type")).toBe("a/b");
    }
  });

  // As under Bun.serve: then the type is that of the body, a string.
  test("JSON without its type", async () => {
    const response = Response.json({ a: 1 });
    response.headers.delete("content-type");
    expect((await answerTo(GET, response)).read().field("content-type")).toBe("text/plain;charset=utf-8");
    const clone = Response.json({ a: 1 }).clone() as Response;
    clone.headers.delete("content-type");
    expect((await answerTo(GET, clone)).read().field("content-type")).toBe("text/plain;charset=utf-8");
  });

  test("a clone of JSON keeps it", async () => {
    const answer = (await answerTo(GET, Response.json({ a: 1 }).clone() as Response)).read();
    expect([answer.field("content-type"), answer.content]).toEqual([
      "application/json;charset=utf-8",
      '{"a":1}',
    ]);
  });
});

describe("bodies in memory leave at once, with the implied type and their length", () => {
  test.each([
    ["a string", () => "hällo", "text/plain;charset=utf-8", "h\xc3\xa4llo"],
    ["bytes", () => Uint8Array.of(0, 255), "application/octet-stream", "\0\xff"],
    ["an ArrayBuffer", () => new TextEncoder().encode("ab").buffer, "application/octet-stream", "ab"],
    ["a part of an array", () => Buffer.from("xabx").subarray(1, 3), "application/octet-stream", "ab"],
    ["a DataView", () => new DataView(new ArrayBuffer(3), 1), "application/octet-stream", "\0\0"],
    ["a typed Blob", () => new Blob(["{}"], { type: "application/x-t" }), "application/x-t", "{}"],
    ["a Blob without type", () => new Blob(["b"]), "text/plain;charset=utf-8", "b"],
    [
      "URLSearchParams",
      () => new URLSearchParams({ a: "b c" }),
      "application/x-www-form-urlencoded;charset=UTF-8",
      "a=b+c",
    ],
  ])("%s", (_, body, type, content) => {
    const { exchange, recorder } = makeExchange(GET);
    sendResponse(exchange, new Response(body() as Bun.BodyInit), (error) => {
      throw error;
    });
    expect([exchange.isDone, recorder.pieces.length]).toEqual([true, 1]);
    const answer = recorder.read();
    expect(answer.statusLine).toBe("HTTP/1.1 200 OK");
    expect(answer.field("content-type")?.toLowerCase()).toBe(type.toLowerCase());
    expect(answer.field("content-length")).toBe(`${content.length}`);
    expect(answer.content).toBe(content);
  });

  test.each(["a\ud800b", "\u20ac".repeat(2730), "\u20ac".repeat(2731), "x".repeat(100_000)])(
    "strings of any length and content: %#",
    async (text) => {
      const expected = Buffer.from(await new Response(text).bytes());
      const answer = (await answerTo(GET, new Response(text))).read();
      expect(answer.field("content-length")).toBe(`${expected.length}`);
      expect(answer.body.equals(expected)).toBe(true);
    },
  );

  test.each(["", null, undefined, new Uint8Array(0), new Blob([])])(
    "an empty one (%p) has length 0 and no type",
    async (body) => {
      const answer = (await answerTo(GET, new Response(body as Bun.BodyInit))).read();
      expect(LENGTHS.concat("content-type").map((name) => answer.field(name))).toEqual([
        "0",
        undefined,
        undefined,
      ]);
      expect(answer.body.length).toBe(0);
    },
  );

  test("json keeps its own type, status and fields", async () => {
    const response = Response.json({ a: 1 }, { status: 201, headers: { "x-a": "1" } });
    const answer = (await answerTo(GET, response)).read();
    expect([answer.statusLine, answer.field("content-type"), answer.field("x-a"), answer.content]).toEqual([
      "HTTP/1.1 201 Created",
      "application/json;charset=utf-8",
      "1",
      '{"a":1}',
    ]);
  });

  test("a form has its boundary", async () => {
    const form = new FormData();
    form.set("name", "value");
    const answer = (await answerTo(GET, new Response(form))).read();
    const boundary = answer.field("content-type")!.split("boundary=")[1].replaceAll('"', "");
    expect(answer.content).toContain(boundary);
    expect(answer.content).toContain("value");
  });

  test("a file is read, its type by its name", async () => {
    const file = Bun.file(new URL("../fixtures/hello.txt", import.meta.url));
    const answer = (await answerTo(GET, new Response(file))).read();
    expect(answer.content).toBe(await file.text());
    expect(answer.field("content-type")).toBe("text/plain;charset=utf-8");
  });

  test("2 MB", async () => {
    const { exchange, recorder } = makeExchange(GET);
    const body = "0123456789abcdef".repeat(131_072);
    sendResponse(exchange, new Response(body), () => {});
    exchange.addCredit(4 << 20);
    expect(recorder.isWellFormed && recorder.isComplete).toBe(true);
    expect(recorder.read().content === body).toBe(true);
  });
});

describe("no body", () => {
  test.each([204, 304])("%d has neither body nor length", async (status) => {
    const response = new Response(null, { status, headers: { etag: '"x"' } });
    const recorder = await answerTo(GET, response);
    const answer = recorder.read();
    expect(LENGTHS.map((name) => answer.field(name))).toEqual([undefined, undefined]);
    expect([answer.field("etag"), answer.body.length, recorder.closes]).toEqual(['"x"', 0, false]);
  });

  test("a body given with 204 or 304 is dropped", async () => {
    for (const status of [204, 304]) {
      const answer = (await answerTo(GET, new Response("dropped", { status }))).read();
      expect([answer.body.length, answer.field("content-length")]).toEqual([0, undefined]);
    }
  });

  test("205 has length 0", async () => {
    expect((await answerTo(GET, new Response(null, { status: 205 }))).read().field("content-length")).toBe(
      "0",
    );
  });

  test("HEAD tells the length and sends no body", async () => {
    const answer = (await answerTo(HEAD, new Response("four"))).read();
    expect([answer.field("content-length"), answer.body.length]).toEqual(["4", 0]);
  });

  test("HEAD of a stream cancels it", async () => {
    let isCancelled = false;
    const stream = new ReadableStream({
      cancel() {
        isCancelled = true;
      },
    });
    const answer = (await answerTo(HEAD, new Response(stream))).read();
    expect([answer.field("transfer-encoding"), answer.body.length]).toEqual(["chunked", 0]);
    await Bun.sleep(0);
    expect(isCancelled).toBe(true);
  });
});

describe("closing", () => {
  test("when the client asked for it, when the response does, not else", async () => {
    expect((await answerTo(GET, new Response("a"))).closes).toBe(false);
    expect((await answerTo(CLOSING, new Response("a"))).closes).toBe(true);
    expect((await answerTo(CLOSING, new Response(null, { status: 204 }))).closes).toBe(true);
    const fields = { headers: { Connection: "close" } };
    expect((await answerTo(GET, new Response("a", fields))).closes).toBe(true);
    expect((await answerTo(GET, new Response(null, { status: 304, ...fields }))).closes).toBe(true);
  });

  test("HTTP/1.0 gets a length where there is one", async () => {
    const recorder = await answerTo(OLD, new Response("old"));
    expect([recorder.read().field("content-length"), recorder.closes]).toEqual(["3", true]);
  });
});

describe("what cannot be sent is refused before anything is", () => {
  const refusal = async (response: Response): Promise<{ name: string; code?: string; message: string }> => {
    const { exchange, recorder } = makeExchange(GET);
    const { promise, resolve } = Promise.withResolvers<Error>();
    sendResponse(exchange, response, (error) => resolve(error as Error));
    const error = await promise;
    expect([recorder.pieces.length, exchange.isDone]).toEqual([0, false]);
    return error;
  };

  test("a body that was used", async () => {
    const response = new Response("once");
    await response.text();
    const error = await refusal(response);
    expect([error.name, error.code]).toEqual(["TypeError", "ERR_BODY_ALREADY_USED"]);
    expect(error.message).toStartWith("Response body already used. A Response body can only be sent once;");
  });

  test("one that was sent already", async () => {
    const response = new Response("once");
    await answerTo(GET, response);
    expect((await refusal(response)).code).toBe("ERR_BODY_ALREADY_USED");
  });

  test("Response.error()", async () => {
    expect((await refusal(Response.error())).message).toStartWith("Cannot send a Response with status 0.");
  });

  test("a file that is not there", async () => {
    expect((await refusal(new Response(Bun.file("/nowhere/at/all")))).code).toBe("ENOENT");
  });
});

test("to a client that has left nothing is sent, and a stream is cancelled", async () => {
  const { exchange, recorder } = makeExchange(GET);
  exchange.abort();
  let isCancelled = false;
  const cancel = () => {
    isCancelled = true;
  };
  sendResponse(exchange, new Response(new ReadableStream({ cancel })), () => {});
  await Bun.sleep(0);
  expect([recorder.pieces.length, isCancelled]).toEqual([0, true]);
});

test("a text of the server's own", () => {
  for (const [text, status, length] of [
    [GET, 500, "3"],
    [HEAD, 500, "3"],
    [GET, 204, undefined],
  ] as const) {
    const { exchange, recorder } = makeExchange(text);
    sendText(exchange, status, "text/x", status === 204 ? "" : "abc");
    const answer = recorder.read();
    expect(answer.field("content-length")).toBe(length as string);
    expect(answer.content).toBe(status === 500 && text === GET ? "abc" : "");
  }
});

describe("a response of a constructor that was held from before", () => {
  // Another file of this run may have installed the notes long ago.
  const makeForeign = (body: Bun.BodyInit | null): Response =>
    new (Object.getPrototypeOf(Response) as typeof Response)(body);

  test.each([
    ["a string", () => "text", "text/plain;charset=utf-8", "text"],
    ["a stream that has ended", () => new Response("ab").body, "text/plain;charset=utf-8", "ab"],
    ["nothing", () => null, undefined, ""],
  ])("%s is sent with its length", async (_what, body, type, content) => {
    const answer = (await answerTo(GET, makeForeign(body() as Bun.BodyInit))).read();
    expect([answer.field("content-type"), answer.field("content-length"), answer.content]).toEqual([
      type,
      String(content.length),
      content,
    ]);
  });

  test("a stream is sent piece by piece, long before its end", async () => {
    const { exchange, recorder } = makeExchange(GET);
    const next = Promise.withResolvers<void>();
    const stream = new ReadableStream({
      async start(controller) {
        controller.enqueue("first");
        await next.promise;
        controller.enqueue("second");
        controller.close();
      },
    });
    sendResponse(exchange, makeForeign(stream), (error) => {
      throw error;
    });
    await recorder.until(() => recorder.pieces.length > 0);
    expect(exchange.isDone).toBe(false);
    next.resolve();
    await recorder.until(() => exchange.isDone);
    const answer = recorder.read();
    expect([answer.field("transfer-encoding"), answer.field("content-type")]).toEqual(["chunked", undefined]);
  });
});

test.each([
  ["null", null, "21", "21"],
  ["empty", "", "21", "21"],
  ["with a body", "text", "21", "4"],
  ["not a number", null, "x", "0"],
])("HEAD announces the given length if there is no body: %s", async (_what, body, given, expected) => {
  const answer = (await answerTo(HEAD, new Response(body, { headers: { "content-length": given } }))).read();
  expect(answer.field("content-length")).toBe(expected);
});

test("the memory of a long answer is freed, not that of what it was made from", async () => {
  const bytes = new Uint8Array(300_000).fill(5);
  const text = "x".repeat(300_000);
  const blob = new Blob([bytes]);
  const original = new Response(bytes);
  const copy = original.clone();
  const bodies = [bytes, text, blob, blob.slice(10), new URLSearchParams({ text })];
  for (const response of [...bodies.map((body) => new Response(body)), original])
    await answerTo(GET, response);
  // Freed memory would be given out again here.
  const others = Array.from({ length: 20 }, () => new Uint8Array(300_000).fill(9));
  Bun.gc(true);
  expect(others.length).toBe(20);
  expect(bytes.length === 300_000 && bytes.every((byte) => byte === 5)).toBe(true);
  expect(text === "x".repeat(300_000)).toBe(true);
  expect((await blob.bytes()).every((byte) => byte === 5)).toBe(true);
  expect((await copy.bytes()).every((byte) => byte === 5)).toBe(true);
});
