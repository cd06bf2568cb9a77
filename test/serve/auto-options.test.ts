import { describe, expect, test } from "bun:test";
import { type AutoOptions, readAutoOptions } from "../../src/serve/auto-options.ts";
import type { OptionEnvironment } from "../../src/serve/environment.ts";
import { resolvePlacement } from "../../src/serve/thread-options.ts";

const none = { dispatchers: undefined, min: undefined, max: undefined };

describe("readAutoOptions", () => {
  const READ: readonly [given: Record<string, string>, expected: AutoOptions][] = [
    [{}, { defaultHandlers: "main", defaultThreads: none }],
    [
      { EPOLLO_HANDLERS: "", EPOLLO_DISPATCHERS: "" },
      { defaultHandlers: "main", defaultThreads: none },
    ],
    [{ EPOLLO_HANDLERS: "main" }, { defaultHandlers: "main", defaultThreads: none }],
    [{ EPOLLO_HANDLERS: "pool" }, { defaultHandlers: "pool", defaultThreads: none }],
    [
      { EPOLLO_DISPATCHERS: "1", EPOLLO_MIN_HANDLERS: "0", EPOLLO_MAX_HANDLERS: "256" },
      { defaultHandlers: "main", defaultThreads: { dispatchers: 1, min: 0, max: 256 } },
    ],
  ];
  test.each(READ)("%j", (given, expected) => {
    expect(readAutoOptions(given, "run")).toEqual(expected);
  });

  test.each(["test", "eval", "repl"] as const)("pool has no meaning under %s", (host) => {
    expect(readAutoOptions({ EPOLLO_HANDLERS: "pool" }, host).defaultHandlers).toBe("main");
  });

  const WRONG: readonly [given: Record<string, string>, message: string][] = [
    [{ EPOLLO_HANDLERS: "Pool" }, 'EPOLLO_HANDLERS must be "main" or "pool", but was "Pool"'],
    [{ EPOLLO_DISPATCHERS: "0" }, "EPOLLO_DISPATCHERS must be an integer from 1 to 256, but was 0"],
    [{ EPOLLO_DISPATCHERS: "257" }, "EPOLLO_DISPATCHERS must be an integer from 1 to 256, but was 257"],
    [{ EPOLLO_MIN_HANDLERS: "-1" }, "EPOLLO_MIN_HANDLERS must be an integer from 0 to 256, but was -1"],
    [{ EPOLLO_MAX_HANDLERS: "2.5" }, 'EPOLLO_MAX_HANDLERS must be an integer from 1 to 256, but was "2.5"'],
    [{ EPOLLO_MAX_HANDLERS: " 2" }, 'EPOLLO_MAX_HANDLERS must be an integer from 1 to 256, but was " 2"'],
    [
      { EPOLLO_MIN_HANDLERS: "3", EPOLLO_MAX_HANDLERS: "2" },
      "threads.min must not be more than threads.max, but they were 3 and 2",
    ],
  ];
  test.each(WRONG)("%j is a mistake", (given, message) => {
    expect(() => readAutoOptions(given, "run")).toThrow(message);
  });
});

describe("defaults of the environment", () => {
  const place = (threads: object, defaultThreads: Partial<typeof none> | Record<string, number>) => {
    const environment = {
      coreCount: 2,
      defaultHandlers: "pool",
      defaultThreads: { ...none, ...defaultThreads },
    };
    const { dispatchers, min, max } = resolvePlacement(
      undefined,
      threads,
      environment as unknown as OptionEnvironment,
    ).threads;
    return [dispatchers, min, max];
  };
  test.each([
    [{}, {}, [1, 1, 8]],
    [{}, { dispatchers: 4, min: 2, max: 3 }, [4, 2, 3]],
    [{ dispatchers: 5, min: 1, max: 6 }, { dispatchers: 4, min: 2, max: 3 }, [5, 1, 6]],
    // One bound that is given moves the other one's default.
    [{ max: 1 }, { min: 2 }, [1, 1, 1]],
    [{ min: 5 }, { max: 3 }, [1, 5, 5]],
    [{}, { min: 20 }, [1, 20, 20]],
    [{}, { max: 1 }, [1, 1, 1]],
  ])("options %j with defaults %j", (threads, defaults, expected) => {
    expect(place(threads, defaults)).toEqual(expected);
  });
});
