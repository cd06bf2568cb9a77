/**
 * Inline placement: a dispatcher as the host of handlers.
 *
 * Owned by the dispatcher. Requests of kinds that are known to be short run here, between reading a request and sending
 * its answer, without a hand-over to another thread. An answer that is complete when the handler returns goes straight
 * into the client's outgoing bytes and leaves no trace: no task, no ring. What outlives the first call (a promise that
 * is pending, a stream) gets a task like any other, whose link is this object, and counts as a mistake of the kind.
 *
 * What the dispatcher has to tell such a request is kept and told once a turn (`notice-list.ts`).
 */
import { monotonicMs } from "../../ffi/clock.ts";
import type { NativeBuffer } from "../../ffi/native-buffer.ts";
import type { AnswerSink } from "../channel/answer-sink.ts";
import { CLOSE, FIRST, judgedFileBytes, LAST } from "../channel/messages.ts";
import {
  allocateRecord,
  type RecordMemory,
  TaskView,
  taskRecordBytes,
  writeBareRecord,
  writeTaskRecord,
} from "../channel/task-record.ts";
import { Exchange, type ExchangeHost } from "../fetch/exchange.ts";
import type { FileAccess } from "../fetch/file-access.ts";
import { IncomingBody } from "../fetch/incoming-body.ts";
import type { HandlerRuntime } from "../fetch/runtime.ts";
import type { RequestHead } from "../http/request-head.ts";
import { DISPATCHER_RUN, DISPATCHER_WAIT, recordTime } from "../shm/buckets.ts";
import type { ControlBlock } from "../shm/control-block.ts";
import { DispatcherCounter } from "../shm/counters.ts";
import type { AnswerWriter } from "./answer-writer.ts";
import { CLIENT_CLOSED, type Client, TASK_GIVEN, TASK_OVER, Task, type TaskLink } from "./client.ts";
import { GATHERED_BYTES } from "./direct-answers.ts";
import { fileAccess } from "./file-access.ts";
import type { InlineOwner } from "./inline-owner.ts";
import { inlineByteMs, type KindTable, QUICK_MS, SLOW_MS, targetHash } from "./kind-table.ts";
import { copyAnswer } from "./native-answer.ts";
import { NoticeList, TELL_ABORT, TELL_CREDIT, TELL_EXPIRED, TELL_HALF_CLOSED } from "./notice-list.ts";
import { RunMeter } from "./run-meter.ts";
import { INLINE_RECORD_BYTES } from "./server-memory.ts";

/** User code that one client's requests may run in a turn before the others get theirs, in ms. */
const TURN_MS = 1;

/** Runs handlers in a dispatcher. */
export class InlineHost implements ExchangeHost, AnswerSink, TaskLink {
  readonly sink: AnswerSink = this;
  readonly takesWhole = true;
  readonly files: FileAccess = fileAccess;
  /** Which kinds of requests run here. */
  readonly kinds: KindTable;
  /** Tells runs that took long from those that were interrupted. */
  readonly meter: RunMeter = new RunMeter();
  readonly slot: number = -1;
  readonly serials: number[] = [];
  readonly #index: number;
  readonly #owner: InlineOwner;
  readonly #writer: AnswerWriter;
  readonly #control: ControlBlock;
  readonly #counters: Float64Array;
  /** Record of the request that runs, or the beginning of it: shared, so that main can tell what this thread hangs in. */
  #scratch: RecordMemory = allocateRecord(INLINE_RECORD_BYTES);
  readonly #view: TaskView = new TaskView(this.#scratch);
  /** Tasks by entry. */
  readonly tasks: (Task | null)[] = [];
  readonly #open: (Exchange | null)[] = [];
  readonly #free: number[] = [];
  #runtime: HandlerRuntime | null = null;
  /** What open requests are to be told once a turn. */
  readonly notices: NoticeList = new NoticeList();
  #openCount = 0;
  #serial = 0;
  #spentMs = 0;
  /** The request whose handler is being called. */
  #current: Exchange | null = null;
  #client: Client | null = null;
  #sequence = 0;
  #task: Task | null = null;
  /** Length of the answer that it has given. */
  #answerBytes = 0;

  constructor(
    index: number,
    owner: InlineOwner,
    writer: AnswerWriter,
    control: ControlBlock,
    counters: Float64Array,
    kinds: KindTable,
  ) {
    this.kinds = kinds;
    this.#index = index;
    this.#owner = owner;
    this.#writer = writer;
    this.#control = control;
    this.#counters = counters;
  }

  /** Writes requests where others can read which one runs; `record` is of INLINE_RECORD_BYTES. */
  writeTo(record: RecordMemory): void {
    this.#scratch = record;
  }

  /** Runs handlers from now on, or with null none any more. */
  use(runtime: HandlerRuntime | null): void {
    this.#runtime = runtime;
  }

  /** Requests that outlived their handler's first call. */
  get open(): number {
    return this.#openCount;
  }

  /** Whether user code has had its share of a turn since `beginClient`. */
  get isTurnOver(): boolean {
    return this.#spentMs > TURN_MS;
  }

  /** The requests of another client follow. */
  beginClient(): void {
    this.#spentMs = 0;
  }

  /**
   * Whether a request of this kind is to run here. After a reload only the handler threads know the new handlers.
   *
   * @param hasToWait whether it would wait in the backlog otherwise: then it is enough that its runs are short
   */
  takes(kind: number, parent: number, hasToWait: boolean): boolean {
    if (this.#runtime === null || this.#control.areRoutesReplaced || !this.#control.isInlineAllowed)
      return false;
    return this.kinds.isInline(kind, parent) || (hasToWait && this.kinds.isShort(kind));
  }

  /** Runs the handler of a request whose head lies in `source`, its whole body from `bodyStart` on. */
  run(
    client: Client,
    sequence: number,
    kind: number,
    parent: number,
    head: RequestHead,
    source: Buffer,
    headStart: number,
    bodyStart: number,
    bodyBytes: number,
    flags: number,
    peers: Int32Array,
    peerIndex: number,
  ): void {
    const length = taskRecordBytes(head, bodyBytes);
    const scratch = length > INLINE_RECORD_BYTES ? allocateRecord(length) : this.#scratch;
    const bodyAt = writeTaskRecord(scratch, 0, head, source, headStart, bodyBytes, flags, peers, peerIndex);
    if (bodyBytes > 0) source.copy(scratch.bytes, bodyAt, bodyStart, bodyStart + bodyBytes);
    this.#view.moveTo(scratch, 0);
    const ownMs = this.#run(client, sequence, kind, parent, bodyBytes, null);
    if (ownMs >= SLOW_MS) this.kinds.noteSlowTarget(kind, targetHash(head, source, headStart), true);
  }

  /** Runs the handler of a request whose record was written before, and whose body is in it or all of `content`. */
  runRecord(
    client: Client,
    sequence: number,
    kind: number,
    parent: number,
    target: number,
    record: RecordMemory,
    content: NativeBuffer | null,
  ): void {
    this.#view.moveTo(record, 0);
    const bytes = content && new Uint8Array(content.bytes.buffer as ArrayBuffer);
    const ownMs = this.#run(client, sequence, kind, parent, bytes?.length ?? this.#view.bodyBytes, bytes);
    if (ownMs >= SLOW_MS) this.kinds.noteSlowTarget(kind, target, true);
  }

  /** Gives the milliseconds for which it has kept this thread, less those that its bytes account for. */
  #run(
    client: Client,
    sequence: number,
    kind: number,
    parent: number,
    bodyBytes: number,
    content: Uint8Array | null,
  ): number {
    const view = this.#view;
    const free = this.#free;
    // Taken now: while the handler runs, others may end and give theirs back.
    const entry = free.length > 0 ? free.pop()! : this.tasks.push(null) - 1;
    this.#serial = (this.#serial + 1) | 0;
    const exchange = new Exchange(this, entry, this.#serial, view);
    if (content !== null) exchange.body = new IncomingBody(this, entry, this.#serial, bodyBytes, content);
    this.#current = exchange;
    this.#client = client;
    this.#sequence = sequence;
    this.#task = null;
    this.#answerBytes = 0;
    this.#owner.began();
    // Should this handler hang, main answers for it, if its answer would be the next one.
    const isNext = client.answers.isOnlyNewestOpen && this.#writer.direct.isEmpty;
    const startMs = monotonicMs();
    if (view.bytes !== this.#scratch.bytes) writeBareRecord(this.#scratch, view);
    this.#control.beginInline(this.#index, isNext ? client.fd : -1, startMs);
    exchange.startMs = startMs;
    recordTime(this.#counters, DISPATCHER_WAIT, startMs - this.#owner.nowMs);
    this.meter.prepare(startMs);
    try {
      this.#runtime!.run(exchange, view);
    } catch (error) {
      // The runtime answers all that user code throws; this is what is thrown while it does so.
      exchange.cut();
      queueMicrotask(() => {
        throw error;
      });
    }
    this.#control.endInline(this.#index);
    const endMs = monotonicMs();
    const takenMs = endMs - startMs;
    this.#spentMs += takenMs;
    this.#counters[DispatcherCounter.requestsInline] += 1;
    // Bytes must be copied wherever they are read: they are no fault of the handler.
    const bytes = bodyBytes + this.#answerBytes;
    const bytesMs = inlineByteMs(bytes);
    const ownMs = (takenMs <= QUICK_MS + bytesMs ? takenMs : this.meter.keptMs(startMs, endMs)) - bytesMs;
    this.kinds.ranInline(kind, parent, ownMs, exchange.isDone, bytes);
    if (exchange.isDone) recordTime(this.#counters, DISPATCHER_RUN, takenMs);
    else this.#keep(exchange);
    this.#current = null;
    if (this.#task === null) {
      free.push(entry);
      this.#owner.ended();
      client.idleTimeoutMs = -1;
    }
    return ownMs;
  }

  /** Gives the request that is running a task: it outlives its first call, or streams its answer. */
  #keep(exchange: Exchange): Task {
    if (this.#task !== null) return this.#task;
    const client = this.#client!;
    const task = new Task(client, this.#sequence);
    const { entry, serial } = exchange;
    this.tasks[entry] = task;
    this.#open[entry] = exchange;
    this.serials[entry] = serial;
    this.#openCount++;
    task.state = TASK_GIVEN;
    task.link = this;
    task.entry = entry;
    this.#task = task;
    if (client.state === CLIENT_CLOSED) {
      this.#owner.over(task);
      this.#notify(exchange, TELL_ABORT, 0);
      return task;
    }
    client.tasks.push(task);
    if (client.isToldOfHalf) this.#notify(exchange, TELL_HALF_CLOSED, 0);
    return task;
  }

  #notify(exchange: Exchange | null | undefined, what: number, bytes: number): void {
    if (exchange == null) return;
    this.notices.add(exchange, what, bytes);
    this.#owner.wakeUp();
  }

  // As the sink of answers.

  answer(
    entry: number,
    serial: number,
    head: string,
    body: Uint8Array | null,
    start: number,
    end: number,
    flags: number,
  ): void {
    const current = this.#current;
    if (current !== null && current.serial === serial && this.#task === null) {
      if ((flags & (FIRST | LAST)) === (FIRST | LAST)) {
        const client = this.#client!;
        if (client.state === CLIENT_CLOSED) return;
        this.#writer.record.text(client, this.#sequence, head, end - start);
        this.#answerBytes = end - start;
        // It leaves now: whatever becomes of this run, nobody else may answer.
        if (head.length + end - start > GATHERED_BYTES) this.#control.forgetInlineClient(this.#index);
        this.#writer.direct.answer(client, this.#sequence, head, body, start, end, flags);
        this.#owner.sent(client, this.#sequence);
        return;
      }
      this.#keep(current);
    }
    const task = this.taskOf(entry, serial);
    if (task === null) return;
    const native = copyAnswer(head, body, start, end);
    this.#writer.answer(this, task, native, 0, head.length + end - start, -1, flags);
    this.#owner.wakeUp();
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
    const native = copyAnswer(head, null, 0, 0);
    const closes = (flags & CLOSE) !== 0;
    const isCurrent = this.#current?.serial === serial && this.#task === null;
    const task = isCurrent ? null : this.taskOf(entry, serial);
    const client = task === null ? this.#client : task.client;
    if ((!isCurrent && task === null) || client === null || client.state === CLIENT_CLOSED) {
      fileAccess.close(fd);
    } else {
      const sequence = task === null ? this.#sequence : task.sequence;
      if (task === null) this.#answerBytes = judgedFileBytes(length);
      this.#writer.file(client, sequence, native, fd, offset, length, closes);
      if (task === null) this.#owner.sent(client, sequence);
      else client.answers.finish(sequence);
    }
    if (task === null) return;
    this.finish(entry);
    if (task.state !== TASK_OVER) this.#owner.answered(task.client, task);
    this.#owner.wakeUp();
  }

  cut(entry: number, serial: number): void {
    const task = this.taskOf(entry, serial);
    if (task === null) {
      if (this.#current?.serial === serial && this.#client !== null) this.#owner.broken(this.#client);
      return;
    }
    this.finish(entry);
    if (task.state === TASK_OVER) return;
    this.#owner.over(task);
    this.#owner.broken(task.client);
  }

  /** Bodies arrive whole here. */
  creditBody(): void {}

  setIdleTimeout(entry: number, serial: number, seconds: number): void {
    const isCurrent = this.#current?.serial === serial && this.#task === null;
    const client = isCurrent ? this.#client : (this.taskOf(entry, serial)?.client ?? null);
    if (client === null || client.state === CLIENT_CLOSED) return;
    client.idleTimeoutMs = seconds * 1000;
    this.#owner.progressed(client);
  }

  release(exchange: Exchange): void {
    recordTime(this.#counters, DISPATCHER_RUN, monotonicMs() - exchange.startMs);
  }

  // As the link of the tasks that are open.

  taskOf(entry: number, serial: number): Task | null {
    return this.serials[entry] === serial ? (this.tasks[entry] ?? null) : null;
  }

  finish(entry: number): void {
    if (this.tasks[entry] == null) return;
    this.tasks[entry] = null;
    this.#open[entry] = null;
    this.#free.push(entry);
    this.#openCount--;
  }

  /** Never: it runs. */
  tryTakeBack(): boolean {
    return false;
  }

  abort(entry: number, isHalf: boolean): boolean {
    this.#notify(this.#open[entry], isHalf ? TELL_HALF_CLOSED : TELL_ABORT, 0);
    return true;
  }

  expire(entry: number): boolean {
    this.#notify(this.#open[entry], TELL_EXPIRED, 0);
    return true;
  }

  /** What is open here was started. */
  isStarted(): boolean {
    return true;
  }

  credit(entry: number, bytes: number): boolean {
    this.#notify(this.#open[entry], TELL_CREDIT, bytes);
    return true;
  }

  /** Nothing of a body is ever left to send. */
  sendBody(): boolean {
    return true;
  }

  failBody(): boolean {
    return true;
  }
}
