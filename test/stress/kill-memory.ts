/**
 * What the two threads of ring-kill.test.ts share: two rings, a task table, a slab each way, status words.
 *
 * Laid out as a dispatcher and a handler thread share it. The memory is used again by every successor of a killed
 * thread, so whatever one of them left behind would add up.
 */
import { declareLayout, isolated } from "../../src/shm/layout.ts";
import { ringBytes } from "../../src/shm/ring.ts";
import { slabBytes } from "../../src/shm/slab.ts";
import { taskTableBytes } from "../../src/shm/task-table.ts";

/** Capacity of the ring of tasks: small, so that it wraps often. */
export const TASK_RING_BYTES = 16_384;
/** Capacity of the ring of results: large, so that the handler is rarely stopped by it. */
export const RESULT_RING_BYTES = 1_048_576;
/** Entries of the task table. */
export const ENTRIES = 64;
/** Blocks of each slab. */
export const BLOCKS = 16;
/** Size of a block. */
export const BLOCK_BYTES = 1024;
/** Largest payload that lies in a record; larger ones lie in a block. */
export const MAX_INLINE_BYTES = 300;

/** Status word in which the handler counts what it found broken. */
export const BROKEN = 0;
/** Status word that the handler sets to 1 when it has gone into its loop. */
export const RUNNING = 1;

/** Record type: payload in the record. Tasks and results: a = entry, b = number. */
export const INLINE = 1;
/** Record type: the payload's first word is the index of a block, the second the length in it. */
export const IN_BLOCK = 2;
/** Record types of the handler's stream, which no task asked for: a = 0, b = number since the thread's start. */
export const STREAM_INLINE = 3;
/** As `STREAM_INLINE`, payload in a block. */
export const STREAM_IN_BLOCK = 4;

/** Where the parts lie. `requests` is the dispatcher's slab, `answers` the handler's. */
export const PLACES: {
  readonly offsets: Readonly<
    Record<"status" | "tasks" | "results" | "table" | "requests" | "answers", number>
  >;
  readonly bytes: number;
} = declareLayout({
  status: isolated(8),
  tasks: isolated(ringBytes(TASK_RING_BYTES)),
  results: isolated(ringBytes(RESULT_RING_BYTES)),
  table: isolated(taskTableBytes(ENTRIES)),
  requests: isolated(slabBytes(BLOCKS, BLOCK_BYTES)),
  answers: isolated(slabBytes(BLOCKS, BLOCK_BYTES)),
});

/** Length of the payload that belongs to a number. */
export function payloadBytesOf(number: number): number {
  return (Math.imul(number, 40503) >>> 8) % (number % 7 === 0 ? BLOCK_BYTES : MAX_INLINE_BYTES);
}
