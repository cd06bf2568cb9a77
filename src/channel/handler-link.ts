/**
 * A handler thread's end of its pair with one dispatcher: reads tasks, writes answers.
 *
 * A piece of an answer has at most ANSWER_PIECE_BYTES, head included: it fits into a short run of blocks of the slab.
 *
 * Owned by the handler thread (or by the main thread in main mode). It knows records and credit, not Requests.
 *
 * Answers leave in the order in which they were given. When the result ring has no room, or no block is free, what is
 * left waits in an outbox of this thread; the waiting word tells the dispatcher to wake this thread when it has made
 * room (`resume`). Since an answer may be ahead of its client by ANSWER_WINDOW only, the outbox is bounded by that times
 * the number of open requests.
 */
import { writeLatin1 } from "../http/latin1.ts";
import type { Parker } from "../shm/parker.ts";
import { RingConsumer, RingProducer } from "../shm/ring.ts";
import { DEFAULT_BLOCK_BYTES, SlabWriter } from "../shm/slab.ts";
import { HandlerTaskTable } from "../shm/task-table.ts";
import type { AnswerSink } from "./answer-sink.ts";
import {
  ANSWER,
  ANSWER_BLOCK,
  ANSWER_FILE,
  BODY_CREDIT,
  CLOSE,
  CUT,
  FILE_HEADER_BYTES,
  FIRST,
  IDLE_TIMEOUT,
  IN_MEMORY,
  INLINE_ANSWER_BYTES,
  judgedFileBytes,
  LAST,
  OWNED,
  PACE_MASK,
} from "./messages.ts";
import {
  DISPATCHER_WAITS_WORD,
  HANDLER_WAITS_WORD,
  PAIR_WORDS,
  type PairMemory,
  RESULT_RING_AT,
  RING_BYTES,
  SLAB_AT,
  SLAB_BLOCKS,
  STARTED_WORD,
  TASK_ENTRIES,
  TASK_RING_AT,
  TASK_TABLE_AT,
} from "./pair-memory.ts";

/** A piece of an answer, or a message, that found no room yet. */
interface Waiting {
  type: number;
  entry: number;
  serial: number;
  head: string;
  body: Uint8Array | null;
  start: number;
  end: number;
  value: number;
  file: OpenFile | null;
}

/** A part of a file that is open. */
interface OpenFile {
  readonly fd: number;
  readonly offset: number;
  readonly length: number;
}

const EMPTY = new Uint8Array(0);

/** One dispatcher as a handler thread sees it. */
export class HandlerLink implements AnswerSink {
  readonly takesWhole = false;
  /** Messages from the dispatcher. */
  readonly tasks: RingConsumer;
  /** States of the tasks on their way. */
  readonly table: HandlerTaskTable;
  readonly #results: RingProducer;
  readonly #slab: SlabWriter;
  readonly #words: Int32Array;
  readonly #dispatcher: Parker;
  readonly #wakeDispatcher: () => void;
  readonly #outbox: Waiting[] = [];
  #started = 0;
  /** Whether the dispatcher may not know yet what has happened here: a task started, an answer written. */
  #isUnsaid = false;
  /** While true, answers do not wake the dispatcher one by one: `notify` is called at the end of the batch. */
  isBatching = false;
  /** Gives the flags (`PACE_MASK`) of an answer of so many bytes that is complete now; null when nobody wants to know. */
  judge: ((bytes: number) => number) | null = null;

  /**
   * @param pair the pair's memory
   * @param dispatcher what the dispatcher sleeps on
   * @param wakeDispatcher writes to the dispatcher's eventfd
   */
  constructor(pair: PairMemory, dispatcher: Parker, wakeDispatcher: () => void) {
    const { buffer: memory, byteOffset: at, blocks } = pair;
    this.tasks = new RingConsumer(memory, at + TASK_RING_AT, RING_BYTES);
    this.table = new HandlerTaskTable(memory, at + TASK_TABLE_AT, TASK_ENTRIES);
    this.#results = new RingProducer(memory, at + RESULT_RING_AT, RING_BYTES);
    this.#slab = new SlabWriter(memory, at + SLAB_AT, SLAB_BLOCKS, DEFAULT_BLOCK_BYTES, blocks);
    this.#words = new Int32Array(memory, at, PAIR_WORDS);
    this.#dispatcher = dispatcher;
    this.#wakeDispatcher = wakeDispatcher;
    this.#started = Atomics.load(this.#words, STARTED_WORD);
  }

  /** Takes the task in `entry` for good; false when the dispatcher has taken it back. Called once for each record. */
  start(entry: number): boolean {
    const won = this.table.tryStart(entry);
    this.#isUnsaid = true;
    // Counted before the entry may be used again, so that the dispatcher never finds it twice among the uncounted.
    this.#started = (this.#started + 1) | 0;
    Atomics.store(this.#words, STARTED_WORD, this.#started);
    if (!won) this.table.skip(entry);
    return won;
  }

  /** Gives back the space of the messages read, and wakes the dispatcher if it waited for it. */
  release(): void {
    this.tasks.release();
    if (Atomics.load(this.#words, DISPATCHER_WAITS_WORD) === 1) {
      Atomics.store(this.#words, DISPATCHER_WAITS_WORD, 0);
      if (this.#dispatcher.needsWake()) this.#wakeDispatcher();
    }
  }

  answer(
    entry: number,
    serial: number,
    head: string,
    body: Uint8Array | null,
    start: number,
    end: number,
    flags: number,
  ): void {
    if (this.judge !== null && (flags & (LAST | IN_MEMORY)) !== 0) flags |= this.judge(end - start);
    if (this.#outbox.length > 0 || !this.#write(flags, entry, serial, head, body, start, end)) {
      const isCopied =
        body !== null && ((flags & (FIRST | LAST)) === (FIRST | LAST) || (flags & OWNED) !== 0);
      const kept = isCopied ? body.slice(start, end) : body;
      const from = isCopied ? 0 : start;
      this.#wait(ANSWER | flags, entry, serial, head, kept, from, from + end - start, 0);
    }
    this.#publish();
  }

  answerFile(
    entry: number,
    serial: number,
    head: string,
    fd: number,
    offset: number,
    length: number,
    flags: number,
  ): void {
    const file = { fd, offset, length };
    if (this.judge !== null) flags |= this.judge(judgedFileBytes(length));
    if (this.#outbox.length > 0 || !this.#writeFile(entry, serial, head, file, flags)) {
      this.#outbox.push({
        type: ANSWER_FILE | flags,
        entry,
        serial,
        head,
        body: null,
        start: 0,
        end: 0,
        value: 0,
        file,
      });
      if (this.#outbox.length === 1) this.resume();
    }
    this.#publish();
  }

  #writeFile(entry: number, serial: number, head: string, file: OpenFile, flags: number): boolean {
    const results = this.#results;
    const length = FILE_HEADER_BYTES + head.length;
    const offset = results.claim(length);
    if (offset < 0) return false;
    results.words[offset >> 2] = file.fd;
    results.bytes.writeDoubleLE(file.offset, offset + 8);
    results.bytes.writeDoubleLE(file.length, offset + 16);
    writeLatin1(results.bytes, head, offset + FILE_HEADER_BYTES);
    results.commit(ANSWER_FILE | FIRST | LAST | flags, entry, serial, length);
    return true;
  }

  cut(entry: number, serial: number): void {
    this.#message(CUT | LAST | CLOSE, entry, serial, 0);
  }

  creditBody(entry: number, serial: number, bytes: number): void {
    this.#message(BODY_CREDIT, entry, serial, bytes);
  }

  setIdleTimeout(entry: number, serial: number, seconds: number): void {
    this.#message(IDLE_TIMEOUT, entry, serial, seconds);
  }

  /**
   * Wakes the dispatcher if it sleeps and something has happened since the last call; called once after a batch of tasks,
   * and after each answer outside of one.
   */
  notify(): void {
    if (!this.#isUnsaid) return;
    this.#isUnsaid = false;
    if (this.#dispatcher.needsWake()) this.#wakeDispatcher();
  }

  /** Sends what waits in the outbox as far as there is room; false while something is left. */
  resume(): boolean {
    const outbox = this.#outbox;
    if (outbox.length === 0) return true;
    let sent = 0;
    for (const waiting of outbox) {
      if (!this.#writeWaiting(waiting)) {
        // Said before the second try, so that room made in between is either used or announced.
        Atomics.store(this.#words, HANDLER_WAITS_WORD, 1);
        if (!this.#writeWaiting(waiting)) break;
      }
      sent++;
    }
    outbox.splice(0, sent);
    if (this.#results.publish()) {
      this.#isUnsaid = true;
      this.notify();
    }
    return outbox.length === 0;
  }

  #wait(
    type: number,
    entry: number,
    serial: number,
    head: string,
    body: Uint8Array | null,
    start: number,
    end: number,
    value: number,
  ): void {
    this.#outbox.push({ type, entry, serial, head, body, start, end, value, file: null });
    if (this.#outbox.length === 1) this.resume();
  }

  #writeWaiting(waiting: Waiting): boolean {
    const type = waiting.type;
    if (waiting.file !== null) {
      return this.#writeFile(waiting.entry, waiting.serial, waiting.head, waiting.file, type & ~0xff);
    }
    if ((type & 0xff) !== ANSWER)
      return this.#writeMessage(type, waiting.entry, waiting.serial, waiting.value);
    return this.#write(
      type & ~0xff,
      waiting.entry,
      waiting.serial,
      waiting.head,
      waiting.body,
      waiting.start,
      waiting.end,
    );
  }

  /** Writes a piece of an answer whole or not at all. */
  #write(
    flags: number,
    entry: number,
    serial: number,
    head: string,
    body: Uint8Array | null,
    start: number,
    end: number,
  ): boolean {
    const results = this.#results;
    const length = head.length + end - start;
    if (length <= INLINE_ANSWER_BYTES) {
      const offset = results.claim(length);
      if (offset < 0) return false;
      const bytes = results.bytes;
      if (head.length > 0) writeLatin1(bytes, head, offset);
      if (end > start) copyBytes(body ?? EMPTY, start, end, bytes, offset + head.length);
      results.commit(ANSWER | flags, entry, serial, length);
      return true;
    }
    return this.#writeLong(flags, entry, serial, head, body ?? EMPTY, start, end);
  }

  /** Writes a long piece into a run of blocks, or, when slow clients hold them, into several records of the ring. */
  #writeLong(
    flags: number,
    entry: number,
    serial: number,
    head: string,
    body: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    const results = this.#results;
    const slab = this.#slab;
    const length = head.length + end - start;
    // Enough for the record below and for its padding, or for all records of the loop.
    const records = Math.ceil(length / INLINE_ANSWER_BYTES) + 1;
    const blocks = Math.ceil(length / slab.blockBytes);
    const block = slab.allocateRun(blocks);
    if (block >= 0) {
      const offset = results.claim(8);
      if (offset < 0) {
        for (let i = 0; i < blocks; i++) slab.release(block + i);
        return false;
      }
      const at = slab.blockOffset(block);
      if (head.length > 0) writeLatin1(slab.bytes, head, at);
      copyBytes(body, start, end, slab.bytes, at + head.length);
      results.words[offset >> 2] = block;
      results.words[(offset >> 2) + 1] = length;
      for (let i = 0; i < blocks; i++) slab.hand(block + i);
      results.commit(ANSWER_BLOCK | flags, entry, serial, 8);
      return true;
    }
    if (results.freeBytes < length + head.length + records * 32 + INLINE_ANSWER_BYTES) return false;
    let position = start;
    let headBytes = head.length;
    // How the handler has run is read from the first record.
    let first = flags & (FIRST | PACE_MASK);
    while (headBytes > 0 || position < end) {
      const take = Math.min(end - position, INLINE_ANSWER_BYTES);
      const offset = results.claim(headBytes + take);
      if (headBytes > 0) writeLatin1(results.bytes, head, offset);
      copyBytes(body, position, position + take, results.bytes, offset + headBytes);
      position += take;
      results.commit(
        ANSWER | first | (position === end ? flags & ~(FIRST | PACE_MASK) : 0),
        entry,
        serial,
        headBytes + take,
      );
      headBytes = 0;
      first = 0;
    }
    return true;
  }

  #message(type: number, entry: number, serial: number, value: number): void {
    if (this.#outbox.length > 0 || !this.#writeMessage(type, entry, serial, value)) {
      this.#wait(type, entry, serial, "", null, 0, 0, value);
    }
    this.#publish();
  }

  #publish(): void {
    if (!this.#results.publish()) return;
    this.#isUnsaid = true;
    if (!this.isBatching) this.notify();
  }

  #writeMessage(type: number, entry: number, serial: number, value: number): boolean {
    const offset = this.#results.claim(4);
    if (offset < 0) return false;
    this.#results.words[offset >> 2] = value;
    this.#results.commit(type, entry, serial, 4);
    return true;
  }
}

/** Copies bytes between arrays that may lie in shared memory; Buffer's copy is the fastest there is (FACTS). */
function copyBytes(source: Uint8Array, start: number, end: number, target: Buffer, at: number): void {
  Buffer.prototype.copy.call(source, target, at, start, end);
}
