/** Values of `routes` that Bun.serve refuses, or takes although they look wrong (BUN-SERVE.md section 4.2). */
import type { Case } from "../compare.ts";

/** Routes, made anew for each server, since a Response can be used once. */
export interface RouteErrorCase extends Case {
  readonly make: () => unknown;
}

const cases: RouteErrorCase[] = [];
function routes(id: string, make: () => unknown): void {
  // Checked on the thread that calls serve(), before there is a mode.
  cases.push({ id: `routes-${id}`, section: "4.2", make, notInPool: "the same in every mode" });
}

const fine = (): Response => new Response("x");
const used = (): Response => {
  const response = new Response("used");
  void response.text();
  return response;
};

const VALUES: readonly (readonly [name: string, make: () => unknown])[] = [
  ["number", () => 1],
  ["null", () => null],
  ["undefined", () => undefined],
  ["true", () => true],
  ["string", () => "x"],
  ["empty-string", () => ""],
  ["bigint", () => 1n],
  ["symbol", () => Symbol("s")],
  ["array", () => []],
  ["empty-object", () => ({})],
  ["unknown-method", () => ({ FOO: fine })],
  ["lower-case-method", () => ({ get: fine })],
  ["unknown-beside-known", () => ({ GET: fine, FOO: fine })],
  ["method-number", () => ({ GET: 1 })],
  ["method-null", () => ({ GET: null })],
  ["method-undefined", () => ({ GET: undefined })],
  ["method-false", () => ({ GET: false })],
  ["method-string", () => ({ GET: "x" })],
  ["method-response", () => ({ GET: new Response("x") })],
  ["method-used-response", () => ({ GET: used() })],
  ["method-stream-response", () => ({ GET: new Response(new ReadableStream()) })],
  ["method-file", () => ({ GET: Bun.file("/etc/hostname") })],
  ["method-object", () => ({ GET: {} })],
  ["response", () => new Response("x")],
  ["used-response", used],
  ["stream-response", () => new Response(new ReadableStream())],
  ["generator-response", () => new Response((async function* () {})() as never)],
  ["error-response", () => Response.error()],
  ["no-content", () => new Response(null, { status: 204 })],
  ["promise", () => Promise.resolve(new Response("x"))],
  ["blob", () => new Blob(["x"])],
  ["file", () => Bun.file("/etc/hostname")],
  ["missing-file", () => Bun.file("/nonexistent/file")],
  ["file-of-fd", () => Bun.file(0)],
  ["request", () => new Request("http://x/")],
  ["map", () => new Map()],
  ["date", () => new Date(0)],
  ["class", () => class {}],
  ["async-function", () => async () => new Response("x")],
  ["inherited-method", () => Object.create({ GET: fine })],
];
for (const [name, make] of VALUES) routes(`value-${name}`, () => ({ "/x": make() }));

const PATHS =
  "a|*|/*|/a/*/b|/:|/:a|/:a/:a|/:1|/:1a|/:a1|/:a-b|/a:b|/:é|/é|/a b|/?x|/#x|//|/a//b|/:a/:b/:c|/:a*|/*a|/a*|/**|/[a]|/:toString";
for (const path of PATHS.split("|")) routes(`path-${path}`, () => ({ [path]: fine }));
routes("path-empty", () => ({ "": fine }));
routes("path-long", () => ({ [`/${"x".repeat(5000)}`]: fine }));
routes("path-many-params", () => ({ [Array.from({ length: 70 }, (_, i) => `/:p${i}`).join("")]: fine }));
routes("path-symbol", () => ({ [Symbol("s")]: fine }));

const DIRECTORIES: readonly (readonly [name: string, path: string, value: unknown])[] = [
  ["fine", "/pub/*", { dir: "/etc" }],
  ["without-star", "/pub", { dir: "/etc" }],
  ["with-slash", "/pub/", { dir: "/etc" }],
  ["root", "/*", { dir: "/etc" }],
  ["param", "/:a/*", { dir: "/etc" }],
  ["number", "/pub/*", { dir: 1 }],
  ["null", "/pub/*", { dir: null }],
  ["missing", "/pub/*", { dir: "/nonexistent" }],
  ["file", "/pub/*", { dir: "/etc/hostname" }],
  ["empty", "/pub/*", { dir: "" }],
  ["relative", "/pub/*", { dir: "." }],
  ["stat-cache", "/pub/*", { dir: "/etc", statCache: true }],
  ["stat-cache-number", "/pub/*", { dir: "/etc", statCache: 1 }],
  ["stat-cache-string", "/pub/*", { dir: "/etc", statCache: "x" }],
  ["with-method", "/pub/*", { dir: "/etc", GET: fine }],
  ["unknown-option", "/pub/*", { dir: "/etc", foo: 1 }],
];
for (const [name, path, value] of DIRECTORIES) routes(`dir-${name}`, () => ({ [path]: value }));

routes("two-mistakes", () => ({ "/a": 1, b: fine }));
routes("mistake-after-fine", () => ({ "/a": fine, "/b": 1 }));
routes("false-only", () => ({ "/a": false }));
routes("same-response-twice", () => {
  const response = new Response("x");
  return { "/a": response, "/b": response };
});

/** All of them. */
export const routeErrorCases: readonly RouteErrorCase[] = cases;
