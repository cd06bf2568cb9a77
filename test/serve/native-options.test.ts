import { expect, test } from "bun:test";
import { isAsked, withoutEffect } from "../../src/serve/native-options.ts";

test.each([
  [{}, []],
  [{ limits: undefined, threads: {}, observe: {}, handlers: "main" }, []],
  [{ limits: {}, observe: { log: () => {} } }, []],
  [{ limits: { connections: Infinity } }, []],
  [{ threads: { handlerTimeout: Infinity, gracefulSignals: false } }, []],
  [{ handlers: "pool", threads: { max: 2 }, observe: { metrics: "/m" } }, ["handlers", "threads", "observe"]],
  [{ observe: { accessLog: true } }, ["observe"]],
  [{ threads: { inline: false, max: undefined } }, []],
])("%j: without effect are %j", (given, names) => {
  expect(withoutEffect(given, "tls")).toEqual(names);
});

test.each([
  ["limits", { limits: { headTimeout: 1000 } }],
  ["limits", { limits: { minBodyRate: 1000 } }],
  ["threads.handlerTimeout", { threads: { handlerTimeout: 1000 } }],
  ["threads.maxBacklog", { threads: { maxBacklog: 1000 } }],
  ["threads.gracefulSignals", { threads: { gracefulSignals: true } }],
])("%s would protect", (name, given) => {
  const message = `${name} cannot be used with what the native Bun.serve has to serve: tls`;
  expect(() => withoutEffect(given, "tls")).toThrow(new TypeError(message));
});

test("what asks for something", () => {
  expect([undefined, false, Infinity, 0, "", null, true, {}].map(isAsked)).toEqual([
    false,
    false,
    false,
    true,
    true,
    true,
    true,
    true,
  ]);
});
