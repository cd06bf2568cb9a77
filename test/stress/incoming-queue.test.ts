import { expect, test } from "bun:test";
import { incomingQueueBytes } from "../../src/shm/incoming-queue.ts";
import type { IncomingData, IncomingReport } from "./incoming-peer.ts";
import { runWorker } from "./worker-run.ts";

/** fds that pass through the queue in each test; below 2^31 / 8 so that the address words stay exact. */
const COUNT = Number(process.env.INCOMING_CLIENTS ?? 200_000);

async function run(consumers: number, capacity: number, count: number): Promise<void> {
  const shared = {
    memory: new SharedArrayBuffer(incomingQueueBytes(capacity)),
    marks: new SharedArrayBuffer(count * 4),
    status: new SharedArrayBuffer(12),
    consumers,
    capacity,
    count,
  };
  const control = new Int32Array(shared.memory, 0, 64);
  control[0] = 0x7fffff00;
  control[32] = 0x7fffff00;
  const roles = ["producer", ...Array(consumers).fill("consumer")] as IncomingData["role"][];
  const runs = roles.map((role) => runWorker<IncomingReport>("incoming-peer.ts", { ...shared, role }));
  try {
    const [, ...reports] = await Promise.all(runs.map((each) => each.message));
    expect(reports.map((report) => report.broken)).toEqual(Array(consumers).fill(0));
    expect(reports.reduce((total, report) => total + report.moved, 0)).toBe(count);
    expect(new Int32Array(shared.marks).findIndex((mark) => mark !== 1)).toBe(-1);
    // With one consumer doing all the work there was no race to survive.
    expect(reports.filter((report) => report.moved > 0).length).toBeGreaterThan(1);
  } finally {
    await Promise.all(runs.map((each) => each.worker.terminate()));
    await Promise.all(runs.map((each) => each.ended));
  }
}

test("two consumers take each client exactly once", () => run(2, 1024, COUNT), 30_000);

test(
  "three consumers take each client exactly once from a queue that is overrun all the time",
  () => run(3, 8, COUNT / 2),
  30_000,
);
