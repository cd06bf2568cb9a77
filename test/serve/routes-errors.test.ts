/** resolveRoutes against the real Bun.serve: each value is given to both, which refuse it with the same error or take it. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installResponseNotes } from "../../src/fetch/response-notes.ts";
import { resolveRoutes } from "../../src/serve/routes.ts";

installResponseNotes();
const directory = mkdtempSync(join(tmpdir(), "epollo-routes-"));
const filePath = join(directory, "file.txt");
writeFileSync(filePath, "file");
afterAll(() => rmSync(directory, { recursive: true }));

const answer = (): Response => new Response("x");

function picture(error: unknown): unknown {
  const { name, message, code } = error as Error & { code?: string };
  const members = Object.getOwnPropertyNames(Object.getPrototypeOf(error)).sort();
  return { name, message, code, members, text: String(error), own: JSON.stringify(error) };
}

function errorOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return picture(error);
  }
  return "accepted";
}

function used(): Response {
  const response = new Response("x");
  response.text();
  return response;
}

function usedStream(): Response {
  const response = new Response(new ReadableStream());
  response.text();
  return response;
}

function touched(): Response {
  const response = new Response("x");
  response.body;
  return response;
}

async function* generator(): AsyncGenerator<string> {
  yield "x";
}

const dir = directory;
/** Values by what they are; made anew for each server. */
const values: [string, string, () => unknown][] = [];
function row(pattern: string, ...makers: (() => unknown)[]): void {
  for (const make of makers) values.push([pattern, String(make).replaceAll(/\s+/g, " ").slice(0, 80), make]);
}
row(
  "/a",
  () => 1,
  () => null,
  () => true,
  () => "x",
  () => "",
  () => Symbol("x"),
  () => 1n,
  () => [],
);
row(
  "/a",
  () => ({}),
  () => ({ FOO: answer }),
  () => ({ get: answer }),
  () => Object.create({ GET: answer }),
);
row(
  "/a",
  () => new Blob(["x"]),
  () => new File(["x"], "n"),
  () => new Map(),
  () => new URL("http://a/"),
);
row(
  "/a",
  () => false,
  () => undefined,
  () => answer,
  () => class A {},
  () => ({ GET: 1, FOO: 1 }),
);
row(
  "/a",
  () => ({ GET: undefined }),
  () => ({ GET: null }),
  () => ({ GET: {} }),
  () => ({ GET: new Blob(["x"]) }),
);
row(
  "/a",
  used,
  usedStream,
  touched,
  () => ({ GET: used() }),
  () => Response.error(),
);
row(
  "/a",
  () => ({ POST: Response.error() }),
  () => new Response(null, { status: 204 }),
);
row(
  "/a",
  () => new Response(new ReadableStream()),
  () => new Response(generator() as unknown as ReadableStream),
);
row(
  "/a",
  () => Bun.file("/nonexistent"),
  () => new Response(Bun.file(filePath)),
  () => ({ GET: Bun.file(filePath) }),
);
row(
  "/a",
  () => ({ index: "x" }),
  () => ({ dir }),
  () => ({ dir: 1 }),
  () => ({ dir, index: 1 }),
);
row(
  "/:a/:a",
  () => answer,
  () => ({ GET: answer }),
  () => ({ GET: 1 }),
  () => ({ FOO: 1 }),
  () => false,
);
row(
  "/:a/:a",
  () => new Response("x"),
  () => Bun.file(filePath),
);
row("/a", () => new Bun.S3Client({ accessKeyId: "a", secretAccessKey: "b", bucket: "c" }).file("a"));
row(
  "/:1",
  () => answer,
  () => new Response("x"),
  () => ({ GET: new Response("x") }),
);
row("/x:1", () => answer);
row("/:/:", () => answer);
row("/:a:a", () => answer);
row("/:a/x:a", () => answer);
row(
  "/:a/*",
  () => ({ dir }),
  () => ({ dir: "/nonexistent" }),
  () => ({ dir: 1 }),
);
row("/**", () => ({ dir }));
row("/a*", () => ({ dir }));
row(
  "/p/*",
  () => ({ dir }),
  () => ({ dir: 1 }),
  () => ({ dir: Symbol("x") }),
  () => ({ dir: {} }),
  () => ({ dir: answer }),
);
row(
  "/p/*",
  () => ({ dir: false }),
  () => ({ dir: null }),
  () => ({ dir: undefined }),
  () => ({ dir: "" }),
);
row(
  "/p/*",
  () => ({ dir: "/nonexistent" }),
  () => ({ dir: filePath }),
  () => ({ dir: "./nonexistent" }),
);
row(
  "/p/*",
  () => ({ dir: "/" + "a".repeat(300) }),
  () => ({ dir: dir + "\0x" }),
  () => ({ dir: new String(dir) }),
);
row(
  "/p/*",
  () => ({ dir, index: 1 }),
  () => ({ dir: 1, index: 1 }),
  () => ({ dir, index: "x" }),
  () => ({ dir, index: null }),
);
row(
  "/p/*",
  () => ({ dir, statCache: "x" }),
  () => ({ dir, GET: answer }),
  () => ({ GET: { dir } }),
);
row(
  "/p/*",
  () => Object.create({ dir }),
  () => ({ GET: { dir: "/nonexistent" } }),
);

describe("errors", () => {
  for (const [pattern, name, make] of values) {
    test(`${pattern}: ${name}`, () => {
      const routes = { [pattern]: make() } as Record<string, Response>;
      const native = errorOf(() => {
        Bun.serve({ port: 0, hostname: "127.0.0.1", routes, fetch: answer }).stop(true);
      });
      expect(errorOf(() => resolveRoutes({ [pattern]: make() }))).toEqual(native);
    });
  }
});
