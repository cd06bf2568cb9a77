/**
 * The living side of ring-kill.test.ts: the dispatcher that sends tasks, reads results, and cleans up after a death.
 *
 * Runs on the test's thread. It keeps a model of what it sent, and after each death compares it with what rings, table
 * and slabs say. Throws at the first difference.
 */
import { RingConsumer, RingProducer } from "../../src/shm/ring.ts";
import { SlabReader, SlabWriter } from "../../src/shm/slab.ts";
import { DispatcherTaskTable, TaskState } from "../../src/shm/task-table.ts";
import {
  BLOCK_BYTES,
  BLOCKS,
  ENTRIES,
  IN_BLOCK,
  INLINE,
  MAX_INLINE_BYTES,
  PLACES,
  payloadBytesOf,
  RESULT_RING_BYTES,
  STREAM_IN_BLOCK,
  STREAM_INLINE,
  TASK_RING_BYTES,
} from "./kill-memory.ts";
import { fillPayload, isPayload } from "./records.ts";

/** How often the deaths found something to clean up, and what was read: shows that the kills hit. */
export interface KillTotals {
  results: number;
  streamed: number;
  takenBack: number;
  startedWithoutResult: number;
  queued: number;
  unreleasedTasks: number;
  answerBlocksSwept: number;
  requestBlocksSwept: number;
}

function ensure(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

/** The dispatcher over one shared memory, for the lives of many handler threads. */
export class KillDispatcher {
  readonly totals: KillTotals = {
    results: 0,
    streamed: 0,
    takenBack: 0,
    startedWithoutResult: 0,
    queued: 0,
    unreleasedTasks: 0,
    answerBlocksSwept: 0,
    requestBlocksSwept: 0,
  };
  readonly #memory: SharedArrayBuffer;
  readonly #tasks: RingProducer;
  #results: RingConsumer;
  readonly #table: DispatcherTaskTable;
  readonly #requests: SlabWriter;
  readonly #answers: SlabReader;
  /** Entry to number of each task that is at the handler, as far as we know. */
  readonly #outstanding: Map<number, number> = new Map();
  /** Accepted blocks not yet freed: a dispatcher's write queue holds them for a while. */
  readonly #held: number[] = [];
  #number = 0;
  #publishedNumber = 0;
  #streamNumber = 0;

  constructor(memory: SharedArrayBuffer) {
    const { offsets } = PLACES;
    this.#memory = memory;
    this.#tasks = new RingProducer(memory, offsets.tasks, TASK_RING_BYTES);
    this.#results = new RingConsumer(memory, offsets.results, RESULT_RING_BYTES);
    this.#table = new DispatcherTaskTable(memory, offsets.table, ENTRIES);
    this.#requests = new SlabWriter(memory, offsets.requests, BLOCKS, BLOCK_BYTES);
    this.#answers = new SlabReader(memory, offsets.answers, BLOCKS, BLOCK_BYTES);
  }

  /** Sends one task if there is room for it, visible at the next `publish`. */
  send(): void {
    const entry = this.#table.allocate();
    if (entry === -1) return;
    ensure(!this.#outstanding.has(entry), `entry ${entry} was handed out twice`);
    const number = this.#number + 1;
    if (!this.#write(entry, number)) {
      this.#table.discard(entry);
      return;
    }
    this.#number = number;
    this.#outstanding.set(entry, number);
  }

  #write(entry: number, number: number): boolean {
    const length = payloadBytesOf(number);
    const isInline = length <= MAX_INLINE_BYTES;
    const offset = this.#tasks.claim(isInline ? length : 8);
    if (offset === -1) return false;
    if (isInline) {
      fillPayload(this.#tasks.bytes, offset, length, number);
      this.#tasks.commit(INLINE, entry, number, length);
      return true;
    }
    const block = this.#requests.allocate();
    if (block === -1) {
      this.#tasks.abort();
      return false;
    }
    fillPayload(this.#requests.bytes, this.#requests.blockOffset(block), length, number);
    this.#tasks.words[offset >> 2] = block;
    this.#tasks.words[(offset >> 2) + 1] = length;
    this.#requests.hand(block);
    this.#tasks.commit(IN_BLOCK, entry, number, 8);
    return true;
  }

  /** Makes the tasks sent so far visible to the handler. */
  publish(): void {
    this.#tasks.publish();
    this.#publishedNumber = this.#number;
  }

  /** Tries to take the oldest task back. */
  takeBack(): void {
    for (const entry of this.#outstanding.keys()) {
      if (this.#table.tryTakeBack(entry)) {
        this.#outstanding.delete(entry);
        this.totals.takenBack++;
      }
      return;
    }
  }

  /** Reads up to `limit` records of the handler and checks each. */
  read(limit: number): void {
    for (let count = 0; count < limit && this.#results.next(); count++) this.#readRecord();
    this.#results.release();
    while (this.#held.length > 5) this.#answers.free(this.#held.shift()!);
  }

  #readRecord(): void {
    const { type, a: entry, b: number, payloadOffset, payloadBytes, words, bytes } = this.#results;
    if (type === STREAM_INLINE || type === STREAM_IN_BLOCK) {
      ensure(number === this.#streamNumber++, `stream record ${number} is out of order`);
      this.totals.streamed++;
    } else {
      ensure(type === INLINE || type === IN_BLOCK, `unknown record type ${type}`);
      ensure(
        this.#outstanding.get(entry) === number,
        `result of ${number} for entry ${entry} was not asked for`,
      );
      this.#outstanding.delete(entry);
      this.#table.free(entry);
      this.totals.results++;
    }
    const length = payloadBytesOf(number);
    if (type === STREAM_INLINE || type === INLINE) {
      ensure(payloadBytes === length, `record ${number} has ${payloadBytes} bytes instead of ${length}`);
      ensure(isPayload(bytes, payloadOffset, length, number), `record ${number} is broken`);
      return;
    }
    const block = words[payloadOffset >> 2]!;
    this.#answers.accept(block);
    const start = this.#answers.blockOffset(block);
    ensure(isPayload(this.#answers.bytes, start, length, number), `block of record ${number} is broken`);
    this.#held.push(block);
  }

  /** Cleans up after the handler's death and checks that nothing is lost. `shouldReset`: empty the ring of results too. */
  bury(shouldReset: boolean): void {
    this.read(Number.POSITIVE_INFINITY);
    this.totals.answerBlocksSwept += this.#answers.sweepWriter();
    // Blocks that we hold are not swept away under us.
    ensure(
      this.#answers.countFree() === BLOCKS - this.#held.length,
      "an answer block was lost or taken away",
    );
    while (this.#held.length > 0) this.#answers.free(this.#held.pop()!);

    const unreleased = this.#unreleasedTasks();
    this.totals.unreleasedTasks += unreleased.size;
    const visits = this.#table.sweep((entry, state) => {
      ensure(this.#outstanding.has(entry), `entry ${entry} in state ${state} was not at the handler`);
      const number = this.#outstanding.get(entry)!;
      if (state === TaskState.STARTED) this.totals.startedWithoutResult++;
      else {
        this.totals.queued++;
        ensure(
          number > this.#publishedNumber || unreleased.has(number),
          `task ${number} vanished from the ring`,
        );
      }
      this.#outstanding.delete(entry);
    });
    ensure(this.#outstanding.size === 0, `${this.#outstanding.size} tasks lost, ${visits} found`);
    ensure(this.#table.usedCount === 0, "the table is not free");

    this.#tasks.reset();
    this.#publishedNumber = this.#number;
    this.totals.requestBlocksSwept += this.#requests.sweepReader();
    ensure(this.#requests.countFree() === BLOCKS, "a request block was lost");

    if (shouldReset) this.#results.reset();
    else this.#results = new RingConsumer(this.#memory, PLACES.offsets.results, RESULT_RING_BYTES);
    ensure(this.#results.isEmpty(), "the ring of results is not empty");
    this.#streamNumber = 0;
  }

  /** Reads, as a successor would, the tasks that the dead handler had not released; returns their numbers. */
  #unreleasedTasks(): Set<number> {
    const successor = new RingConsumer(this.#memory, PLACES.offsets.tasks, TASK_RING_BYTES);
    const numbers = new Set<number>();
    let last = -1;
    while (successor.next()) {
      const { type, b: number, payloadOffset, payloadBytes } = successor;
      ensure(last === -1 || number === last + 1, `task ${number} follows ${last}`);
      last = number;
      numbers.add(number);
      if (type === INLINE) {
        ensure(isPayload(successor.bytes, payloadOffset, payloadBytes, number), `task ${number} is broken`);
      }
    }
    ensure(last === -1 || last === this.#publishedNumber, `the ring ends at ${last}`);
    return numbers;
  }
}
