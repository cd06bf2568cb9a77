import { expect, test } from "bun:test";
import { readThreadUsage } from "../../ffi/thread-usage.ts";

const usage = (): { cpuMs: number; waits: number } => {
  const reading = { cpuMs: 0, waits: 0 };
  readThreadUsage(reading);
  return reading;
};

test("is what the process knows of this thread", () => {
  const of = (): number => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  const before = of();
  const { cpuMs } = usage();
  expect(cpuMs).toBeGreaterThanOrEqual(before - 0.01);
  expect(cpuMs).toBeLessThanOrEqual(of() + 0.01);
});

test("sees runs that are shorter than the kernel's tick", () => {
  let seen = 0;
  for (let run = 0; run < 100; run++) {
    const before = usage().cpuMs;
    const end = performance.now() + 0.5;
    while (performance.now() < end);
    const usedMs = usage().cpuMs - before;
    if (usedMs > 0.25 && usedMs < 1) seen++;
  }
  // Some are interrupted by others.
  expect(seen).toBeGreaterThan(50);
});

test("counts waits, which take no processor", () => {
  const before = usage();
  for (let time = 0; time < 5; time++) Bun.sleepSync(2);
  const after = usage();
  expect(after.waits - before.waits).toBeGreaterThanOrEqual(5);
  expect(after.cpuMs - before.cpuMs).toBeLessThan(8);
});
