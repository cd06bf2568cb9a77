/** `health`: what is accepted, defaults, and the errors for the rest. */
import { expect, test } from "bun:test";
import { resolveHealth } from "../../src/serve/health-options.ts";

test("nothing by default", () => {
  const nothing = { livePath: null, readyPath: null, delayMs: 0 };
  expect([undefined, {}].map((given) => resolveHealth(given, null))).toEqual([nothing, nothing]);
});

test("paths and a delay", () => {
  expect(resolveHealth({ live: "/healthz", ready: "/readyz", delay: 5000 }, "/metrics")).toEqual({
    livePath: "/healthz",
    readyPath: "/readyz",
    delayMs: 5000,
  });
});

test.each<[unknown, string]>([
  [true, "health must be an object, but was true"],
  [null, "health must be an object, but was null"],
  [{ liveness: "/x" }, 'health has no option "liveness"; it accepts live, ready, delay'],
  [{ live: "healthz" }, "health.live must be a path"],
  [{ live: "/metrics" }, "/metrics"],
  [{ live: "/x", ready: "/x" }, "/x"],
  [{ delay: "5" }, 'health.delay must be an integer from 0 to 2147483647 ms, but was "5"'],
])("%p is a TypeError", (given, message) => {
  expect(() => resolveHealth(given, "/metrics")).toThrow(TypeError);
  expect(() => resolveHealth(given, "/metrics")).toThrow(message);
});

test.each([-1, 1.5, 2 ** 31, Number.NaN])("a delay of %p is a RangeError", (delay) => {
  expect(() => resolveHealth({ delay }, null)).toThrow(RangeError);
});

test("no path is that of the live page, or of its numbers", () => {
  const page = "/_epollo";
  expect(() => resolveHealth({ live: page }, null, page)).toThrow(
    'observe.page and health.live must be different paths, but both were "/_epollo"',
  );
  expect(() => resolveHealth({ ready: `${page}/stats` }, null, page)).toThrow(TypeError);
  expect(() => resolveHealth({}, page, page)).toThrow(TypeError);
  expect(resolveHealth({ live: "/live" }, "/metrics", page).livePath).toBe("/live");
});
