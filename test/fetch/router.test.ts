/**
 * RouteTable: tables of routes and paths against the real Bun.serve with the same routes, and random ones against a
 * reference that looks at every route.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { paramsOf } from "../../src/fetch/bun-request.ts";
import {
  ANY_METHOD,
  type Match,
  patternParams,
  type RouteEntry,
  RouteTable,
  routePath,
} from "../../src/fetch/router.ts";
import { METHOD_GET, METHOD_HEAD, METHOD_POST, METHODS } from "../../src/http/method.ts";
import { exchange } from "../support/exchange.ts";

/** Routes: a pattern takes any method, "METHOD pattern" that one, "none pattern" goes to `fetch`. */
type Routes = readonly string[];

function parse(route: string): { method: string; pattern: string } {
  const space = route.indexOf(" ");
  return space < 0
    ? { method: "any", pattern: route }
    : { method: route.slice(0, space), pattern: route.slice(space + 1) };
}

function tableOf(routes: Routes): RouteTable<string> {
  const order = (route: string): number => (route.startsWith("none ") ? 1 : 0);
  return new RouteTable(
    routes
      .toSorted((left, right) => order(left) - order(right))
      .map((route): RouteEntry<string> => {
        const { method, pattern } = parse(route);
        if (method === "none") return { pattern, methods: [METHOD_HEAD, ANY_METHOD], value: null };
        if (method === "any") return { pattern, methods: [ANY_METHOD], value: route };
        return { pattern, methods: [METHODS.indexOf(method)], value: route };
      }),
  );
}

function nativeOf(routes: Routes): Bun.Server<undefined> {
  const given: Record<string, unknown> = {};
  for (const route of routes) {
    const { method, pattern } = parse(route);
    const answer = (request: Bun.BunRequest): Response => Response.json([route, request.params]);
    if (method === "none") given[pattern] = false;
    else if (method === "any") given[pattern] = answer;
    else given[pattern] = { ...(given[pattern] as object), [method]: answer };
  }
  const options = {
    port: 0,
    hostname: "127.0.0.1",
    routes: given,
    fetch: () => Response.json(["fetch", null]),
  };
  return Bun.serve(options as unknown as Bun.Serve.Options<undefined>);
}

const cases: { readonly routes: Routes; readonly requests: readonly string[] }[] = [
  {
    routes: ["/", "/a", "/a/", "/A", "/a/b", "/a%20b", "//", "/x//y"],
    requests: [
      "/",
      "/a",
      "/a/",
      "/A",
      "/a?x",
      "/a/b",
      "/a/b/",
      "/a%20b",
      "//",
      "///",
      "/x//y",
      "/x/y",
      "/a/./b",
    ],
  },
  {
    routes: ["/r/lit/x", "/r/:a/y", "/v/:a/b/c", "/v/*", "/q/lit/:y", "/q/:x/z"],
    requests: [
      "/r/lit/y",
      "/r/lit/x",
      "/r/1/x",
      "/v/1/b/d",
      "/v/1/b/c",
      "/v/",
      "/v",
      "/q/lit/z",
      "/q/1/z",
      "/q//z",
    ],
  },
  {
    routes: ["/a/*/b", "/a/*", "/w/*", "/n/:id/*"],
    requests: ["/a/1/b", "/a/", "/a", "/w/", "/w", "/w/1/2/3", "/n/1", "/n/1/", "/n/1/2/3", "/n//2"],
  },
  { routes: ["/a/*b", "/a/*", "/c/*", "/c/*d"], requests: ["/a/1", "/a/b", "/c/d", "/c/", "/c"] },
  {
    routes: [
      "/:a-b",
      "/1/:a.json",
      "/2/:a?",
      "/3/:a*",
      "/4/:",
      "/5/pre:a",
      "/6/:/:b",
      "/7/:a:b",
      "/8/:a/x:b/:c",
    ],
    requests: [
      "/1/x",
      "/zz",
      "/2/x",
      "/3/x/",
      "/3/x",
      "/4/x",
      "/4/",
      "/5/pre:a",
      "/5/prex",
      "/6/1/2",
      "/7/1",
      "/8/1/x:b/2",
    ],
  },
  { routes: ["/9/:__proto__", "/10/:a/*:b", "/11/a:"], requests: ["/9/1", "/10/1/2", "/11/a:", "/11/a"] },
  { routes: ["/b/:id", "/b/:name", "GET /c/:id", "/c/:name"], requests: ["/b/1", "/c/1", "POST /c/1"] },
  {
    routes: ["GET /n/:id", "/n/five", "POST /n/six", "/*", "GET /g"],
    requests: ["/n/five", "/n/six", "POST /n/six", "POST /n/1", "/g", "POST /g", "PROPFIND /g", "/n"],
  },
  { routes: ["GET /g", "POST /h/:a"], requests: ["POST /g", "/h/1", "POST /h/1", "DELETE /h/1", "QUERY /g"] },
  {
    routes: ["/*", "none /a/*", "/a/b", "GET /a/:q/c", "none /z", "none /p/:a", "/p/1"],
    requests: ["/a/b", "/a/z", "/a/1/c", "POST /a/1/c", "/q", "/z", "POST /z", "/p/1", "/p/2", "/p/"],
  },
  { routes: ["none /*", "/a"], requests: ["/", "/a", "/b"] },
  { routes: ["GET /b/:id", "none /b/:name"], requests: ["/b/1", "POST /b/1"] },
  { routes: ["/:a", "/x"], requests: ["/a#b", "/x#y", "/x#", "http://h/x", "http://h/y?z", "HTTP://h/x"] },
  { routes: ["/", "/x"], requests: ["http://h", "https://h?q", "http://h/", "/?", "/x?/"] },
  {
    routes: ["/:a"],
    requests: [
      "/a%20b%2Fc",
      "/%FF",
      "/a+b",
      "/%",
      "/%4",
      "/%zz",
      "/%E2%82",
      "/%c3%a9",
      "/\xc3\xa9",
      "/\xff%41",
    ],
  },
];

describe("as the real Bun.serve", () => {
  for (const { routes, requests } of cases) {
    test(routes.join(", "), async () => {
      const table = tableOf(routes);
      using server = nativeOf(routes);
      for (const request of requests) {
        const { method, pattern: target } = parse(request);
        const name = method === "any" ? "GET" : method;
        const { text } = await exchange(server.port!, target, { method: name });
        const path = routePath(Buffer.from(target, "latin1").toString("utf8"));
        const match = table.match(path, METHODS.indexOf(name));
        const found = match === null ? ["fetch", null] : [match.value, paramsOf(match, path)];
        expect([request, JSON.stringify(found)]).toEqual([request, text]);
      }
    });
  }
});

test("a path that does not start with a slash loses its first character", () => {
  const table = tableOf(["/x", "/:a"]);
  expect(table.match("ax", METHOD_GET)?.value).toBe("/x");
  expect(table.match("h:1", METHOD_GET)?.value).toBe("/:a");
  expect(tableOf(["/x"]).match("ax", METHOD_GET)?.value).toBe("/x");
  expect(table.match("", METHOD_GET)).toBeNull();
});

test("the route after one that declined", () => {
  const table = tableOf(["GET /a/b", "/a/b", "/a/:x", "/*", "none /n/:x", "/n/1"]);
  const values: string[] = [];
  let match: Match<string> | null = table.match("/a/b", METHOD_GET);
  while (match !== null) {
    values.push(match.value);
    match = table.matchAfter("/a/b", METHOD_GET, match);
  }
  expect(values).toEqual(["GET /a/b", "/a/b", "/a/:x", "/*"]);
  expect(table.match("/a/b", METHOD_POST)?.value).toBe("/a/b");
  // `false` ends the search.
  expect(table.matchAfter("/n/1", METHOD_GET, table.match("/n/1", METHOD_GET)!)).toBeNull();
});

test("a match is the same object each time and says where its parameters are", () => {
  const table = tableOf(["/u/:id/p/:post"]);
  const match = table.match("/u/1/p/2", METHOD_GET)!;
  expect(table.match("/u/3/p/4", METHOD_GET)).toBe(match);
  expect(match).toEqual({
    value: "/u/:id/p/:post",
    pattern: "/u/:id/p/:post",
    names: ["id", "post"],
    segments: [1, 3],
  });
  expect(patternParams("/u/:id/p/:post")).toEqual({ names: ["id", "post"], segments: [1, 3] });
});

test("a tree of ambiguous segments is searched once at most", () => {
  const depth = 18;
  const routes: string[] = [];
  for (let index = 0; index < depth; index++) {
    routes.push("/a".repeat(index) + "/:p" + "/a".repeat(depth - index) + "/end");
  }
  const table = tableOf(routes);
  for (let index = 0; index < 1000; index++) {
    expect(table.match("/a".repeat(depth + 1) + "/no", METHOD_GET)).toBeNull();
  }
});

/** Looks at every route: the least by segment kinds, then by method, then the last. */
function reference(routes: Routes, path: string, method: string): string | null {
  const given = path.split("/").slice(1);
  let best: { key: string; route: string } | null = null;
  for (const route of routes) {
    const own = parse(route);
    if (own.method !== "any" && own.method !== "none" && own.method !== method) continue;
    const segments = own.pattern.split("/").slice(1);
    const isWild = segments.at(-1) === "*";
    if (isWild ? given.length < segments.length : given.length !== segments.length) continue;
    const fits = segments.every(
      (segment, at) =>
        segment === "*" || (segment.startsWith(":") ? given[at] !== "" : given[at] === segment),
    );
    if (!fits) continue;
    const kinds = segments.map((segment) => (segment === "*" ? 2 : segment.startsWith(":") ? 1 : 0)).join("");
    const key = kinds + (own.method === method ? "a" : own.method === "any" ? "c" : "b");
    if (best === null || key <= best.key) best = { key, route };
  }
  return best === null || best.route.startsWith("none ") ? null : best.route;
}

test("random routes and paths, against the reference", () => {
  const segment = fc.constantFrom("a", "b", "", ":p", ":q");
  const pattern = fc
    .tuple(fc.array(segment, { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([segments, isWild]) => "/" + [...segments, ...(isWild ? ["*"] : [])].join("/"));
  const prefix = fc.constantFrom("", "", "GET ", "POST ", "none ");
  const route = fc.tuple(prefix, pattern).map(([method, path]) => method + path);
  const path = fc
    .array(fc.constantFrom("a", "b", "", "c"), { minLength: 1, maxLength: 6 })
    .map((segments) => "/" + segments.join("/"));
  fc.assert(
    fc.property(fc.array(route, { maxLength: 12 }), fc.array(path, { maxLength: 12 }), (routes, paths) => {
      const table = tableOf(routes);
      for (const each of paths) {
        for (const method of ["GET", "POST"]) {
          const found = table.match(each, METHODS.indexOf(method))?.value ?? null;
          expect([each, method, found]).toEqual([each, method, reference(routes, each, method)]);
        }
      }
    }),
    { numRuns: 300 },
  );
});
