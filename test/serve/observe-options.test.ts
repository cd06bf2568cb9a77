/** `observe`: defaults, what is accepted, and what each mistake is told. */
import { expect, test } from "bun:test";
import { resolveObserve } from "../../src/serve/observe-options.ts";

test("nothing is shown by default", () => {
  expect(resolveObserve(undefined)).toEqual({
    metricsPath: null,
    pagePath: null,
    log: null,
    accessLog: null,
  });
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
    'observe has no option "metric"; it accepts metrics, page, log, accessLog',
  );
});

test("the access log: a format and a file", () => {
  const accessLog = (value: unknown) => resolveObserve({ accessLog: value }).accessLog;
  expect(accessLog(false)).toBeNull();
  expect(accessLog(true)).toEqual({ format: "combined", file: null });
  expect(accessLog({})).toEqual({ format: "combined", file: null });
  expect(accessLog({ format: "json", file: "a.log" })).toEqual({ format: "json", file: "a.log" });
});

test.each([
  ["yes", 'observe.accessLog must be true, false or an object, but was "yes"'],
  [null, "observe.accessLog must be true, false or an object, but was null"],
  [{ form: "json" }, 'observe.accessLog has no option "form"; it accepts format, file'],
  [{ format: "common" }, 'observe.accessLog.format must be "combined" or "json", but was "common"'],
  [{ file: "" }, 'observe.accessLog.file must be the path of a file, but was ""'],
  [{ file: 1 }, "observe.accessLog.file must be the path of a file, but was 1"],
])("%p is no access log", (value, message) => {
  expect(() => resolveObserve({ accessLog: value })).toThrow(message);
});
