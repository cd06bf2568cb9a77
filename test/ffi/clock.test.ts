import { expect, test } from "bun:test";
import { monotonicMs } from "../../ffi/clock.ts";
import { clockGettime } from "./clock-gettime.ts";

test("is CLOCK_MONOTONIC itself, not the time since this thread's start", () => {
  for (let count = 0; count < 100; count++) {
    const before = clockGettime();
    const now = monotonicMs();
    const after = clockGettime();
    // The offset is measured once between two readings; it is off by less than the time they took.
    expect(now).toBeGreaterThan(before - 1);
    expect(now).toBeLessThan(after + 1);
  }
});

test("never goes back, and counts milliseconds with fractions", () => {
  let last = monotonicMs();
  let hasFraction = false;
  for (let count = 0; count < 100_000; count++) {
    const now = monotonicMs();
    expect(now >= last).toBe(true);
    hasFraction ||= now % 1 !== 0;
    last = now;
  }
  expect(hasFraction).toBe(true);
});

test("is the same on a Worker that started later", async () => {
  await Bun.sleep(100);
  const worker = new Worker(new URL("./clock-worker.ts", import.meta.url));
  try {
    const answer = (): Promise<number> =>
      new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data as number);
        worker.onerror = reject;
        worker.postMessage("now");
      });
    await answer();
    const before = monotonicMs();
    const there = await answer();
    const after = monotonicMs();
    // Each thread measures its offset once; the two measurements differ by microseconds.
    expect(there).toBeGreaterThan(before - 1);
    expect(there).toBeLessThan(after + 1);
  } finally {
    worker.terminate();
  }
});
