/**
 * A dispatcher's end of its pair with one handler slot: gives tasks, reads answers.
 *
 * Owned by the dispatcher. `Task` is what the dispatcher keeps of a request while it is away; the link keeps it by its
 * entry and knows nothing of its contents.
 *
 * A record in the task ring that the handler has not started can be taken back: its bytes are still there, for the only
 * one who could overwrite them is this thread.
 */

import type { RequestHead } from "../http/request-head.ts";
import type { Parker } from "../shm/parker.ts";
import { RingConsumer, RingProducer } from "../shm/ring.ts";
import type { SlabReader } from "../shm/slab.ts";
import { DispatcherTaskTable, TaskState } from "../shm/task-table.ts";
import { EntryQueue } from "./entry-queue.ts";
import {
  ABORT,
  ABORT_EXPIRED,
  ABORT_HALF,
  ABORT_LEFT,
  BODY,
  BODY_FAILED,
  CREDIT,
  LAST,
  TASK,
} from "./messages.ts";
import {
  DISPATCHER_WAITS_WORD,
  FIRST_SERIAL_WORD,
  HANDLER_WAITS_WORD,
  PAIR_WORDS,
  type PairMemory,
  RESULT_RING_AT,
  RING_BYTES,
  SERIALS_AT,
  STARTED_WORD,
  slabReaderOf,
  TASK_ENTRIES,
  TASK_RING_AT,
  TASK_TABLE_AT,
} from "./pair-memory.ts";
import { stampTaskRecord, taskRecordBytes, writeTaskRecord } from "./task-record.ts";

/** One handler slot as a dispatcher sees it; `Task` is the dispatcher's own object. */
export class DispatcherLink<Task extends object> {
  /** Number of the handler slot. */
  readonly slot: number;
  /** Messages from the handler. */
  readonly results: RingConsumer;
  /** Blocks of long answers; a block named by a message is accepted, sent and freed. */
  readonly slab: SlabReader;
  /** Tasks by entry. */
  readonly tasks: (Task | null)[] = [];
  /** Serial number of the task in each entry; shared, for a dispatcher that takes this one's place. */
  readonly serials: Int32Array;
  readonly #ring: RingProducer;
  readonly #table: DispatcherTaskTable;
  readonly #words: Int32Array;
  readonly #handler: Parker;
  /** Where in the ring the record of each task not known to be started lies, and how long it is. */
  readonly #recordAt: number[] = [];
  readonly #recordBytes: number[] = [];
  /** Entries in the order in which they were queued, for taking back. */
  readonly #queue: EntryQueue = new EntryQueue();
  #pushed = 0;
  #serial = 0;
  #isDirty = false;
  #missingBytes = 0;
  #seenStarted = 0;
  #seenMs = 0;
  #stuckAt = -1;

  /**
   * @param handler what the handler thread sleeps on
   */
  constructor(slot: number, pair: PairMemory, handler: Parker) {
    const { buffer: memory, byteOffset: at } = pair;
    this.slot = slot;
    this.results = new RingConsumer(memory, at + RESULT_RING_AT, RING_BYTES);
    this.slab = slabReaderOf(pair);
    this.#ring = new RingProducer(memory, at + TASK_RING_AT, RING_BYTES);
    this.serials = new Int32Array(memory, at + SERIALS_AT, TASK_ENTRIES);
    this.#table = new DispatcherTaskTable(memory, at + TASK_TABLE_AT, TASK_ENTRIES);
    this.#words = new Int32Array(memory, at, PAIR_WORDS);
    this.#handler = handler;
  }

  /** Tasks given that the handler has not met yet. */
  get queued(): number {
    return (this.#pushed - Atomics.load(this.#words, STARTED_WORD)) | 0;
  }

  /** Tasks given that are not answered whole. */
  get open(): number {
    return this.#table.usedCount;
  }

  /** Whether it has no room for another record, or as many tasks as the table holds. */
  get isFull(): boolean {
    if (this.#missingBytes > 0) {
      if (this.#ring.freeBytes < this.#missingBytes) return true;
      this.#missingBytes = 0;
    }
    return this.#table.usedCount === TASK_ENTRIES;
  }

  /**
   * Milliseconds for which the handler has met none of the tasks queued on it, 0 if none is queued. Measured from look to
   * look, whatever keeps the thread: a long task, or user code that runs after something it awaited.
   */
  stalledMs(nowMs: number): number {
    const started = Atomics.load(this.#words, STARTED_WORD);
    if (started === this.#pushed || started !== this.#seenStarted || this.#seenMs === 0) {
      this.#seenStarted = started;
      this.#seenMs = started === this.#pushed ? 0 : nowMs;
      return 0;
    }
    return nowMs - this.#seenMs;
  }

  /** Whether tasks were taken back from it because it stalled, and it still has not met their records. */
  get isStuck(): boolean {
    if (this.#stuckAt === -1) return false;
    if (this.queued > 0 && Atomics.load(this.#words, STARTED_WORD) === this.#seenStarted) return true;
    this.#stuckAt = -1;
    return false;
  }

  /** Whether the handler has announced that it sleeps. */
  get isHandlerAsleep(): boolean {
    return this.#handler.isAsleep;
  }

  /**
   * Gives a task whose head lies in `source`; the body, if any, follows it there from `bodyStart` on.
   * @param nowMs monotonic ms, from which it is counted how long the task waits
   * @returns the entry, or -1 when the handler has no room
   */
  give(
    task: Task,
    head: RequestHead,
    source: Buffer,
    headStart: number,
    bodyStart: number,
    bodyBytes: number,
    flags: number,
    peer: Int32Array,
    peerIndex: number,
    nowMs = 0,
  ): number {
    const length = taskRecordBytes(head, bodyBytes);
    const offset = this.#ring.claim(length);
    if (offset < 0) return this.#refuse(length);
    const entry = this.#table.allocate();
    if (entry < 0) {
      this.#ring.abort();
      return -1;
    }
    const bodyAt = writeTaskRecord(
      this.#ring,
      offset,
      head,
      source,
      headStart,
      bodyBytes,
      flags,
      peer,
      peerIndex,
    );
    stampTaskRecord(this.#ring.words, offset >> 2, nowMs);
    if (bodyBytes > 0) source.copy(this.#ring.bytes, bodyAt, bodyStart, bodyStart + bodyBytes);
    this.#queueTask(task, entry, offset, length);
    return entry;
  }

  /** Gives a task whose record was written before. @returns the entry, or -1 when the handler has no room */
  giveRecord(task: Task, record: Buffer): number {
    const offset = this.#ring.claim(record.length);
    if (offset < 0) return this.#refuse(record.length);
    const entry = this.#table.allocate();
    if (entry < 0) {
      this.#ring.abort();
      return -1;
    }
    record.copy(this.#ring.bytes, offset, 0, record.length);
    this.#queueTask(task, entry, offset, record.length);
    return entry;
  }

  /** Remembers how much room was missing; a record may need as much again as padding before the end of the ring. */
  #refuse(length: number): number {
    this.#missingBytes = 2 * length + 64;
    return -1;
  }

  #queueTask(task: Task, entry: number, offset: number, length: number): void {
    this.#serial = (this.#serial + 1) | 0;
    this.#ring.commit(TASK, entry, this.#serial, length);
    this.#recordAt[entry] = offset;
    this.#recordBytes[entry] = length;
    this.tasks[entry] = task;
    this.serials[entry] = this.#serial;
    this.#queue.keep(this.queued);
    this.#queue.push(entry);
    this.#pushed = (this.#pushed + 1) | 0;
    this.#isDirty = true;
  }

  /**
   * Takes back all tasks that the handler has not started, oldest first, with a copy of their records.
   * @returns how many there were
   */
  takeBack(take: (task: Task, record: Buffer) => void): number {
    this.#queue.keep(this.queued);
    let count = 0;
    for (const entry of this.#queue.takeAll()) {
      const task = this.tasks[entry];
      if (task == null || !this.#table.tryTakeBack(entry)) continue;
      this.tasks[entry] = null;
      take(task, this.#copyRecord(entry));
      count++;
    }
    this.#stuckAt = this.#seenStarted = Atomics.load(this.#words, STARTED_WORD);
    return count;
  }

  #copyRecord(entry: number): Buffer {
    const at = this.#recordAt[entry]!;
    const length = this.#recordBytes[entry]!;
    const copy = Buffer.from(new ArrayBuffer((length + 7) & ~7), 0, length);
    this.#ring.bytes.copy(copy, 0, at, at + length);
    return copy;
  }

  /** The task that a message with this entry and serial is about, or null when it is over. */
  taskOf(entry: number, serial: number): Task | null {
    return this.serials[entry] === serial ? (this.tasks[entry] ?? null) : null;
  }

  /** Forgets a task whose answer is complete. */
  finish(entry: number): void {
    this.tasks[entry] = null;
    this.#table.free(entry);
  }

  /**
   * Takes the place of a dispatcher that died: tasks that the handler has not started are dropped, and each that it has
   * becomes one of `orphan`. The handler is yet to be told that nobody waits for those. It may go on meanwhile.
   * @returns the entries of the orphans
   */
  recover(orphan: (entry: number) => Task): number[] {
    const first = this.#words[FIRST_SERIAL_WORD]!;
    let last = first;
    // Serial numbers are given one by one: the last visible one says how many there were. First the ring, then what was met of it.
    this.#ring.forEachUnreleased((type, _entry, serial) => {
      if (type === TASK) last = serial;
    });
    this.#pushed = Math.max((last - first) | 0, Atomics.load(this.#words, STARTED_WORD));
    this.#serial = last = (first + this.#pushed) | 0;
    const orphans: number[] = [];
    this.#table.recover(
      (entry) => ((this.serials[entry]! - last) | 0) <= 0,
      (entry) => {
        this.tasks[entry] = orphan(entry);
        orphans.push(entry);
      },
    );
    this.slab.sweepAccepted();
    this.madeRoom();
    return orphans;
  }

  /** Sends bytes of a request's body; false when there is no room now. */
  sendBody(entry: number, source: Uint8Array, start: number, end: number, isLast: boolean): boolean {
    const offset = this.#ring.claim(end - start);
    if (offset < 0) return this.#waitForRoom();
    if (end > start) Buffer.prototype.copy.call(source, this.#ring.bytes, offset, start, end);
    this.#ring.commit(BODY | (isLast ? LAST : 0), entry, this.serials[entry]!, end - start);
    this.#isDirty = true;
    return true;
  }

  /** Says that the client has left or, with `isHalf`, closed its half; false when there is no room now. */
  abort(entry: number, isHalf: boolean): boolean {
    return this.#value(ABORT, entry, isHalf ? ABORT_HALF : ABORT_LEFT);
  }

  /** Says that the handler has taken too long and the client has got another answer; false when there is no room now. */
  expire(entry: number): boolean {
    return this.#value(ABORT, entry, ABORT_EXPIRED);
  }

  /** Whether the handler has started the task in `entry`. */
  isStarted(entry: number): boolean {
    return this.#table.stateOf(entry) === TaskState.STARTED;
  }

  /** How far the handler has read; another value means that it has moved on. */
  get readPosition(): number {
    return this.#ring.releasedPosition;
  }

  /** Whether something lies in the handler's ring that it has not read. */
  get hasUnread(): boolean {
    return this.#ring.hasUnreleased;
  }

  /** Takes one task back if the handler has not started it. */
  tryTakeBack(entry: number): boolean {
    if (!this.#table.tryTakeBack(entry)) return false;
    this.tasks[entry] = null;
    return true;
  }

  /** Allows so many more bytes of the answer; false when there is no room now. */
  credit(entry: number, bytes: number): boolean {
    return this.#value(CREDIT, entry, bytes);
  }

  /** Says that the rest of the body will not come; false when there is no room now. */
  failBody(entry: number, status: number): boolean {
    return this.#value(BODY_FAILED, entry, status);
  }

  #value(type: number, entry: number, value: number): boolean {
    const offset = this.#ring.claim(4);
    if (offset < 0) return this.#waitForRoom();
    this.#ring.words[offset >> 2] = value;
    this.#ring.commit(type, entry, this.serials[entry]!, 4);
    this.#isDirty = true;
    return true;
  }

  #waitForRoom(): boolean {
    this.askForRoom();
    return false;
  }

  /** Asks the handler to wake this dispatcher when it has met its messages and run its tasks. */
  askForRoom(): void {
    Atomics.store(this.#words, DISPATCHER_WAITS_WORD, 1);
  }

  /** Makes all that was given since the last call visible and wakes the handler if it sleeps; true if it was woken. */
  flush(): boolean {
    if (!this.#isDirty) return false;
    this.#isDirty = false;
    this.#ring.publish();
    if (!this.#handler.needsWake()) return false;
    this.#handler.notify();
    return true;
  }

  /** Wakes the handler without asking whether it sleeps; for changes of state that are not in the ring. */
  wake(): void {
    if (this.#handler.needsWake()) this.#handler.notify();
  }

  /** Gives back the space of the results read; wakes the handler if it waited for room. */
  release(): void {
    this.results.release();
    this.madeRoom();
  }

  /** Tells a handler that waits for room in the result ring or for a block that there is some. */
  madeRoom(): void {
    if (Atomics.load(this.#words, HANDLER_WAITS_WORD) !== 1) return;
    Atomics.store(this.#words, HANDLER_WAITS_WORD, 0);
    if (this.#handler.needsWake()) this.#handler.notify();
  }

  /**
   * Lets go of a dead handler thread: call it after its last results were read. Calls `lost` for each task it had
   * started and `back` for each it had not, and leaves the pair as new.
   */
  sweep(lost: (task: Task) => void, back: (task: Task, record: Buffer) => void): void {
    const order = this.#queue.takeAll();
    const queued = new Set<number>();
    this.#table.sweep((entry, state) => {
      if (state === TaskState.QUEUED) queued.add(entry);
      else if (this.tasks[entry] != null) lost(this.tasks[entry]);
    });
    for (const entry of order) {
      const task = this.tasks[entry];
      if (queued.has(entry) && task != null) back(task, this.#copyRecord(entry));
    }
    this.slab.sweepWriter();
    this.tasks.length = 0;
    this.results.reset();
    this.#ring.reset();
    this.#words.fill(0);
    this.#words[FIRST_SERIAL_WORD] = this.#serial;
    this.#pushed = 0;
    this.#missingBytes = 0;
    this.#seenMs = 0;
    this.#stuckAt = -1;
    this.#isDirty = false;
  }
}
