import { expect, test } from "bun:test";
import { YieldingWait } from "../../src/roles/yielding-wait.ts";

/** Waits once; gives how often it looked. */
function looks(waiting: YieldingWait, isThere: (look: number) => boolean): { found: boolean; count: number } {
  let count = 0;
  const found = waiting.wait(() => isThere(++count));
  return { found, count };
}

test("ends with the look that finds something", () => {
  const isFifth = (look: number): boolean => look === 5;
  // Where the machine is busy a yield may take a millisecond, which is given up; one of many does not.
  let seen = looks(new YieldingWait(), isFifth);
  for (let round = 0; round < 100 && !seen.found; round++) seen = looks(new YieldingWait(), isFifth);
  expect(seen).toEqual({ found: true, count: 5 });
});

test("gives up after some looks, and soon waits no more when nothing ever comes", () => {
  const waiting = new YieldingWait();
  const { found, count } = looks(waiting, () => false);
  expect(found).toBe(false);
  expect(count).toBeGreaterThan(0);
  for (let sleep = 0; sleep < 10; sleep++) looks(waiting, () => false);
  expect(looks(waiting, () => true)).toEqual({ found: false, count: 0 });
});

test("what comes only after milliseconds is given, and not waited for the next time", () => {
  const waiting = new YieldingWait();
  const slow = (): boolean => {
    Bun.sleepSync(5);
    return true;
  };
  expect(looks(waiting, slow)).toEqual({ found: true, count: 1 });
  for (let sleep = 0; sleep < 10; sleep++) looks(waiting, slow);
  expect(looks(waiting, slow)).toEqual({ found: false, count: 0 });
});

test("gives up when it has waited for milliseconds, however few looks that were", () => {
  const { found, count } = looks(new YieldingWait(), () => {
    Bun.sleepSync(5);
    return false;
  });
  expect([found, count]).toEqual([false, 1]);
});
