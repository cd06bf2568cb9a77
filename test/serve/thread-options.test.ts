/** `handlers` and `threads`: defaults, what is accepted, and what each mistake is told. */
import { describe, expect, test } from "bun:test";
import type { OptionEnvironment } from "../../src/serve/environment.ts";
import { type Placement, resolvePlacement } from "../../src/serve/thread-options.ts";

const environment: OptionEnvironment = {
  defaultPort: 3000,
  isProduction: false,
  isClusterChild: false,
  coreCount: 4,
  host: "run",
  defaultHandlers: "pool",
  platform: "linux",
};

function placed(threads: unknown, handlers?: unknown, coreCount = 4): Placement {
  return resolvePlacement(handlers, threads, { ...environment, coreCount });
}

describe("defaults", () => {
  test.each([
    [1, 1, 8],
    [2, 1, 8],
    [3, 1, 12],
    [16, 8, 64],
    [128, 64, 256],
    [1000, 256, 256],
  ])("%d cores: %d dispatchers, at most %d handler threads", (coreCount, dispatchers, max) => {
    expect(placed(undefined, undefined, coreCount).threads).toMatchObject({ dispatchers, min: 1, max });
  });

  test("one bound alone moves the default of the other", () => {
    expect(placed({ min: 200 }).threads).toMatchObject({ min: 200, max: 200 });
    expect(placed({ min: 0 }).threads).toMatchObject({ min: 0, max: 16 });
    expect(placed({ max: 1 }).threads).toMatchObject({ min: 1, max: 1 });
  });

  test("undefined is not given", () => {
    expect(placed({ max: undefined, balance: undefined, inline: undefined })).toEqual(placed({}));
  });
});

describe("accepted", () => {
  test("every member at its bounds", () => {
    expect(
      placed({
        dispatchers: 1,
        min: 0,
        max: 1,
        retireAfter: 0,
        handlerTimeout: 1,
        startTimeout: 1,
        maxBacklog: 1,
        inline: false,
      }).threads,
    ).toEqual({
      dispatchers: 1,
      min: 0,
      max: 1,
      retireAfterMs: 0,
      handlerTimeoutMs: 1,
      startTimeoutMs: 1,
      maxBacklogTasks: 1,
      balance: "bounded",
      isInlineAllowed: false,
      gracefulSignals: null,
    });
    expect(placed({ dispatchers: 256, min: 256, max: 256, maxBacklog: 2147483647 }).threads).toMatchObject({
      dispatchers: 256,
      min: 256,
      max: 256,
      maxBacklogTasks: 2147483647,
    });
    expect(placed({ handlerTimeout: Infinity }).threads.handlerTimeoutMs).toBe(Infinity);
    expect(placed({ startTimeout: Infinity }).threads.startTimeoutMs).toBe(Infinity);
    expect(placed({ retireAfter: Infinity, balance: "random" }).threads).toMatchObject({
      retireAfterMs: Infinity,
      balance: "random",
    });
  });

  test.each([
    [undefined, "pool", null],
    ["pool", "pool", null],
    ["main", "main", null],
    [new URL("file:///a/b.ts"), "module", "file:///a/b.ts"],
    ["file:///a/b.ts", "module", "file:///a/b.ts"],
    ["/a/b c.ts", "module", "file:///a/b%20c.ts"],
  ] as const)("handlers %j: mode %s", (handlers, mode, moduleUrl) => {
    expect(placed(undefined, handlers)).toMatchObject({ mode, moduleUrl });
    expect(placed({ handlers })).toMatchObject({ mode, moduleUrl });
    expect(placed({ handlers }, handlers)).toMatchObject({ mode, moduleUrl });
  });

  test("the same module said in two ways is no conflict", () => {
    expect(placed({ handlers: "/a.ts" }, new URL("file:///a.ts")).moduleUrl).toBe("file:///a.ts");
  });

  test("the environment's default place", () => {
    expect(resolvePlacement(undefined, undefined, { ...environment, defaultHandlers: "main" }).mode).toBe(
      "main",
    );
    expect(resolvePlacement("pool", undefined, { ...environment, defaultHandlers: "main" }).mode).toBe(
      "pool",
    );
  });
});

describe("mistakes", () => {
  const dispatchers = "threads.dispatchers must be an integer from 1 to 256";
  const handlers = '"pool", "main", a URL, a URL string or an absolute path';
  test.each([
    [{ max: 0 }, RangeError, "threads.max must be an integer from 1 to 256, but was 0"],
    [{ max: 257 }, RangeError, "threads.max must be an integer from 1 to 256, but was 257"],
    [{ max: "8" }, TypeError, 'threads.max must be an integer from 1 to 256, but was "8"'],
    [{ max: null }, TypeError, "threads.max must be an integer from 1 to 256, but was null"],
    [{ min: -1 }, RangeError, "threads.min must be an integer from 0 to 256, but was -1"],
    [{ min: 1.5 }, RangeError, "threads.min must be an integer from 0 to 256, but was 1.5"],
    [{ dispatchers: 0 }, RangeError, `${dispatchers}, but was 0`],
    [{ dispatchers: NaN }, RangeError, `${dispatchers}, but was NaN`],
    [{ dispatchers: 2n }, TypeError, `${dispatchers}, but was 2n`],
    [
      { retireAfter: -1 },
      RangeError,
      "threads.retireAfter must be an integer from 0 to 2147483647 ms, or Infinity, but was -1",
    ],
    [
      { startTimeout: 0 },
      RangeError,
      "threads.startTimeout must be an integer from 1 to 2147483647 ms, or Infinity, but was 0",
    ],
    [{ maxBacklog: 0 }, RangeError, "threads.maxBacklog must be an integer from 1 to 2147483647, but was 0"],
    [{ balance: "fair" }, TypeError, 'threads.balance must be "bounded" or "random", but was "fair"'],
    [{ inline: 1 }, TypeError, "threads.inline must be true or false, but was 1"],
    [{ min: 3, max: 2 }, RangeError, "threads.min must not be more than threads.max, but they were 3 and 2"],
    [
      { maximum: 3 },
      TypeError,
      'threads has no option "maximum"; it accepts handlers, dispatchers, min, max, retireAfter, handlerTimeout, startTimeout, maxBacklog, balance, inline, gracefulSignals',
    ],
    [4, TypeError, "threads must be an object, but was 4"],
    [null, TypeError, "threads must be an object, but was null"],
    [[], TypeError, "threads must be an object, but was []"],
    [{ handlers: "poool" }, TypeError, `threads.handlers must be ${handlers}, but was "poool"`],
    [{ handlers: "./app.ts" }, TypeError, `threads.handlers must be ${handlers}, but was "./app.ts"`],
  ] as const)("mistake %#", (threads, type, message) => {
    let caught: unknown;
    try {
      placed(threads);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(type);
    expect((caught as Error).message).toBe(message);
    expect((caught as { code?: string }).code).toBe(
      type === TypeError ? "ERR_INVALID_ARG_TYPE" : "ERR_OUT_OF_RANGE",
    );
  });

  test("handlers that is none", () => {
    expect(() => placed(undefined, 5)).toThrow(new TypeError(`handlers must be ${handlers}, but was 5`));
  });

  test("handlers and threads.handlers that differ", () => {
    expect(() => placed({ handlers: "main" }, "pool")).toThrow(
      new TypeError('handlers and threads.handlers are the same option, but were "pool" and "main"'),
    );
  });
});
