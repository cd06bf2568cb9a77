/** What resolveOptions makes of options that are fine: defaults, conversions, and who serves them. */

import { describe, expect, test } from "bun:test";
import type { OptionEnvironment } from "../../src/serve/environment.ts";
import { resolveLimits } from "../../src/serve/limit-options.ts";
import { type ResolvedOptions, resolveOptions } from "../../src/serve/options.ts";

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

function resolved(options: object, changes: Partial<OptionEnvironment> = {}): ResolvedOptions {
  return resolveOptions({ fetch, ...options }, { ...environment, ...changes });
}

/** Whether two servers can listen on one port with these options. */
function nativeReusesPort(options: object): boolean {
  const first = Bun.serve({ fetch, hostname: "127.0.0.1", port: 0, ...options });
  try {
    Bun.serve({ fetch, hostname: "127.0.0.1", ...options, port: first.port! }).stop(true);
    return true;
  } catch {
    return false;
  } finally {
    first.stop(true);
  }
}

describe("values", () => {
  test("defaults", () => {
    const options = resolved({});
    expect(options).toEqual({
      needsNative: null,
      fetch,
      error: null,
      port: 3000,
      hostname: undefined,
      unix: undefined,
      reusePort: false,
      ipv6Only: false,
      isIdleTimeoutGiven: false,
      idleTimeoutSeconds: 10,
      maxRequestBodyBytes: 134_217_728,
      isDevelopment: true,
      id: "",
      routes: null,
      resolvedRoutes: null,
      websocket: null,
      tls: null,
      http1: true,
      http2: false,
      http3: false,
      mode: "pool",
      moduleUrl: null,
      threads: {
        dispatchers: 2,
        min: 1,
        max: 16,
        retireAfterMs: 10_000,
        handlerTimeoutMs: Infinity,
        startTimeoutMs: null,
        maxBacklogTasks: 65_536,
        balance: "bounded",
        isInlineAllowed: true,
        gracefulSignals: null,
      },
      limits: resolveLimits(undefined),
      observe: { metricsPath: null, pagePath: null, log: null, accessLog: null },
      health: { livePath: null, readyPath: null, delayMs: 0 },
      proxies: null,
      fd: null,
      ignored: [],
    });
    expect(Object.isFrozen(options)).toBe(true);
    expect(Object.isFrozen(options.threads)).toBe(true);
  });

  test.each([
    ["0x1F90", 8080],
    [" 80 ", 80],
    [true, 1],
    [[], 0],
    [false, 0],
    [-0, 0],
    ["", 3000],
    [null, 3000],
    [undefined, 3000],
    [65535, 65535],
  ])("port %p is %d", (port, expected) => {
    expect(resolved({ port }).port).toBe(expected);
  });

  test.each([
    [null, 10],
    [undefined, 10],
    [0, 0],
    [-1, 0],
    [255, 255],
  ])("idleTimeout %p is %d s", (idleTimeout, expected) => {
    expect(resolved({ idleTimeout }).idleTimeoutSeconds).toBe(expected);
  });

  test.each([
    ["10", 134_217_728],
    [true, 134_217_728],
    [0, 0],
    [-0, 0],
    [-5, 0],
    [NaN, 0],
    [10.9, 10],
    [Infinity, Number.MAX_SAFE_INTEGER],
  ])("maxRequestBodySize %p is %d bytes", (maxRequestBodySize, expected) => {
    expect(resolved({ maxRequestBodySize }).maxRequestBodyBytes).toBe(expected);
  });

  test("hostname and its alias", () => {
    expect(resolved({ hostname: "" }).hostname).toBeUndefined();
    expect(resolved({ hostname: null, host: "::1" }).hostname).toBe("::1");
    expect(resolved({ hostname: "a", host: "b" }).hostname).toBe("a");
    expect(resolved({ hostname: 0 }).hostname).toBe("0");
  });

  test("unix", () => {
    expect(resolved({ unix: "" }).unix).toBeUndefined();
    expect(resolved({ unix: 1, port: 80 }).unix).toBe("1");
    expect(resolved({ unix: "\0abstract" }).unix).toBe("\0abstract");
    expect(() => resolved({ unix: "x", host: "localhost" })).toThrow("Cannot specify both hostname and unix");
  });

  test("development follows the environment, unless given", () => {
    expect(resolved({}, { isProduction: true }).isDevelopment).toBe(false);
    expect(resolved({ development: true }, { isProduction: true }).isDevelopment).toBe(true);
    expect(resolved({ development: { hmr: false } }).isDevelopment).toBe(true);
    expect(resolved({ development: null }).isDevelopment).toBe(false);
    expect(resolved({ development: undefined }).isDevelopment).toBe(true);
  });

  test.each([
    [{}],
    [{ development: true }],
    [{ development: false }],
    [{ development: null }],
    [{ development: undefined }],
    [{ development: false, reusePort: false }],
    [{ development: false, reusePort: null }],
    [{ development: false, reusePort: undefined }],
    [{ development: true, reusePort: 1 }],
  ])("reusePort of %j is Bun's", (options) => {
    expect(resolved(options).reusePort).toBe(nativeReusesPort(options));
  });

  test("reusePort is on in a cluster child, unless given", () => {
    expect(resolved({}, { isClusterChild: true }).reusePort).toBe(true);
    expect(resolved({ reusePort: false }, { isClusterChild: true }).reusePort).toBe(false);
  });

  test("routes are read once and copied", () => {
    const routes: Record<string, unknown> = { "/a": false, "/b": undefined, "": 1 };
    const options = resolved({ routes });
    routes["/c"] = false;
    expect({ ...options.routes }).toEqual({ "/a": false });
    expect(options.needsNative).toBeNull();
    expect(resolved({ routes: { "/x": fetch } }).routes!["/x"]).toBe(fetch);
  });
});

describe("delegation", () => {
  test("routes are served here", () => {
    const options = resolved({ routes: { "/a": () => new Response("a") } });
    expect([options.needsNative, options.resolvedRoutes?.handlers.length]).toEqual([null, 1]);
  });

  const html = { [Symbol.toStringTag]: "HTMLBundle" };
  test.each([
    ["an HTML route", { routes: { "/a": fetch, "/": html } }],
    ["websocket", { websocket: {} }],
    ["websocket", { webSocket: {} }],
    ["node:http", { onNodeHTTPRequest: () => {} }],
    ["node:http", { onNodeHTTPRequest: () => {}, fetch: undefined }],
    ["http2", { http2: true }],
    ["tls", { tls: { key: "k", cert: "c" } }],
    ["tls", { tls: { key: 5 } }],
    ["tls", { tls: [{ serverName: "a" }] }],
    ["tls", { rejectUnauthorized: false }],
    ["tls", { http3: true, tls: { cert: "c" } }],
  ])("%s: %j", (reason, options) => {
    expect(resolved(options).needsNative).toBe(reason);
  });

  test("a system other than Linux", () => {
    expect(resolved({}, { platform: "darwin" }).needsNative).toBe("epollo needs Linux, this is darwin");
  });

  test("mistakes found after the reason are left to the native server, those before are not", () => {
    expect(resolved({ websocket: {}, port: -1 }).needsNative).toBe("websocket");
    expect(() => resolved({ websocket: {}, idleTimeout: 256 })).toThrow("idleTimeout");
  });

  test("options of epollo's own that would be lost: what would protect is refused, the rest is named", () => {
    const native = (options: object): object => ({ websocket: {}, ...options });
    expect(() => resolved(native({ limits: { connections: 5 } }))).toThrow(
      "limits cannot be used with what the native Bun.serve has to serve: websocket",
    );
    expect(resolved(native({ observe: { page: "/p" }, threads: { max: 3 } })).ignored).toEqual([
      "threads",
      "observe",
    ]);
    expect(resolved({ limits: { connections: 5 }, observe: { page: "/p" } }).ignored).toEqual([]);
  });

  test("on another system than Linux, for development, nothing is refused", () => {
    const options = { limits: { connections: 5 }, health: { live: "/live" } };
    expect(resolved(options, { platform: "darwin" }).ignored).toEqual([]);
  });

  test("mistakes in threads are not", () => {
    expect(() => resolved({ websocket: {}, threads: { max: 0 } })).toThrow("threads.max");
  });
});
