/** `observe`: defaults, what is accepted, and what each mistake is told. */
import { expect, test } from "bun:test";
import { resolveObserve } from "../../src/serve/observe-options.ts";

test("nothing is shown by default", () => {
  expect(resolveObserve(undefined)).toEqual({ metricsPath: null, log: null });
  expect(resolveObserve({ metrics: undefined })).toEqual(resolveObserve({}));
  expect(Object.isFrozen(resolveObserve({}))).toBe(true);
});

test.each(["/metrics", "/a", "/-/metrics", "/~m.txt", "/a:b@c!$&'()*+,;=", "/a//b", "/%7e"])(
  "%s is a path",
  (path) => {
    expect(resolveObserve({ metrics: path }).metricsPath).toBe(path);
  },
);

test("the hook is a function", () => {
  const log = () => {};
  expect(resolveObserve({ log }).log).toBe(log);
  expect(() => resolveObserve({ log: "a" })).toThrow('observe.log must be a function, but was "a"');
});

test.each([
  "metrics",
  "",
  "/",
  "/metrics/",
  "/a?b",
  "/a#b",
  "/a b",
  "/\u00e9",
  "/a\n",
  "http://a/b",
  1,
  null,
  true,
])("%p is none", (path) => {
  expect(() => resolveObserve({ metrics: path })).toThrow(
    'observe.metrics must be a path such as "/metrics", without query and without a slash at its end, but was ',
  );
});

test("a value that is no object, or has other members, is refused by name", () => {
  expect(() => resolveObserve(true)).toThrow("observe must be an object, but was true");
  expect(() => resolveObserve(null)).toThrow(TypeError);
  expect(() => resolveObserve([])).toThrow(TypeError);
  expect(() => resolveObserve({ metric: "/m" })).toThrow(
    'observe has no option "metric"; it accepts metrics, log',
  );
});
