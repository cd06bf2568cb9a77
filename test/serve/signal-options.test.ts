/** `threads.gracefulSignals`: what is accepted, defaults, and the errors for the rest. */
import { expect, test } from "bun:test";
import { resolveSignals } from "../../src/serve/signal-options.ts";

test("off unless asked for", () => {
  expect([undefined, false].map(resolveSignals)).toEqual([null, null]);
});

test("defaults, and an idle time that fits into the grace period", () => {
  const cases = [true, {}, { grace: 400 }, { grace: 0 }, { idle: 0 }, { grace: 5000, idle: 5000 }];
  expect(cases.map(resolveSignals)).toEqual([
    { graceMs: 25_000, idleMs: 1000 },
    { graceMs: 25_000, idleMs: 1000 },
    { graceMs: 400, idleMs: 400 },
    { graceMs: 0, idleMs: 0 },
    { graceMs: 25_000, idleMs: 0 },
    { graceMs: 5000, idleMs: 5000 },
  ]);
});

test.each<[unknown, string]>([
  ["yes", 'threads.gracefulSignals must be true, false or an object, but was "yes"'],
  [null, "threads.gracefulSignals must be true, false or an object, but was null"],
  [{ grace: "1" }, 'threads.gracefulSignals.grace must be an integer from 0 to 2147483647 ms, but was "1"'],
  [{ gracePeriod: 1 }, 'threads.gracefulSignals has no option "gracePeriod"; it accepts grace, idle'],
])("%p is a TypeError", (given, message) => {
  expect(() => resolveSignals(given)).toThrow(new TypeError(message));
});

test.each<[unknown, string]>([
  [{ grace: -1 }, "threads.gracefulSignals.grace must be an integer from 0 to 2147483647 ms, but was -1"],
  [
    { grace: 100, idle: 101 },
    "threads.gracefulSignals.idle must be an integer from 0 to 100 ms, but was 101",
  ],
])("%p is a RangeError", (given, message) => {
  expect(() => resolveSignals(given)).toThrow(message);
  try {
    resolveSignals(given);
  } catch (error) {
    expect(error).toBeInstanceOf(RangeError);
  }
});
