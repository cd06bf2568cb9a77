import { expect, test } from "bun:test";
import {
  BUCKET_BOUNDS_MS,
  DISPATCHER_CELLS,
  DISPATCHER_RUN,
  DISPATCHER_WAIT,
  HANDLER_CELLS,
  HANDLER_RUN,
  HANDLER_WAIT,
  NAMED,
  PARSE_ERROR_AT,
  PARSE_ERRORS,
  readHistogram,
  recordTime,
  STATUS_AT,
  STATUSES,
} from "../../src/shm/buckets.ts";
import {
  ACCEPTOR_COUNTERS,
  counterBlock,
  counterBytes,
  DISPATCHER_COUNTERS,
  HANDLER_COUNTERS,
} from "../../src/shm/counters.ts";

test("named counters and buckets do not overlap", () => {
  for (const names of [ACCEPTOR_COUNTERS, DISPATCHER_COUNTERS, HANDLER_COUNTERS])
    expect(names.length).toBeLessThanOrEqual(NAMED);
  const cells = BUCKET_BOUNDS_MS.length + 2;
  expect(PARSE_ERROR_AT).toBe(STATUS_AT + STATUSES);
  expect(DISPATCHER_WAIT).toBe(PARSE_ERROR_AT + PARSE_ERRORS);
  expect([DISPATCHER_RUN - DISPATCHER_WAIT, DISPATCHER_CELLS - DISPATCHER_RUN]).toEqual([cells, cells]);
  expect([HANDLER_WAIT, HANDLER_RUN - HANDLER_WAIT, HANDLER_CELLS - HANDLER_RUN]).toEqual([
    NAMED,
    cells,
    cells,
  ]);
});

test("a time counts in the first bucket whose bound it does not pass", () => {
  const block = new Float64Array(HANDLER_CELLS);
  for (const ms of [-0.5, 0, 0.01, 0.0100001, 1, 1.5, 10_000, 10_001]) recordTime(block, HANDLER_WAIT, ms);
  const { counts, count, sumMs } = readHistogram([block], HANDLER_WAIT);
  const named = Object.fromEntries(
    counts
      .map((value, bucket) => [BUCKET_BOUNDS_MS[bucket] ?? "above", value])
      .filter(([, value]) => value !== 0),
  );
  expect(named).toEqual({ 0.01: 3, 0.025: 1, 1: 1, 2.5: 1, 10000: 1, above: 1 });
  expect(count).toBe(8);
  expect(sumMs).toBeCloseTo(0.02 + 2.5 + 20_001, 4);
  expect(readHistogram([block], HANDLER_RUN).count).toBe(0);
});

test("histograms of several blocks add up", () => {
  const bytes = counterBytes(DISPATCHER_COUNTERS, DISPATCHER_CELLS);
  const memory = new SharedArrayBuffer(2 * bytes);
  const blocks = [0, 1].map((index) =>
    counterBlock(memory, index * bytes, DISPATCHER_COUNTERS, DISPATCHER_CELLS),
  );
  recordTime(blocks[0]!, DISPATCHER_RUN, 3);
  recordTime(blocks[1]!, DISPATCHER_RUN, 4);
  const { counts, count, sumMs } = readHistogram(blocks, DISPATCHER_RUN);
  expect([count, sumMs, counts[BUCKET_BOUNDS_MS.indexOf(5)]]).toEqual([2, 7, 2]);
});
