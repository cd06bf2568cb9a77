/**
 * Who owns a task: the states of the tasks between one dispatcher and one handler thread.
 *
 * The task's record lies in the ring and cannot be pulled out of it again. Its entry here says whether it still counts:
 *
 *   FREE ──allocate──▶ QUEUED ──tryStart (handler)──▶ STARTED ──free (dispatcher, result is there)──▶ FREE
 *                        └──tryTakeBack (dispatcher)──▶ TAKEN ──skip (handler met the record)──▶ SKIPPED ──▶ FREE
 *
 *   state   | may be left by          | how
 *   FREE    | dispatcher              | plain write, made visible by publishing the task's record
 *   QUEUED  | dispatcher and handler  | compare-and-exchange: exactly one wins
 *   STARTED | dispatcher              | plain write: the handler posted its result and looks no more
 *   TAKEN   | handler                 | Atomics.store: no one else changes a TAKEN entry
 *   SKIPPED | dispatcher              | plain write, when it runs out of free entries
 *
 * A TAKEN entry is not reusable yet: the record in the ring still names it, and the handler would take the new task's
 * state for the old one's. Only SKIPPED says that the record is gone.
 *
 * The memory is `entryCount` words and one more: how many entries were ever used, for a dispatcher that takes the place of
 * one that died (`recover`). They are not spread over cache lines: each is written a few times in a task's life.
 * Does not know what a task is.
 */
import {
  alignUp,
  CACHE_LINE_BYTES,
  checkPlace,
  checkPowerOfTwo,
  ISOLATION_BYTES,
  WORD_BYTES,
} from "./layout.ts";

/** The values of an entry's state word. New memory (zeroes) is a table of FREE entries. */
export const TaskState = {
  /** In the dispatcher's free list. */
  FREE: 0,
  /** Given to the handler, not started. */
  QUEUED: 1,
  /** The handler runs it or has run it. */
  STARTED: 2,
  /** Taken back by the dispatcher; the handler has not met its record. */
  TAKEN: 3,
  /** Taken back, and the handler has passed its record. */
  SKIPPED: 4,
} as const;

/** One of the `TaskState` values. */
export type TaskState = (typeof TaskState)[keyof typeof TaskState];

/** Default number of entries: tasks that one dispatcher can have at one handler thread. */
export const DEFAULT_TASK_ENTRIES = 256;

/** Returns the shared memory that a table needs, in bytes: a multiple of 128. */
export function taskTableBytes(entryCount: number = DEFAULT_TASK_ENTRIES): number {
  checkPowerOfTwo("task table entries", entryCount);
  return alignUp((entryCount + 1) * WORD_BYTES, ISOLATION_BYTES);
}

function tableWords(memory: SharedArrayBuffer, byteOffset: number, entryCount: number): Int32Array {
  checkPlace("task table", memory, byteOffset, taskTableBytes(entryCount), CACHE_LINE_BYTES);
  return new Int32Array(memory, byteOffset, entryCount + 1);
}

/** Entries that a new table has room for on its stacks: a dispatcher has a table for each handler slot, most of them unused. */
const FIRST_ENTRIES = 256;

/** The dispatcher's end of a task table. **Thread**: one dispatcher. **Blocks**: never. */
export class DispatcherTaskTable {
  /** Number of entries. */
  readonly entryCount: number;
  readonly #states: Int32Array;
  /** Stack of FREE entries; the last one freed is used first, while its line is warm. It grows with the entries used. */
  #free: Int32Array;
  #freeCount = 0;
  /** Entries from here on were never used: they are taken when the stack is empty, so a large table costs what it uses. */
  #fresh = 0;
  /** Entries taken back whose record the handler may not have met, in no order. As long as the stack. */
  #taken: Int32Array;
  #takenCount = 0;

  /** Attaches to a table whose entries are all FREE. @throws RangeError when it does not fit there. */
  constructor(memory: SharedArrayBuffer, byteOffset: number, entryCount: number = DEFAULT_TASK_ENTRIES) {
    this.#states = tableWords(memory, byteOffset, entryCount);
    this.entryCount = entryCount;
    const length = Math.min(entryCount, FIRST_ENTRIES);
    this.#free = new Int32Array(length);
    this.#taken = new Int32Array(length);
  }

  /** Entries in use: QUEUED, STARTED, or taken back and not known to be passed. */
  get usedCount(): number {
    return this.#fresh - this.#freeCount;
  }

  /**
   * Takes a FREE entry and makes it QUEUED; returns its index, or -1 when the handler has as many tasks as the table
   * holds. To be followed by publishing a record that names the entry, or by `discard`.
   */
  allocate(): number {
    if (this.#freeCount === 0 && this.#takenCount > 0) this.#reclaim();
    if (this.#freeCount === 0 && this.#fresh === this.entryCount) return -1;
    const entry = this.#freeCount > 0 ? this.#free[--this.#freeCount]! : this.#takeFresh();
    this.#states[entry] = TaskState.QUEUED;
    return entry;
  }

  #takeFresh(): number {
    if (this.#fresh === this.#free.length) this.#growTo(this.#fresh + 1);
    const entry = this.#fresh++;
    this.#states[this.entryCount] = this.#fresh;
    return entry;
  }

  /** Has the stack hold so many entries, at least twice as many as before. */
  #growTo(entries: number): void {
    if (entries <= this.#free.length) return;
    const length = Math.min(this.entryCount, Math.max(entries, 2 * this.#free.length));
    const [free, taken] = [this.#free, this.#taken];
    this.#free = new Int32Array(length);
    this.#taken = new Int32Array(length);
    this.#free.set(free);
    this.#taken.set(taken);
  }

  /**
   * Takes the place of a dispatcher that died, on a table that may be in use. What was QUEUED is taken back if the handler
   * has not started it; `visit` is called for each entry that is STARTED: it is to be freed when its result is there.
   *
   * @param isKnown whether the handler has been told of the task in an entry
   */
  recover(isKnown: (entry: number) => boolean, visit: (entry: number) => void): void {
    this.#fresh = Atomics.load(this.#states, this.entryCount);
    this.#growTo(this.#fresh);
    for (let entry = 0; entry < this.#fresh; entry++) {
      let state = this.stateOf(entry);
      if (state === TaskState.QUEUED && !isKnown(entry)) {
        this.discard(entry);
        continue;
      }
      if (state === TaskState.QUEUED) state = this.tryTakeBack(entry) ? TaskState.FREE : TaskState.STARTED;
      else if (state === TaskState.FREE) this.#free[this.#freeCount++] = entry;
      else if (state !== TaskState.STARTED) this.#taken[this.#takenCount++] = entry;
      if (state === TaskState.STARTED) visit(entry);
    }
  }

  /** Gives back an entry whose record was not published (the ring had no room). */
  discard(entry: number): void {
    this.#leave(entry, TaskState.QUEUED);
  }

  /** True when the task was still QUEUED: it is the dispatcher's again. False: the handler has started it. */
  tryTakeBack(entry: number): boolean {
    const found = Atomics.compareExchange(this.#states, entry, TaskState.QUEUED, TaskState.TAKEN);
    if (found !== TaskState.QUEUED) return false;
    this.#taken[this.#takenCount++] = entry;
    return true;
  }

  /**
   * Frees a STARTED entry: the handler's final result has been read.
   * @throws RangeError when the entry is in another state: freeing it would hand it out twice.
   */
  free(entry: number): void {
    this.#leave(entry, TaskState.STARTED);
  }

  /** The state of an entry now; a QUEUED or TAKEN one may change at once. */
  stateOf(entry: number): TaskState {
    return Atomics.load(this.#states, entry) as TaskState;
  }

  /**
   * Clears the table after the handler's death: calls `visit` for each entry that was STARTED or QUEUED, in order of
   * index, and makes all entries FREE. Read the results that the handler had published first, and `free` their entries:
   * what is STARTED then has no result and will get none. The ring is to be reset too, for its records name entries.
   * Returns the number of visits.
   */
  sweep(visit: (entry: number, state: TaskState) => void): number {
    let visits = 0;
    for (let entry = 0; entry < this.#fresh; entry++) {
      const state = Atomics.exchange(this.#states, entry, TaskState.FREE) as TaskState;
      if (state === TaskState.STARTED || state === TaskState.QUEUED) {
        visits++;
        visit(entry, state);
      }
    }
    this.#takenCount = 0;
    this.#fresh = 0;
    this.#states[this.entryCount] = 0;
    this.#freeCount = 0;
    return visits;
  }

  #leave(entry: number, expected: TaskState): void {
    const state = Atomics.load(this.#states, entry);
    if (state !== expected) throw wrongState(entry, state, expected);
    this.#states[entry] = TaskState.FREE;
    this.#free[this.#freeCount++] = entry;
  }

  /** Moves SKIPPED entries to the free list. */
  #reclaim(): void {
    const taken = this.#taken;
    for (let index = this.#takenCount - 1; index >= 0; index--) {
      const entry = taken[index]!;
      // Pairs with the store in HandlerTaskTable.skip.
      if (Atomics.load(this.#states, entry) !== TaskState.SKIPPED) continue;
      this.#states[entry] = TaskState.FREE;
      this.#free[this.#freeCount++] = entry;
      taken[index] = taken[--this.#takenCount]!;
    }
  }
}

/** The handler thread's end of a task table. **Thread**: one handler. **Blocks**: never. */
export class HandlerTaskTable {
  readonly #states: Int32Array;

  /** @throws RangeError when the table does not fit there. */
  constructor(memory: SharedArrayBuffer, byteOffset: number, entryCount: number = DEFAULT_TASK_ENTRIES) {
    this.#states = tableWords(memory, byteOffset, entryCount);
  }

  /** True when the task is now STARTED and must be run. False: it was taken back; call `skip` and go on. */
  tryStart(entry: number): boolean {
    return (
      Atomics.compareExchange(this.#states, entry, TaskState.QUEUED, TaskState.STARTED) === TaskState.QUEUED
    );
  }

  /** Says that the record of a task taken back has been met: its entry may be used again. */
  skip(entry: number): void {
    Atomics.store(this.#states, entry, TaskState.SKIPPED);
  }
}

function wrongState(entry: number, state: number, expected: number): RangeError {
  return new RangeError(`task entry ${entry} is in state ${state}, expected ${expected}`);
}
