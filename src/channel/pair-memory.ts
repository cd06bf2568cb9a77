/**
 * The memory that one dispatcher and one handler slot share: two rings, the task table, the slab and a few words.
 *
 *   +----------------------+ 0
 *   | pair words, 256 B    |  0: tasks started by the handler (counts up; handler writes)
 *   |                      | 16: serial number before the first task, written by the dispatcher
 *   |                      | 32: dispatcher waits for room in the task ring   (dispatcher sets, handler clears)
 *   |                      | 33: handler waits for room in the result ring or slab (handler sets, dispatcher clears)
 *   +----------------------+
 *   | task ring            |  dispatcher -> handler
 *   | result ring          |  handler -> dispatcher
 *   | task table           |
 *   | serial numbers       |  of the tasks in the table, written by the dispatcher
 *   | slab                 |  blocks for long answers, written by the handler
 *   +----------------------+
 *
 * It belongs to the slot, not to the thread: a thread that dies leaves it to its successor once the dispatcher has
 * swept it. Pages are touched as they are used, so an unused pair costs address space only.
 */
import { ringBytes } from "../shm/ring.ts";
import { DEFAULT_BLOCK_BYTES, SlabReader, slabBlockBytes, slabBytes } from "../shm/slab.ts";
import { taskTableBytes } from "../shm/task-table.ts";

/** Capacity of each of the two rings. */
export const RING_BYTES: number = 512 * 1024;
/** Tasks that a dispatcher may have on one handler at a time, most of them awaiting something. */
export const TASK_ENTRIES: number = 64 * 1024;
/** Blocks in the slab of a pair. */
export const SLAB_BLOCKS = 128;

const PAIR_WORDS_BYTES = 256;
const align = (offset: number): number => (offset + 127) & ~127;

/** Byte offsets of the parts. */
export const TASK_RING_AT: number = PAIR_WORDS_BYTES;
export const RESULT_RING_AT: number = align(TASK_RING_AT + ringBytes(RING_BYTES));
export const TASK_TABLE_AT: number = align(RESULT_RING_AT + ringBytes(RING_BYTES));
export const SERIALS_AT: number = align(TASK_TABLE_AT + taskTableBytes(TASK_ENTRIES));
export const SLAB_AT: number = align(SERIALS_AT + TASK_ENTRIES * 4);
/** The memory of one pair, from `byteOffset` of `buffer` on: all of it, or all but the blocks of the slab. */
export interface PairMemory {
  readonly buffer: SharedArrayBuffer;
  readonly byteOffset: number;
  /** Views the blocks of the slab, where they are not in `buffer`; called once they are needed. */
  readonly blocks?: () => Buffer;
}

/** Bytes of a whole pair. */
export const PAIR_BYTES: number = align(SLAB_AT + slabBytes(SLAB_BLOCKS));
/** Bytes of the blocks of its slab, which lie at its end. */
export const PAIR_BLOCK_BYTES: number = slabBlockBytes(SLAB_BLOCKS);
/** Byte offset of those. */
export const PAIR_BLOCKS_AT: number = SLAB_AT + slabBytes(SLAB_BLOCKS) - PAIR_BLOCK_BYTES;

/** Attaches to the slab of a pair as its reader. */
export function slabReaderOf({ buffer, byteOffset, blocks }: PairMemory): SlabReader {
  return new SlabReader(buffer, byteOffset + SLAB_AT, SLAB_BLOCKS, DEFAULT_BLOCK_BYTES, 0, blocks);
}

/** Index of the word that counts the tasks a handler has started. */
export const STARTED_WORD = 0;
/** Index of the word with the serial number before the first task since the pair was new or swept. */
export const FIRST_SERIAL_WORD = 16;
/** Index of the word a dispatcher sets while it waits for room in the task ring. */
export const DISPATCHER_WAITS_WORD = 32;
/** Index of the word a handler sets while it waits for room in the result ring or for a block. */
export const HANDLER_WAITS_WORD = 33;
/** Number of pair words. */
export const PAIR_WORDS: number = PAIR_WORDS_BYTES / 4;
