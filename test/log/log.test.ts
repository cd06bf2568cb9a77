import { afterEach, beforeEach, describe, expect, type Mock, spyOn, test } from "bun:test";
import { Log, type LogRecord, setThreadLog, threadLog } from "../../src/log/log.ts";

let errors: Mock<typeof console.error>;
let warnings: Mock<typeof console.warn>;
beforeEach(() => {
  errors = spyOn(console, "error").mockImplementation(() => {});
  warnings = spyOn(console, "warn").mockImplementation(() => {});
});
afterEach(() => {
  errors.mockRestore();
  warnings.mockRestore();
});

describe("without a hook", () => {
  const log = new Log("handler 3", null);

  test("records are printed: the message, and what was thrown", () => {
    const error = new Error("why");
    log.error("a", "it failed");
    log.error("a", "it failed", { error });
    log.error("a", "it failed", { error: null, code: 1 });
    log.warn("b", "look");
    expect(errors.mock.calls).toEqual([
      ["epollo: it failed"],
      ["epollo: it failed", error],
      ["epollo: it failed"],
    ]);
    expect(warnings.mock.calls).toEqual([["epollo: look"]]);
  });

  test("lines that are given are printed in their place", () => {
    log.error("a", "it failed", {}, [["one", 1], ["two"]]);
    expect(errors.mock.calls).toEqual([["one", 1], ["two"]]);
  });
});

describe("with a hook", () => {
  test("it gets whole records, and nothing is printed", () => {
    const records: LogRecord[] = [];
    const log = new Log("main", (record) => records.push(record));
    const before = Date.now();
    log.error("a", "it failed", { error: "why", slot: 4 }, [["printed"]]);
    log.warn("b", "look");
    expect(records).toMatchObject([
      { level: "error", event: "a", message: "it failed", thread: "main", error: "why", slot: 4 },
      { level: "warn", event: "b", message: "look", thread: "main" },
    ]);
    for (const { time } of records) expect(time).toBeWithin(before, Date.now() + 1);
    log.take({ ...records[0]!, thread: "handler 1" });
    expect(records[2]).toEqual({ ...records[0]!, thread: "handler 1" });
    expect([errors.mock.calls, warnings.mock.calls]).toEqual([[], []]);
  });

  test("fields do not take the place of what each record has", () => {
    const records: LogRecord[] = [];
    new Log("main", (record) => records.push(record)).error("a", "b", {
      level: "x",
      event: "x",
      thread: "x",
    });
    expect(records).toMatchObject([{ level: "error", event: "a", message: "b", thread: "main" }]);
  });

  test("its own mistakes are printed, with the record that it was given", async () => {
    const mistake = new Error("in the hook");
    const hooks = [
      () => {
        throw mistake;
      },
      async () => {
        throw mistake;
      },
    ];
    for (const hook of hooks) {
      errors.mockClear();
      new Log("main", hook).error("a", "it failed");
      await Promise.resolve();
      await Promise.resolve();
      expect(errors.mock.calls).toEqual([["epollo: it failed"], ["epollo: observe.log threw:", mistake]]);
    }
  });
});

test("each thread has one log", () => {
  const before = threadLog();
  expect([before.thread, before.hasHook]).toEqual(["main", false]);
  const log = new Log("dispatcher 0", () => {});
  setThreadLog(log);
  expect([threadLog(), log.hasHook]).toEqual([log, true]);
  setThreadLog(before);
});
