/** What takes a Response in Bun takes one of the replaced constructor, light or not, as it takes a native one. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { $ } from "bun";
import { LightResponse } from "../../src/fetch/light-response.ts";
import { lightly, withLights } from "../support/light-responses.ts";

/** The native constructor, whichever file has replaced it first. */
const before = Object.getPrototypeOf(Response) as typeof Response;

const folder = mkdtempSync(join(tmpdir(), "epollo-response-"));
afterAll(() => rmSync(folder, { recursive: true }));

type Make = (body: Bun.BodyInit, init?: ResponseInit) => Response;
const FIELDS = { headers: { x: "1" } };
const WASM = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);

async function served(options: object): Promise<unknown> {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", ...options } as Parameters<typeof Bun.serve>[0]);
  try {
    const answer = await fetch(server.url);
    return [answer.status, await answer.text(), answer.headers.get("x"), answer.headers.get("content-type")];
  } finally {
    await server.stop(true);
  }
}

const takers: Record<string, (make: Make) => unknown> = {
  "Bun.write": async (make) => {
    const path = join(folder, "written");
    await Bun.write(path, make("hello"));
    return Bun.file(path).text();
  },
  "BunFile.write": async (make) => {
    const path = join(folder, "written-too");
    await Bun.file(path).write(make("hello"));
    return Bun.file(path).text();
  },
  HTMLRewriter: (make) =>
    new HTMLRewriter()
      .on("a", { element: (element) => void element.setInnerContent("x") })
      .transform(make("<a>b</a>"))
      .text(),
  "an S3 client": async (make) => {
    const written: string[] = [];
    const store = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: async (request) => {
        written.push(`${request.method} ${new URL(request.url).pathname} ${await request.text()}`);
        return new before("");
      },
    });
    try {
      const client = new Bun.S3Client({
        endpoint: store.url.href,
        bucket: "b",
        accessKeyId: "k",
        secretAccessKey: "s",
      });
      await client.write("one", make("first"));
      await client.file("two").write(make("second"));
      await Bun.write(client.file("three") as never, make("third"));
      return written;
    } finally {
      await store.stop(true);
    }
  },
  "Bun.spawn with a list of streams": (make) =>
    new before(Bun.spawn(["cat"], { stdio: [make("in"), "pipe", "inherit"] as never }).stdout).text(),
  "Bun.spawnSync": (make) => Bun.spawnSync({ cmd: ["cat"], stdin: make("in") as never }).stdout.toString(),
  "a body of fetch": async (make) => {
    const echo = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: async (request) => new before(await request.text()),
    });
    try {
      return await (await fetch(echo.url, { method: "POST", body: make("x") as never })).text();
    } finally {
      await echo.stop(true);
    }
  },
  "new Request(url, response)": (make) => [...new Request("http://a/", make("x", FIELDS) as never).headers],
  "a Blob's part": (make) => new Blob([make("x") as never]).text(),
  "Bun.spawn": (make) => new before(Bun.spawn(["cat"], { stdin: make("in"), stdout: "pipe" }).stdout).text(),
  "the shell": async (make) => await Bun.$`cat < ${make("in")}`.text(),
  "a handler of Bun.serve": (make) => served({ fetch: () => make("served", FIELDS) }),
  "a handler of Bun.serve, bare": (make) => served({ fetch: () => make("served") }),
  "an error handler of Bun.serve": (make) =>
    served({
      fetch: () => {
        throw new Error("expected");
      },
      error: () => make("failed", FIELDS),
    }),
  "a route's method of Bun.serve": (make) => served({ routes: { "/": { GET: make("served", FIELDS) } } }),
  "a route of Bun.serve beside a function": (make) =>
    served({ routes: { "/": () => make("f"), "/b": make("b") }, fetch: () => make("c") }),
  "a route of Bun.serve": (make) => served({ routes: { "/": make("served", FIELDS) } }),
  "WebAssembly.compileStreaming": async (make) =>
    String(
      await (
        WebAssembly as unknown as { compileStreaming(response: Response): Promise<object> }
      ).compileStreaming(make(WASM, { headers: { "content-type": "application/wasm" } })),
    ),
  "WebAssembly.instantiateStreaming, of a promise": async (make) =>
    Object.keys(
      await (
        WebAssembly as unknown as { instantiateStreaming(response: Promise<Response>): Promise<object> }
      ).instantiateStreaming(
        Promise.resolve(make(WASM, { headers: { "content-type": "application/wasm" } })),
      ),
    ).sort(),
  "new Response(body, response)": (make) => {
    const made = new before("b", make("x", { status: 201, statusText: "Q", ...FIELDS }));
    return [made.status, made.statusText, made.headers.get("x")];
  },
  "new Response(response)": (make) => new before(make("x") as never).text(),
  "clone()": async (make) => {
    const clone = make("x", { status: 201, ...FIELDS }).clone() as Response;
    return [clone.status, clone.headers.get("x"), await clone.text(), clone instanceof before];
  },
  "Bun.inspect": (make) => Bun.inspect(make("x", FIELDS)),
  structuredClone: (make) => structuredClone(make("x")),
  "Bun.readableStreamToText": (make) => Bun.readableStreamToText(make("x").body!),
  "blob()": async (make) => (await make("x", { headers: { "content-type": "a/b" } }).blob()).type,
  "formData()": async (make) => [...(await make(new URLSearchParams("a=b")).formData()).entries()],
  "for in": (make) => {
    const names: string[] = [];
    for (const name in make("x")) names.push(name);
    return names.sort();
  },
  "Bun.deepEquals": (make) => Bun.deepEquals(make("a"), make("a")),
  "JSON.stringify": (make) => JSON.stringify(make("x")),
  String: (make) => String(make("x")),
};

test("the two are not the same", () => {
  expect([before === Response, new before("") instanceof Response]).toEqual([false, true]);
});

async function shown(make: Make, take: (make: Make) => unknown): Promise<unknown> {
  try {
    return await take(make);
  } catch (error) {
    return [(error as Error).name, (error as Error).message];
  }
}
const native: Make = (body, init) => new before(body, init);
const noted: Make = (body, init) => new Response(body, init);

test.each(Object.entries(takers))("%s", async (_, take) => {
  expect(await shown(noted, take)).toEqual(await shown(native, take));
});

/** Listed in docs/compatibility.md: an object that is none of Bun's is cloned. */
const OTHERS: ReadonlySet<string> = new Set(["structuredClone"]);

test.each(Object.entries(takers))("%s, of a light one", async (name, take) => {
  const light = await withLights(() => shown(noted, take));
  if (OTHERS.has(name)) expect(light).not.toEqual(await shown(native, take));
  else expect(light).toEqual(await shown(native, take));
});

test("what asks a light one for its native object by itself finds none", async () => {
  const response = lightly(() => new Response("x"));
  expect(structuredClone(response)).toEqual({} as never);
  const { get } = Object.getOwnPropertyDescriptor(Response.prototype, "status") as {
    get(this: Response): number;
  };
  expect(() => get.call(response)).toThrow(TypeError);
  expect(() => Response.prototype.text.call(response)).toThrow(TypeError);
  const native = new Response(response.body, response);
  expect(get.call(native)).toBe(200);
  const other = Object.setPrototypeOf(
    lightly(() => new Response("y")),
    Response.prototype,
  ) as Response;
  expect(() => other.status).toThrow(TypeError);
});

test("where a native server was started, Responses are native from then on", async () => {
  const isLight = (): boolean => LightResponse.lightOf(new Response("x")) !== null;
  await withLights(async () => {
    expect(isLight()).toBe(true);
    await served({ fetch: () => new before("x") });
    expect(isLight()).toBe(false);
  });
  expect(LightResponse.lightOf(lightly(() => new Response("x")))).not.toBeNull();
});

test("what is replaced has names, lengths and members as before", async () => {
  await withLights(() => {
    expect([Bun.write.name, Bun.spawn.name, Bun.spawnSync.name, Bun.serve.name]).toEqual([
      "write",
      "spawn",
      "spawnSync",
      "serve",
    ]);
    expect([HTMLRewriter.prototype.transform.length, (Blob.prototype as Bun.BunFile).write.length]).toEqual([
      1, 2,
    ]);
    expect(typeof $.escape).toBe("function");
  });
  expect(await Bun.$`echo ${"a b"}`.text()).toBe("a b\n");
  expect(await Bun.$`cat < ${lightly(() => new Response("in"))}`.env({ A: "1" }).text()).toBe("in");
});
