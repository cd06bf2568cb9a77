/**
 * Counters that one thread writes and any thread reads.
 *
 * A block of counters is a Float64Array in shared memory, one per thread that counts. The names are declared here as
 * lists; a name's place in its list is its index. Names are only ever appended.
 *
 * Writes are plain (`values[index] += 1`): each block has one writer, so nothing is lost, and no atomic operation is paid
 * for. The language allows a plain 64-bit access to tear into halves; the two architectures we run on do not: an aligned
 * 8-byte load or store is single on x86-64 and on arm64, and the engine emits one. Float64 counts exactly to 2^53. A
 * reader may see a value that is a little old and two counters that do not fit together exactly: they are statistics,
 * and nothing may be decided by them that must be right.
 *
 * Levels (clients open, requests in flight) are the difference of two counters.
 */
import { alignUp, checkPlace, ISOLATION_BYTES } from "./layout.ts";

/** What the acceptor counts. */
export const ACCEPTOR_COUNTERS = ["accepted", "acceptErrors", "queueFull", "wakeUps", "refused"] as const;

/** What each dispatcher counts. */
export const DISPATCHER_COUNTERS = [
  "clientsOpened",
  "clientsClosed",
  "requests",
  "responses",
  "parseErrors",
  "bytesReceived",
  "bytesSent",
  "tasksDispatched",
  "tasksTakenBack",
  "tasksRefused",
  "requestsInline",
  "resultsReceived",
  "timeouts",
  "turns",
  "sleeps",
  "handlerWakeUps",
  "accessLogDropped",
  "handlerTimeouts",
  "clientsAccepted",
  "promotions",
  "demotions",
] as const;

/** What each handler thread counts. */
export const HANDLER_COUNTERS = [
  "tasksStarted",
  "tasksFinished",
  "tasksSkipped",
  "handlerErrors",
  "busyMs",
  "sleeps",
  "dispatcherWakeUps",
] as const;

/**
 * What the handler pool, on the main thread, counts: threads started; ended because they were idle, because a handler took too
 * long, and unasked; starts that failed. `startedAtMs` is when the server was started, in Unix time.
 */
export const POOL_COUNTERS = [
  "spawned",
  "retired",
  "killed",
  "died",
  "startFailures",
  "startedAtMs",
] as const;

/** Index of each name in its list. */
export type CounterIndexes<Names extends readonly string[]> = Readonly<Record<Names[number], number>>;

/** Indexes of the acceptor's counters. */
export const AcceptorCounter: CounterIndexes<typeof ACCEPTOR_COUNTERS> = indexesOf(ACCEPTOR_COUNTERS);

/** Indexes of a dispatcher's counters. */
export const DispatcherCounter: CounterIndexes<typeof DISPATCHER_COUNTERS> = indexesOf(DISPATCHER_COUNTERS);

/** Indexes of a handler thread's counters. */
export const HandlerCounter: CounterIndexes<typeof HANDLER_COUNTERS> = indexesOf(HANDLER_COUNTERS);

/** Indexes of the handler pool's counters. */
export const PoolCounter: CounterIndexes<typeof POOL_COUNTERS> = indexesOf(POOL_COUNTERS);

/** Turns a list of names into an object of their indexes. */
export function indexesOf<const Names extends readonly string[]>(names: Names): CounterIndexes<Names> {
  return Object.freeze(
    Object.fromEntries(names.map((name, index) => [name, index])),
  ) as CounterIndexes<Names>;
}

/**
 * Returns the shared memory that a block of these counters needs, in bytes: a multiple of 128.
 *
 * @param cells elements of the block, when it has buckets behind the named counters (`buckets.ts`)
 */
export function counterBytes(names: readonly string[], cells: number = names.length): number {
  return alignUp(cells * Float64Array.BYTES_PER_ELEMENT, ISOLATION_BYTES);
}

/**
 * Returns the counters at `byteOffset` as an array, one element a name. Its one writer does `values[index] += n`.
 * @throws RangeError when they do not fit there.
 */
export function counterBlock(
  memory: SharedArrayBuffer,
  byteOffset: number,
  names: readonly string[],
  cells: number = names.length,
): Float64Array {
  checkPlace("counters", memory, byteOffset, counterBytes(names, cells), ISOLATION_BYTES);
  return new Float64Array(memory, byteOffset, cells);
}

/** Adds up one counter over the blocks of several threads. */
export function sum(blocks: readonly Float64Array[], index: number): number {
  let total = 0;
  for (const block of blocks) total += block[index]!;
  return total;
}

/** Adds up all counters of a list over the blocks of several threads: an object from name to total. For status output. */
export function sumAll<const Names extends readonly string[]>(
  blocks: readonly Float64Array[],
  names: Names,
): Record<Names[number], number> {
  const totals = {} as Record<Names[number], number>;
  names.forEach((name: Names[number], index) => {
    totals[name] = sum(blocks, index);
  });
  return totals;
}
