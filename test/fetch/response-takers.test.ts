/** What takes a Response in Bun takes one of the replaced constructor as it takes a native one. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { $ } from "bun";
import { installResponseNotes } from "../../src/fetch/response-notes.ts";

installResponseNotes();
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
  "Bun.spawn": (make) => new before(Bun.spawn(["cat"], { stdin: make("in"), stdout: "pipe" }).stdout).text(),
  "the shell": async (make) => await $`cat < ${make("in")}`.text(),
  "a handler of Bun.serve": (make) => served({ fetch: () => make("served", FIELDS) }),
  "a handler of Bun.serve, bare": (make) => served({ fetch: () => make("served") }),
  "a route of Bun.serve": (make) => served({ routes: { "/": make("served", FIELDS) } }),
  "WebAssembly.compileStreaming": async (make) =>
    String(
      await (
        WebAssembly as unknown as { compileStreaming(response: Response): Promise<object> }
      ).compileStreaming(make(WASM, { headers: { "content-type": "application/wasm" } })),
    ),
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

test.each(Object.entries(takers))("%s", async (_, take) => {
  const shown = async (make: Make): Promise<unknown> => {
    try {
      return await take(make);
    } catch (error) {
      return [(error as Error).name, (error as Error).message];
    }
  };
  expect(await shown((body, init) => new Response(body, init))).toEqual(
    await shown((body, init) => new before(body, init)),
  );
});
