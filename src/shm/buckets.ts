/**
 * Buckets behind the named counters of a block: answers by status, parse errors by code, and histograms of times.
 *
 * They lie in the block of the thread that counts (`counters.ts`), at fixed places behind room for NAMED names, and the same
 * rules hold: one writer, plain stores, any reader.
 *
 *   dispatcher       | cells
 *   0                | named counters
 *   STATUS_AT        | 600: answers by status; 0 for what has none
 *   PARSE_ERROR_AT   | 64: parse errors by code
 *   DISPATCHER_WAIT  | a histogram: how long requests waited that ran here
 *   DISPATCHER_RUN   | a histogram: how long they ran
 *
 *   handler          | cells
 *   0                | named counters
 *   HANDLER_WAIT     | a histogram: how long requests waited for this thread
 *   HANDLER_RUN      | a histogram: how long they ran
 *
 * A histogram is one cell for each bound of BUCKET_BOUNDS_MS, one for what is above them all, and the sum of all times in ms.
 */

/** Names that a block has room for. */
export const NAMED = 64;

/** Upper bounds of a histogram's buckets, in ms. */
export const BUCKET_BOUNDS_MS: readonly number[] = Object.freeze([
  0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000,
]);

const BOUNDS: Float64Array = Float64Array.from(BUCKET_BOUNDS_MS);
const BOUND_COUNT: number = BOUNDS.length;
/** Cell of a histogram that holds the sum of its times, from the histogram's first cell. */
export const SUM_CELL: number = BOUND_COUNT + 1;
const HISTOGRAM_CELLS: number = BOUND_COUNT + 2;
/** One more than the highest status. */
export const STATUSES = 600;
/** One more than the highest code of a parse error that there is room for. */
export const PARSE_ERRORS = 64;

export const STATUS_AT: number = NAMED;
export const PARSE_ERROR_AT: number = STATUS_AT + STATUSES;
export const DISPATCHER_WAIT: number = PARSE_ERROR_AT + PARSE_ERRORS;
export const DISPATCHER_RUN: number = DISPATCHER_WAIT + HISTOGRAM_CELLS;
/** Cells of a dispatcher's block. */
export const DISPATCHER_CELLS: number = DISPATCHER_RUN + HISTOGRAM_CELLS;

export const HANDLER_WAIT: number = NAMED;
export const HANDLER_RUN: number = HANDLER_WAIT + HISTOGRAM_CELLS;
/** Cells of a handler slot's block. */
export const HANDLER_CELLS: number = HANDLER_RUN + HISTOGRAM_CELLS;

/** Counts a time of `ms` in the histogram at `at`. Times below 0 count as 0: clocks of two threads differ by a little. */
export function recordTime(block: Float64Array, at: number, ms: number): void {
  let bucket = 0;
  while (bucket < BOUND_COUNT && ms > BOUNDS[bucket]!) bucket++;
  block[at + bucket]! += 1;
  if (ms > 0) block[at + SUM_CELL]! += ms;
}

/** A histogram read from one block or several. */
export interface Histogram {
  /** Times in each bucket alone: one for each bound, and those above the last. */
  readonly counts: readonly number[];
  /** All of them. */
  readonly count: number;
  /** Their sum, in ms. */
  readonly sumMs: number;
}

/** Reads the histogram at `at`, added up over blocks. */
export function readHistogram(blocks: readonly Float64Array[], at: number): Histogram {
  const counts: number[] = new Array(BOUND_COUNT + 1).fill(0);
  let count = 0;
  let sumMs = 0;
  for (const block of blocks) {
    for (let bucket = 0; bucket <= BOUND_COUNT; bucket++) {
      counts[bucket]! += block[at + bucket]!;
      count += block[at + bucket]!;
    }
    sumMs += block[at + SUM_CELL]!;
  }
  return { counts, count, sumMs };
}
