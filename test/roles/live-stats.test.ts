import { expect, test } from "bun:test";
import { liveStats } from "../../src/roles/live-stats.ts";
import { allocateServerMemory, controlOf, dispatcherCounters } from "../../src/roles/server-memory.ts";
import { DISPATCHER_WAIT, recordTime, STATUS_AT } from "../../src/shm/buckets.ts";
import { DispatcherCounter } from "../../src/shm/counters.ts";

test("has the counters, the answers by status and both histograms by placement", () => {
  const memory = allocateServerMemory(2, 1);
  for (const index of [0, 1]) {
    const counters = dispatcherCounters(memory, index);
    counters[DispatcherCounter.requests] = 5;
    counters[STATUS_AT + 200] = 4;
    recordTime(counters, DISPATCHER_WAIT, 3);
  }
  const live = JSON.parse(liveStats(memory, controlOf(memory)));
  expect(live).toMatchObject({
    statuses: { 200: 8 },
    stats: { requests: 10, dispatchers: [{}, {}], handlers: [] },
  });
  expect(live.wait.map(({ count, sumMs }: { count: number; sumMs: number }) => [count, sumMs])).toEqual([
    [2, 6],
    [0, 0],
  ]);
  expect(live.run.length).toBe(2);
  for (const { counts } of [...live.wait, ...live.run]) expect(counts.length).toBe(live.boundsMs.length + 1);
});
