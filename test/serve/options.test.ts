/**
 * resolveOptions against the real Bun.serve: each row is given to both, and both must refuse it with the same error or
 * both accept it.
 */
import { describe, expect, test } from "bun:test";
import type { OptionEnvironment } from "../../src/serve/environment.ts";
import { resolveOptions } from "../../src/serve/options.ts";

const environment: OptionEnvironment = {
  defaultPort: 3000,
  isProduction: false,
  isClusterChild: false,
  coreCount: 4,
  host: "run",
  defaultHandlers: "pool",
  platform: "linux",
};

const fetch = (): Response => new Response("x");

/** What can be seen of an error, and the prototype chain's shape. */
function picture(error: unknown): unknown {
  const { name, message, code } = error as Error & { code?: string };
  const prototype = Object.getPrototypeOf(error);
  return {
    name,
    message,
    code,
    constructor: (error as Error).constructor.name,
    text: String(error),
    ownKeys: Object.keys(error as object),
    prototypeMembers: code === undefined ? [] : Object.getOwnPropertyNames(prototype).sort(),
    isTypeError: error instanceof TypeError,
    isRangeError: error instanceof RangeError,
  };
}

function errorOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return picture(error);
  }
  return "accepted";
}

function nativeErrorOf(options: unknown): unknown {
  return errorOf(() => {
    const server = Bun.serve(options as Bun.Serve.Options<undefined>);
    server.stop(true);
  });
}

const rows: [string, () => unknown][] = [];
function row(option: string, values: unknown[], beside: object = { fetch }): void {
  for (const value of values) {
    const name = `${option}: ${typeof value === "symbol" ? "symbol" : Bun.inspect(value, { depth: 2 }).replaceAll(/\s+/g, " ")}`;
    // A free port, so that the real server does start where the options are fine.
    rows.push([name, () => ({ ...beside, port: 0, hostname: "127.0.0.1", [option]: value })]);
  }
}

for (const value of [undefined, null, 1, "s", true, 1n, Symbol("s"), {}, [], () => {}, new Map()]) {
  rows.push([`the whole: ${typeof value} ${String(Bun.inspect(value))}`, () => value]);
}
row("fetch", ["x", 0, 1, false, true, {}, null, undefined, "", Symbol("s")], {});
row("error", [0, "x", {}, false, null, undefined, "", Symbol("s"), () => {}]);
row("onNodeHTTPRequest", [0, 1, "x", "", null]);
row("websocket", [0, 1, "x", true, false, Symbol("s"), 1n, null, undefined, "", {}, () => {}]);
row("webSocket", [0, 1, "x", null, undefined, "", {}]);
row("routes", [null, 1, "x", "", false, 1n, [], ["x"], {}, () => {}, { "/": false }, { "/": undefined }]);
row(
  "routes",
  [{}, [], ["x"], { "/": false }, { "/": undefined }, { "": fetch }, { a: false }, undefined],
  {},
);
row("routes", [
  { a: false },
  { "*": false },
  { "/é": false },
  { é: false },
  { "/a b": false },
  { "/:1": false },
]);
row("static", [null, 1, undefined, {}, { "/": false }]);
row("static", [{ "/": false }, {}], { routes: undefined });
row("idleTimeout", [256, 255, 0, -1, 1.5, -1.5, NaN, "10", "", true, false, Infinity, {}, 5n, null, -0]);
row("idleTimeout", [2 ** 31, 2 ** 32, 1e10, 2 ** 51 - 1, 2 ** 51, -(2 ** 51), -(2 ** 51) - 1, 1e300]);
row("port", [
  -1,
  65536,
  99999,
  "65536",
  "-1",
  1.5,
  NaN,
  Infinity,
  -Infinity,
  "abc",
  "1.5",
  "0x",
  {},
  1e21,
  1e15,
]);
row("port", [1n, Symbol("s"), 99999.5, -1.5, false, [], " ", -0, "0", "00", "0x0"]);
row("unix", ["/tmp/never.sock", Symbol("s")]);
row("unix", ["", null, undefined, false]);
row("hostname", [Symbol("s"), null, undefined, "", false, new String("127.0.0.1")]);
row("baseURI", [Symbol("s"), 1, null]);
row("id", [Symbol("s"), 5, null, "", {}]);
row("http1", [false, null, 0, "", undefined, true]);
row("http3", [true, 1, false, "", null]);
row("tls", [1, "x", true, Symbol("s"), 1n, [1], [null], [[1]], 0, "", false, null, undefined, {}, [], [{}]]);
row("tls", [{ foo: 1 }, () => {}, { key: null, cert: undefined }, [{}, 1]]);
row("development", [
  { hmr: 1 },
  { hmr: null },
  { console: "x" },
  { hmr: "x", console: 1 },
  { hmr: undefined },
]);
row("development", [{ chromeDevToolsAutomaticWorkspaceFolders: 1n }, { hmr: {} }, [], 0, "", () => {}]);
row("maxRequestBodySize", ["10", true, {}, -1, NaN, 5n, 1.5]);
row("reusePort", [Symbol("s"), "", 1]);

describe("the same errors as Bun.serve", () => {
  for (const [name, make] of rows) {
    test(name, () => {
      expect(errorOf(() => resolveOptions(make(), environment))).toEqual(nativeErrorOf(make()));
    });
  }

  test("at least half of the rows are refused, so that the comparison means something", () => {
    const refused = rows.filter(
      ([, make]) => errorOf(() => resolveOptions(make(), environment)) !== "accepted",
    );
    expect(refused.length).toBeGreaterThan(rows.length / 2);
  });
});

describe("of two mistakes the one that Bun names", () => {
  const mistakes: Record<string, unknown> = {
    development: { hmr: 1 },
    routes: 1,
    idleTimeout: 256,
    websocket: 1,
    port: -1,
    baseURI: Symbol("s"),
    hostname: Symbol("s"),
    unix: Symbol("s"),
    id: Symbol("s"),
    error: 1,
    onNodeHTTPRequest: 1,
    fetch: 1,
    tls: 1,
    http3: true,
    http1: false,
  };
  const names = Object.keys(mistakes);
  for (const first of names) {
    test(`${first} with each other`, () => {
      for (const second of names) {
        const options = { fetch, port: 0, [second]: mistakes[second], [first]: mistakes[first] };
        expect([second, errorOf(() => resolveOptions(options, environment))]).toEqual([
          second,
          nativeErrorOf(options),
        ]);
      }
    });
  }

  test("an unusable route is found before what is read after it", () => {
    const options = { fetch, idleTimeout: 256, routes: { a: false } };
    expect(errorOf(() => resolveOptions(options, environment))).toEqual(nativeErrorOf(options));
  });
});

describe("reading", () => {
  /** The names read, in order, by whoever is given `options`. */
  function readsOf(options: object, run: (traced: object) => unknown): string[] {
    const reads: string[] = [];
    const traced = new Proxy(options, {
      get(target, name) {
        reads.push(String(name));
        return Reflect.get(target, name);
      },
    });
    run(traced);
    return reads;
  }

  for (const options of [
    { fetch, port: 0 },
    { fetch, port: 0, hostname: "127.0.0.1" },
    { fetch, port: 0, hostname: "", routes: {} },
  ]) {
    test(`reads ${Object.keys(options).join(", ")} once each, in Bun's order`, () => {
      const ours = readsOf(options, (traced) => resolveOptions(traced, environment));
      const native = readsOf(options, (traced) => Bun.serve(traced as { fetch: typeof fetch }).stop(true));
      expect(ours).toEqual([
        ...native,
        "handlers",
        "threads",
        "limits",
        "observe",
        "health",
        "proxyProtocol",
        "fd",
      ]);
    });
  }

  test("a getter's error comes through unchanged", () => {
    const mine = new Error("mine");
    const options = {
      get fetch(): never {
        throw mine;
      },
    };
    let caught: unknown;
    try {
      resolveOptions(options, environment);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBe(mine);
  });

  test("options may come from a prototype", () => {
    expect(resolveOptions(Object.create({ fetch, port: 8080 }), environment)).toMatchObject({
      fetch,
      port: 8080,
    });
  });
});
