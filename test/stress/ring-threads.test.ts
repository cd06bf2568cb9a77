import { expect, test } from "bun:test";
import { declareLayout, isolated } from "../../src/shm/layout.ts";
import { PARKER_BYTES } from "../../src/shm/parker.ts";
import { ringBytes } from "../../src/shm/ring.ts";
import type { PeerData, PeerReport } from "./ring-peer.ts";
import { runWorker } from "./worker-run.ts";

/** Records that each of the two threads sends. */
const COUNT = Number(process.env.RING_RECORDS ?? 150_000);

/** Runs two peers against each other and returns their reports. Positions start shortly before they wrap. */
async function exchange(
  capacityBytes: number,
  maxPayloadBytes: number,
  count: number,
): Promise<PeerReport[]> {
  const { offsets, bytes } = declareLayout({
    first: isolated(ringBytes(capacityBytes)),
    second: isolated(ringBytes(capacityBytes)),
    firstParker: isolated(PARKER_BYTES),
    secondParker: isolated(PARKER_BYTES),
  });
  const memory = new SharedArrayBuffer(bytes);
  for (const offset of [offsets.first, offsets.second]) {
    new Int32Array(memory, offset, 1)[0] = 0x7ffff000;
    new Int32Array(memory, offset + 128, 1)[0] = 0x7ffff000;
  }
  const shared = { memory, capacityBytes, maxPayloadBytes, count };
  const first: PeerData = {
    ...shared,
    outgoingOffset: offsets.first,
    incomingOffset: offsets.second,
    ownParkerOffset: offsets.firstParker,
    peerParkerOffset: offsets.secondParker,
    seed: 12345,
  };
  const second: PeerData = {
    ...shared,
    outgoingOffset: offsets.second,
    incomingOffset: offsets.first,
    ownParkerOffset: offsets.secondParker,
    peerParkerOffset: offsets.firstParker,
    seed: 67890,
  };
  const runs = [first, second].map((data) => runWorker<PeerReport>("ring-peer.ts", data));
  try {
    return await Promise.all(runs.map((run) => run.message));
  } finally {
    await Promise.all(runs.map((run) => run.worker.terminate()));
    await Promise.all(runs.map((run) => run.ended));
  }
}

function check(reports: readonly PeerReport[], count: number): void {
  for (const report of reports) {
    expect(report.broken).toBe(0);
    expect(report.received).toBe(count);
  }
}

test("two threads exchange records of random size, none lost, broken or out of order", async () => {
  check(await exchange(16_384, 600, COUNT), COUNT);
}, 15_000);

test("a tiny ring that is full or empty all the time loses no wake-up", async () => {
  const reports = await exchange(128, 40, COUNT / 2);
  check(reports, COUNT / 2);
  // The parkers were really used, or this test shows nothing.
  expect(reports[0]!.sleeps + reports[1]!.sleeps).toBeGreaterThan(10);
  expect(reports[0]!.wakeUps + reports[1]!.wakeUps).toBeGreaterThan(10);
}, 15_000);
