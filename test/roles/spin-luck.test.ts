import { expect, test } from "bun:test";
import { SpinLuck } from "../../src/roles/spin-luck.ts";

/** How many of `sleeps` sleeps have a spin before them, all ending the same way. */
function spins(luck: SpinLuck, sleeps: number, isRewarded: boolean): number {
  let count = 0;
  for (let sleep = 0; sleep < sleeps; sleep++) {
    if (!luck.isDue()) continue;
    count++;
    luck.note(isRewarded);
  }
  return count;
}

test("spins before each sleep while that is rewarded", () => {
  expect(spins(new SpinLuck(), 1000, true)).toBe(1000);
});

test("stops soon when it is not, and tries again now and then", () => {
  const luck = new SpinLuck();
  spins(luck, 1000, true);
  expect(spins(luck, 10, false)).toBeLessThan(6);
  expect(spins(luck, 640, false)).toBe(10);
});

test("one try that is rewarded is followed by more", () => {
  const luck = new SpinLuck();
  spins(luck, 20, false);
  expect(spins(luck, 200, true)).toBeGreaterThan(100);
});
