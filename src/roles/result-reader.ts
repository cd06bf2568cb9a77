/**
 * Reads what handler threads post to a dispatcher and passes it on: answers to the writer, credit to the uploads.
 *
 * Owned by the dispatcher. Blocks and files that a message names belong to the dispatcher from here on, whether somebody
 * still waits for them or not.
 */
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import type { DispatcherLink } from "../channel/dispatcher-link.ts";
import {
  ANSWER,
  ANSWER_BLOCK,
  ANSWER_FILE,
  BODY_CREDIT,
  CLOSE,
  CUT,
  FILE_HEADER_BYTES,
  IDLE_TIMEOUT,
  PACE_MASK,
  TYPE_MASK,
} from "../channel/messages.ts";
import { closeSocket } from "../net/stream-socket.ts";
import { DispatcherCounter } from "../shm/counters.ts";
import { type AnswerWriter, blocksOf, copyOf, freeBlocks } from "./answer-writer.ts";
import { CLIENT_LINGERING, type Client, TASK_OVER, type Task } from "./client.ts";

/** Messages read from one handler in a turn. */
const TURN_MESSAGES = 512;

/** What the result reader asks of its dispatcher. */
export interface ResultOwner {
  /** A handler has answered a task, or begun to, at this pace (flags of messages.ts). */
  measured(task: Task, pace: number): void;
  /** The answer of a task is complete. */
  answered(client: Client, task: Task): void;
  /** A request is not in flight any more. */
  over(task: Task): void;
  /** The answer is cut: close at once. */
  broken(client: Client): void;
  /** The handler of a task allows more of its body. */
  bodyCredit(task: Task, bytes: number): void;
  /** The deadline of a client is another. */
  progressed(client: Client): void;
}

/** Reads the results of one dispatcher's handlers. */
export class ResultReader {
  readonly #owner: ResultOwner;
  readonly #writer: AnswerWriter;
  readonly #counters: Float64Array;
  readonly #rings: NativeBuffer[] = [];
  readonly #slabs: NativeBuffer[] = [];

  constructor(
    owner: ResultOwner,
    writer: AnswerWriter,
    counters: Float64Array,
    links: readonly DispatcherLink<Task>[],
  ) {
    this.#owner = owner;
    this.#writer = writer;
    this.#counters = counters;
    for (const link of links) this.#rings[link.slot] = nativeOf(link.results.bytes);
  }

  /** Reads what a handler has posted, up to a budget; true when there may be more. */
  collect(link: DispatcherLink<Task>): boolean {
    const results = link.results;
    let count = 0;
    while (results.next()) {
      this.#message(link, results.type);
      if (++count === TURN_MESSAGES) break;
    }
    if (count === 0) return false;
    this.#counters[DispatcherCounter.resultsReceived] += count;
    link.release();
    return count === TURN_MESSAGES;
  }

  #message(link: DispatcherLink<Task>, type: number): void {
    const results = link.results;
    const entry = results.a;
    const task = link.taskOf(entry, results.b);
    const offset = results.payloadOffset;
    const kind = type & TYPE_MASK;
    const isAnswer = kind === ANSWER || kind === ANSWER_BLOCK || kind === ANSWER_FILE;
    if (isAnswer && task !== null && task.kind !== 0) {
      this.#owner.measured(task, type & PACE_MASK);
    }
    if (kind === ANSWER) {
      if (task !== null) {
        this.#writer.answer(link, task, this.#rings[link.slot], offset, results.payloadBytes, -1, type);
      }
      return;
    }
    if (kind === ANSWER_BLOCK) {
      const block = results.words[offset >> 2];
      const length = results.words[(offset >> 2) + 1];
      const blocks = blocksOf(link, length);
      // Should this thread end before it has released the record, its successor must not take them once more.
      results.words[offset >> 2] = -1;
      if (block < 0) return;
      for (let i = 0; i < blocks; i++) link.slab.accept(block + i);
      if (task === null) freeBlocks(link, block, blocks);
      else
        this.#writer.answer(
          link,
          task,
          this.#slabOf(link),
          link.slab.blockOffset(block),
          length,
          block,
          type,
        );
      return;
    }
    if (kind === ANSWER_FILE) {
      this.#answerFile(link, task, offset, results.payloadBytes, type);
      return;
    }
    if (task === null) return;
    if (kind === BODY_CREDIT) this.#owner.bodyCredit(task, results.words[offset >> 2]);
    else if (kind === CUT) this.#cut(link, entry, task);
    else if (kind === IDLE_TIMEOUT && task.state !== TASK_OVER) {
      task.client.idleTimeoutMs = results.words[offset >> 2] * 1000;
      this.#owner.progressed(task.client);
    }
  }

  /** The head goes out first, held back by the kernel (MSG_MORE) until the first bytes of the file join it. */
  #answerFile(
    link: DispatcherLink<Task>,
    task: Task | null,
    offset: number,
    bytes: number,
    type: number,
  ): void {
    const { words, bytes: memory } = link.results;
    const fileFd = words[offset >> 2];
    words[offset >> 2] = -1;
    if (fileFd < 0) return;
    if (task !== null) link.finish(task.entry);
    if (task === null || task.state === TASK_OVER || task.client.state >= CLIENT_LINGERING) {
      closeSocket(fileFd);
      if (task !== null) this.#owner.over(task);
      return;
    }
    const length = memory.readDoubleLE(offset + 16);
    const closes = (type & CLOSE) !== 0;
    const head = copyOf(this.#rings[link.slot], offset + FILE_HEADER_BYTES, bytes - FILE_HEADER_BYTES);
    this.#writer.file(
      task.client,
      task.sequence,
      head,
      fileFd,
      memory.readDoubleLE(offset + 8),
      length,
      closes,
    );
    task.client.answers.finish(task.sequence);
    this.#owner.answered(task.client, task);
  }

  #slabOf(link: DispatcherLink<Task>): NativeBuffer {
    this.#slabs[link.slot] ??= nativeOf(link.slab.bytes);
    return this.#slabs[link.slot]!;
  }

  #cut(link: DispatcherLink<Task>, entry: number, task: Task): void {
    link.finish(entry);
    if (task.state === TASK_OVER) return;
    this.#owner.over(task);
    this.#owner.broken(task.client);
  }
}

function nativeOf(bytes: Buffer): NativeBuffer {
  return NativeBuffer.shared(bytes.buffer as unknown as SharedArrayBuffer, bytes.byteOffset, bytes.length);
}
