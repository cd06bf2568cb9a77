import { describe, expect, test } from "bun:test";
import { monotonicMs } from "../../ffi/clock.ts";
import { RunMeter } from "../../src/roles/run-meter.ts";

/** Keeps the thread for so many ms of its own processor time. */
function compute(ms: number): void {
  const start = process.threadCpuUsage();
  for (;;) {
    const { user, system } = process.threadCpuUsage(start);
    if (user + system >= ms * 1000) return;
  }
}

/** Runs once; gives what the meter says and what the clock says. */
function measured(meter: RunMeter, run: () => void): { kept: number; used: number; wall: number } {
  const start = monotonicMs();
  meter.prepare(start);
  run();
  const end = monotonicMs();
  const kept = meter.keptMs(start, end);
  return { kept, used: meter.usedMs, wall: end - start };
}

describe("a run", () => {
  test("that computes has kept the thread for as long as it was on a processor", () => {
    const { kept, used, wall } = measured(new RunMeter(), () => compute(20));
    expect(kept).toBeGreaterThan(18);
    expect(kept).toBeLessThanOrEqual(wall);
    expect(used).toBeGreaterThan(18);
  });

  test("that waits has kept the thread all the time, and used little", () => {
    const meter = new RunMeter();
    const { kept, used, wall } = measured(meter, () => Bun.sleepSync(20));
    expect(meter.hasWaited).toBe(true);
    expect(kept).toBe(wall);
    expect(used).toBeLessThan(10);
  });

  test("that follows an expected wait is not blamed for it", () => {
    const meter = new RunMeter();
    measured(meter, () => compute(1));
    meter.expectWait();
    Bun.sleepSync(0.5);
    const { kept } = measured(meter, () => {});
    expect(kept).toBeLessThan(0.5);
  });

  test("that was not on a processor has not kept the thread", () => {
    // As if it had started when the process did: the thread has not used its processor for as long.
    const meter = new RunMeter();
    const now = monotonicMs();
    meter.prepare(now - 1000);
    expect(meter.keptMs(now - 1000, now)).toBeLessThan(500);
  });

  test("after `forget` is judged by a new reading", () => {
    const meter = new RunMeter();
    measured(meter, () => compute(1));
    Bun.sleepSync(1);
    meter.forget();
    expect(measured(meter, () => {}).kept).toBeLessThan(0.5);
  });
});
