/**
 * resolveRoutes against the real Bun.serve: which of several routes answers which method, and what values lead
 * to. Values that are refused are in routes-errors.test.ts.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installResponseNotes } from "../../src/fetch/response-notes.ts";
import { RouteTable } from "../../src/fetch/router.ts";
import { METHOD_GET, METHOD_HEAD, METHODS } from "../../src/http/method.ts";
import { resolveRoutes } from "../../src/serve/routes.ts";
import { exchange } from "../support/exchange.ts";

installResponseNotes();
const directory = mkdtempSync(join(tmpdir(), "epollo-routes-"));
const filePath = join(directory, "file.txt");
writeFileSync(filePath, "file");
afterAll(() => rmSync(directory, { recursive: true }));

const answer = (): Response => new Response("x");

const dir = directory;
const S = (tag: string): Response => new Response(tag, { headers: { tag } });
const F = (tag: string) => (): Response => S(tag);
const A = "/b/:id";
const B = "/b/:name";
const orders: [string, () => Record<string, unknown>][] = [
  ["fn, fn", () => ({ [A]: F("1"), [B]: F("2") })],
  ["GET, fn", () => ({ [A]: { GET: F("1") }, [B]: F("2") })],
  ["fn, GET", () => ({ [A]: F("1"), [B]: { GET: F("2") } })],
  ["GET and HEAD", () => ({ [A]: { GET: F("1"), HEAD: F("2") } })],
  ["GET, HEAD that is nothing", () => ({ [A]: { HEAD: 1, GET: F("1") } })],
  ["GET, false", () => ({ [A]: { GET: F("1") }, [B]: false })],
  ["false, HEAD", () => ({ [B]: false, [A]: { HEAD: F("1") } })],
  ["false, fn", () => ({ [B]: false, [A]: F("1") })],
  ["static, fn", () => ({ [A]: S("s"), [B]: F("1") })],
  ["static, false", () => ({ [A]: S("s"), [B]: false })],
  ["static, HEAD", () => ({ [A]: S("s"), [B]: { HEAD: F("1") } })],
  ["static, static", () => ({ [A]: S("s"), [B]: S("t") })],
  ["GET static", () => ({ [A]: { GET: S("s") } })],
  ["POST static, GET", () => ({ [A]: { POST: S("s"), GET: F("1") } })],
  ["GET static and HEAD", () => ({ [A]: { GET: S("s"), HEAD: F("1") } })],
  ["GET and HEAD static", () => ({ [A]: { GET: F("1"), HEAD: S("s") } })],
  ["GET static, HEAD elsewhere", () => ({ [A]: { GET: S("s") }, [B]: { HEAD: F("1") } })],
  ["GET static, static", () => ({ [A]: { GET: S("s") }, [B]: S("t") })],
  ["static, GET static", () => ({ [A]: S("t"), [B]: { GET: S("s") } })],
  ["GET static, fn", () => ({ [A]: { GET: S("s") }, [B]: F("1") })],
  ["GET on a literal, fn on a parameter", () => ({ "/b/1": { GET: F("1") }, [A]: F("2") })],
  ["static with a Blob for GET", () => ({ [A]: { GET: new Blob(["x"]) }, "/*": F("w") })],
  ["fn, static wildcards", () => ({ "/b/*": S("s"), "/b/*x": F("1") })],
];

describe("which route answers", () => {
  for (const [name, make] of orders) {
    test(name, async () => {
      const { entries } = resolveRoutes(make());
      const table = new RouteTable(entries);
      // The functions' own tags, by number.
      const tags = resolveRoutes(make()).handlers.map(({ run }) =>
        (run as () => Response)().headers.get("tag"),
      );
      const options = { port: 0, hostname: "127.0.0.1", routes: make(), fetch: F("fetch") };
      using server = Bun.serve(options as unknown as Bun.Serve.Options<undefined>);
      for (const method of ["GET", "HEAD", "POST", "PROPFIND"]) {
        const native = await exchange(server.port!, "/b/1", { method });
        const target = table.match("/b/1", METHODS.indexOf(method))?.value;
        let tag: string | null | undefined = "fetch";
        if (target?.kind === "handler") tag = tags[target.handler];
        if (target?.kind === "static") tag = /tag: (.*)\r\n/.exec(target.content.fields)?.[1];
        expect([method, tag]).toEqual([method, native.headers.tag]);
      }
    });
  }
});

test("what a route leads to", () => {
  const file = Bun.file(filePath);
  const page = new Response(file, { status: 201, headers: { "x-a": "1", "content-length": "9" } });
  const { entries, handlers, needsNative } = resolveRoutes({
    "/f/:a": answer,
    "/no": false,
    "/file": file,
    "/page": page,
    "/pub/*": { dir },
    "/uncached/*": { dir, statCache: false },
  });
  expect(needsNative).toBeNull();
  expect(handlers).toEqual([{ run: answer, pattern: "/f/:a", names: ["a"], segments: [1] }]);
  const targets = Object.fromEntries(entries.map(({ pattern, value }) => [pattern, value]));
  expect(targets["/f/:a"]).toEqual({ kind: "handler", handler: 0 });
  expect(targets["/no"]).toBeNull();
  expect(targets["/file"]).toMatchObject({ kind: "file", path: filePath, status: 200, fields: [] });
  expect(targets["/page"]).toMatchObject({ kind: "file", path: filePath, status: 201 });
  const found = targets["/page"];
  if (found?.kind !== "file") throw new Error("not a file");
  expect(found.fields).toContainEqual(["x-a", "1"]);
  expect(found.fields.map(([name]) => name)).not.toContain("content-length");
  expect(found.type).toBe("text/plain;charset=utf-8");
  expect(targets["/pub/*"]).toEqual({ kind: "directory", path: dir, mount: "/pub/", cachesStat: true });
  expect(targets["/uncached/*"]).toMatchObject({ cachesStat: false });
  expect(page.bodyUsed).toBe(false);
});

test("entries can be sent to another thread", async () => {
  const body = new Uint8Array([1, 2, 3]);
  const { entries } = resolveRoutes({
    "/s": new Response(body),
    "/f": Bun.file(filePath).slice(1, 3),
    "/h": answer,
  });
  body[0] = 9;
  const table = new RouteTable(structuredClone(entries));
  const found = table.match("/s", METHOD_GET)!.value;
  expect(found).toMatchObject({ kind: "static", content: { body: new Uint8Array([1, 2, 3]) } });
  const file = table.match("/f", METHOD_HEAD)!.value;
  if (file.kind !== "file") throw new Error("not a file");
  expect(await file.file.text()).toBe("il");
});

test("the Response stays unread and may be a route twice", async () => {
  const response = new Response("é");
  const { entries } = resolveRoutes({ "/a": response, "/b": { GET: response } });
  expect(entries[0]!.value).toEqual(entries[1]!.value);
  expect(await response.text()).toBe("é");
});

test("a fetched Response that is in memory", async () => {
  using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => new Response(new Uint8Array([104, 105])),
  });
  const { entries } = resolveRoutes({ "/a": await fetch(server.url) });
  const target = entries[0]!.value;
  if (target?.kind !== "static") throw new Error("not static");
  expect(Buffer.from(target.content.body).toString()).toBe("hi");
  expect(target.content.fields).not.toContain("content-type: text");
});

test("what only the native server can do", () => {
  const page = Object.create({ [Symbol.toStringTag]: "HTMLBundle" });
  for (const [value, reason] of [
    [page, "an HTML route"],
    [{ GET: page }, "an HTML route"],
    [{ index: "x", files: [] }, "an HTML route"],
    [Bun.file(0), "a route to a file descriptor"],
  ] as const) {
    const resolved = resolveRoutes({ "/a": value, "/b": answer });
    expect(resolved.needsNative).toBe(reason);
    expect(resolved.handlers.length).toBe(1);
  }
  expect(resolveRoutes({ "/*": { dir, style: "nextjs-pages" } }).needsNative).toBe("a framework route");
});
