import { expect, test } from "bun:test";
import { DEFAULT_LIMITS } from "../../src/http/limits.ts";

test("head size and header count are those of Bun.serve, and nothing is unbounded", () => {
  expect([DEFAULT_LIMITS.headBytes, DEFAULT_LIMITS.headerCount]).toEqual([16384, 198]);
  for (const limit of Object.values(DEFAULT_LIMITS))
    expect(Number.isSafeInteger(limit) && limit > 0).toBe(true);
  expect(Object.isFrozen(DEFAULT_LIMITS)).toBe(true);
});
