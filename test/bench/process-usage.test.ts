import { describe, expect, test } from "bun:test";
import { cpuUsage, machineUs } from "../../bench/support/process-usage.ts";

const TICK_US = 10_000;

describe("CPU time", () => {
  test("of a process and of the whole machine, which has used at least as much", () => {
    const machineBefore = machineUs();
    const before = cpuUsage([process.pid]).totalUs;
    while (cpuUsage([process.pid]).totalUs - before < 40 * TICK_US);
    // Counted by ticks: what runs between two of them is missed, up to a tenth here once.
    expect(machineUs() - machineBefore).toBeGreaterThan(30 * TICK_US);
    expect(machineUs()).toBeLessThan(Number.MAX_SAFE_INTEGER);
  });

  test("of a process that has ended is 0", async () => {
    const child = Bun.spawn(["true"]);
    await child.exited;
    expect(cpuUsage([child.pid])).toEqual({ userUs: 0, systemUs: 0, totalUs: 0, mainThreadUs: 0 });
  });
});
