/**
 * The clients of one dispatcher and all that happens to them: what the reader, the writer, the uploads and the closer
 * tell each other goes through here.
 *
 * Owned by the dispatcher, which says when to take, serve and expire clients. This is the one place that decides when a
 * client is read, when it is settled, and what a request that is over means for it.
 */
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import type { DispatcherLink } from "../channel/dispatcher-link.ts";
import { HEAVY, LIGHT } from "../channel/messages.ts";
import { DISCONNECTED, HANGUP, type Poller, READABLE, WRITABLE } from "../net/poller.ts";
import { TimerWheel } from "../net/timer-wheel.ts";
import type { ControlBlock } from "../shm/control-block.ts";
import { DispatcherCounter } from "../shm/counters.ts";
import type { IncomingQueue } from "../shm/incoming-queue.ts";
import type { AccessLog } from "./access-log.ts";
import { AnswerWriter, type WriterOwner } from "./answer-writer.ts";
import {
  CLIENT_CLOSED,
  CLIENT_ENDING,
  CLIENT_LINGERING,
  type Client,
  TASK_OVER,
  type Task,
} from "./client.ts";
import { ClientCloser, type CloserOwner } from "./client-closer.ts";
import type { ClientSettings } from "./client-settings.ts";
import { ClientTable } from "./client-table.ts";
import { ClientTaker, type TakerOwner } from "./client-taker.ts";
import type { ConnectionCount } from "./connection-count.ts";
import { Deadlines } from "./deadlines.ts";
import { type FailedTaskOwner, FailedTasks } from "./failed-tasks.ts";
import type { InlineHost } from "./inline-host.ts";
import type { InlineOwner } from "./inline-owner.ts";
import { KindTable, NO_KIND } from "./kind-table.ts";
import type { LogWriter } from "./log-writer.ts";
import { OwnAccepts } from "./own-accepts.ts";
import type { OwnPaths } from "./own-paths.ts";
import { ReadyList } from "./ready-list.ts";
import { type IntakeOwner, RequestIntake } from "./request-intake.ts";
import { type ReaderOwner, RequestReader } from "./request-reader.ts";
import { type ResultOwner, ResultReader } from "./result-reader.ts";
import { RetryList } from "./retry-list.ts";
import type * as Routes from "./route-stage.ts";
import type { Scheduler } from "./scheduler.ts";
import { TimeoutNotice } from "./timeout-notice.ts";
import { type UploadOwner, UploadSender } from "./upload-sender.ts";

const routeStage = () => require("./route-stage.ts") as typeof Routes;

/** The clients of one dispatcher. */
export class Clients
  implements
    WriterOwner,
    ResultOwner,
    Routes.RouteOwner,
    ReaderOwner,
    IntakeOwner,
    UploadOwner,
    CloserOwner,
    TakerOwner,
    FailedTaskOwner,
    InlineOwner
{
  /** Monotonic ms at the start of this turn; the dispatcher sets it. */
  nowMs: number;
  /** Called when something is to be done at the next turn, which may be far away. */
  onWakeUp: (() => void) | null = null;
  /** What handlers had no room to be told. */
  readonly retries: RetryList = new RetryList();
  /** The way out. */
  readonly writer: AnswerWriter;
  /** Handlers that run on this thread; null when there are none. */
  inline: InlineHost | null = null;
  /** What handlers post. */
  readonly results: ResultReader;
  /** Requests whose handlers fail. */
  readonly failed: FailedTasks;
  readonly #index: number;
  readonly #control: ControlBlock;
  readonly #scheduler: Scheduler;
  readonly #counters: Float64Array;
  readonly #lines: LogWriter | null;
  readonly #table: ClientTable;
  readonly #wheel: TimerWheel<Client>;
  readonly #deadlines: Deadlines;
  readonly #notice: TimeoutNotice;
  readonly #closer: ClientCloser;
  readonly #taker: ClientTaker;
  readonly #uploads: UploadSender;
  readonly #kinds: KindTable | null;
  readonly #intake: RequestIntake;
  readonly #reader: RequestReader;
  readonly #expire = (client: Client): void => this.#expired(client);
  readonly #serve = (client: Client): void => this.#serveClient(client);
  readonly #ready: ReadyList = new ReadyList();
  #inFlight = 0;

  constructor(
    index: number,
    settings: ClientSettings,
    nowMs: number,
    control: ControlBlock,
    poller: Poller,
    scheduler: Scheduler,
    links: readonly DispatcherLink<Task>[],
    counters: Float64Array,
    own: OwnPaths | null = null,
    count: ConnectionCount | null = null,
    log: AccessLog | null = null,
  ) {
    this.nowMs = nowMs;
    this.#lines = log?.writer ?? null;
    this.#index = index;
    this.#control = control;
    this.#scheduler = scheduler;
    this.#counters = counters;
    this.#table = new ClientTable(count);
    this.#wheel = new TimerWheel<Client>(nowMs);
    this.#uploads = new UploadSender(this);
    this.#deadlines = new Deadlines(this.#wheel, settings.idleTimeoutMs, settings.times);
    this.#notice = new TimeoutNotice(control, settings.isTimeoutTold, settings.idleTimeoutMs);
    this.writer = new AnswerWriter(this, counters, log, settings.requestsPerConnection);
    this.#kinds = settings.areKindsKept ? new KindTable(counters) : null;
    this.results = new ResultReader(this, this.writer, counters, links);
    this.#closer = new ClientCloser(this, this.#table, this.#wheel, this.#deadlines, this.writer, counters);
    const accepts = OwnAccepts.of(settings.ownAccepts, index, control, poller, counters, this.retries);
    const places = { table: this.#table, poller, deadlines: this.#deadlines, closer: this.#closer };
    this.#taker = new ClientTaker(this, places, counters, settings.proxies, accepts);
    this.failed = new FailedTasks(this, this.#closer, this.#uploads, counters);
    const { routes: entries, limits, maxBodyBytes, pipelined, requestsPerConnection } = settings;
    const routes = entries && new (routeStage().RouteStage)(this, this.writer, control, entries, limits);
    const targets = { scheduler, uploads: this.#uploads, log, own, routes, kinds: this.#kinds };
    this.#intake = new RequestIntake(this, this.#table, targets, counters, limits, maxBodyBytes);
    const bounds = { parser: limits, pipelined, requests: requestsPerConnection };
    this.#reader = new RequestReader(this, this.#intake, this.writer.direct, counters, bounds);
  }

  /** Has handlers run on this thread, where kinds of requests are kept. */
  host(Host: typeof InlineHost): InlineHost {
    this.inline = new Host(this.#index, this, this.writer, this.#control, this.#counters, this.#kinds!);
    return this.#intake.host(this.inline);
  }

  /** Number of clients. */
  get count(): number {
    return this.#table.count;
  }

  /** Whether clients wait for their turn. */
  get hasReady(): boolean {
    return this.#ready.hasSome || this.#taker.hasMore;
  }

  /** Monotonic ms at which `expire` has something to do, Infinity without one. */
  get nextDeadlineMs(): number {
    const deadlineMs = this.#wheel.nextDeadlineMs();
    return this.#lines === null ? deadlineMs : Math.min(deadlineMs, this.#lines.dueMs);
  }

  /** Takes new clients from the queue, up to a budget. */
  take(incoming: IncomingQueue): void {
    this.#taker.take(incoming);
  }

  /** Reads and writes each client of the ready list once. */
  serveReady(): void {
    this.#ready.walk(this.#serve);
  }

  #serveClient(client: Client): void {
    if (client.isWritable && client.answers.readyCount > 0) this.writer.flush(client);
    if (this.#mayRead(client)) this.#reader.read(client);
    // One that has sent ahead and left may not be read as far as its end for now.
    if (client.isHungUp && this.#reader.isPaused(client)) this.#closer.halfClosed(client);
    this.settle(client);
    if (!client.isWatched) this.#taker.watch(client);
    if (this.#mayRead(client)) this.list(client);
  }

  #mayRead(client: Client): boolean {
    if (client.state === CLIENT_CLOSED) return false;
    if (client.state === CLIENT_ENDING) return client.isReadable && client.isHungUp && !client.isInputOver;
    return (client.isReadable || client.mustParse) && !this.#reader.isPaused(client);
  }

  /** An epoll event. */
  onEvent(slot: number, generation: number, flags: number): void {
    const client = this.#table.find(slot, generation) ?? this.#taker.noticed(slot);
    if (client === null) return;
    if ((flags & READABLE) !== 0) client.isReadable = true;
    if ((flags & WRITABLE) !== 0) client.isWritable = true;
    if ((flags & DISCONNECTED) !== 0) {
      // Both directions are gone: nothing that is still to be sent can arrive.
      this.#closer.close(client);
      return;
    }
    if ((flags & HANGUP) !== 0) client.isHungUp = true;
    this.list(client);
  }

  /** Closes the clients whose deadline has passed, and writes the lines of the access log that are due. */
  expire(): void {
    this.#wheel.advance(this.nowMs, this.#expire);
    this.#lines?.look(this.nowMs);
  }

  #expired(client: Client): void {
    if (client.state === CLIENT_CLOSED) return;
    if (this.#deadlines.extend(client, this.nowMs)) return;
    this.#counters[DispatcherCounter.timeouts] += 1;
    this.#notice.tell(client);
    // One that does not read would keep in the kernel what waits for it there.
    if (this.nowMs >= client.writeUntilMs) this.#closer.reset(client);
    else this.#closer.close(client);
  }

  /** Closes all clients at once, those in the queue included. */
  closeAll(incoming: IncomingQueue): void {
    this.#table.forEach((client) => {
      this.#closer.close(client);
    });
    this.#taker.closeUntaken(incoming);
    this.#lines?.flush();
  }

  /** Closes the clients that have no request and of whose next one nothing has come; gives how many. */
  closeIdle(): number {
    return this.#closer.endIdle();
  }

  /** The server stops: each client gets its last answer, and the draining one closes those that have no request. */
  serverChanged(state: number): void {
    this.writer.last.enter(state);
    this.#table.forEach((client) => {
      this.settle(client);
    });
  }

  /** Closes a client that has nothing more to say or to get. */
  settle(client: Client): void {
    if (client.state === CLIENT_CLOSED || client.state === CLIENT_LINGERING) return;
    if (client.tasks.length > 0 || !client.answers.isIdle) return;
    const isOver =
      client.state === CLIENT_ENDING ||
      (client.isInputOver && client.held === null) ||
      (this.writer.last.isDraining && client.isIdle);
    if (isOver) this.#closer.end(client);
  }

  /** Puts a client into the ready list. */
  list(client: Client): void {
    this.#ready.add(client);
  }

  /** A request is in flight from now on. */
  began(): void {
    this.#control.setInFlight(this.#index, ++this.#inFlight);
  }

  /** A request is not in flight any more. */
  over(task: Task): void {
    if (task.state === TASK_OVER) return;
    task.state = TASK_OVER;
    if (task.body !== null) this.#intake.drop(task);
    if (task.isHeavy) this.#scheduler.heavyOver(task);
    this.#control.setInFlight(this.#index, --this.#inFlight);
  }

  /** A request that has no task is not in flight any more. */
  ended(): void {
    this.#control.setInFlight(this.#index, --this.#inFlight);
  }

  /** A handler has answered a task at this pace (flags of messages.ts). */
  measured(task: Task, pace: number): void {
    this.#kinds?.ranInPool(task.kind, task.kindParent, pace);
    if ((pace & (HEAVY | LIGHT)) === HEAVY) this.#kinds?.noteSlowTarget(task.kind, task.target, false);
    task.kind = NO_KIND;
  }

  /** An open request of this thread's own has moved on outside of a turn. */
  wakeUp(): void {
    this.onWakeUp?.();
  }

  /** Sends an answer of the server's own for a request. */
  reply(client: Client, sequence: number, bytes: Buffer, closes: boolean): void {
    this.writer.record.bytes(client, sequence, bytes, 0, bytes.length);
    this.writer.record.end(client, sequence);
    this.interim(client, sequence, closes ? bytes : this.writer.last.mark(client, sequence, bytes), closes);
    client.answers.finish(sequence);
    this.#counters[DispatcherCounter.responses] += 1;
  }

  /** Sends bytes for a request whose answer is still to come. */
  interim(client: Client, sequence: number, bytes: Buffer, closes = false): void {
    const copy = NativeBuffer.allocate(bytes.length);
    bytes.copy(copy.bytes);
    this.writer.reply(client, sequence, copy, closes);
  }

  /** The answer of a task is complete. */
  answered(client: Client, task: Task): void {
    this.writer.record.end(client, task.sequence);
    this.#counters[DispatcherCounter.responses] += 1;
    this.#uploads.close(task);
    client.forget(task);
    client.idleTimeoutMs = -1;
    this.over(task);
    this.#deadlines.update(client, this.nowMs);
    // A pause for too many requests may be over.
    if (client.mustParse || client.isReadable) this.list(client);
    this.settle(client);
  }

  /** All of an answer of this thread's own is queued. */
  sent(client: Client, sequence: number): void {
    this.writer.record.end(client, sequence);
    client.answers.finish(sequence);
    this.#counters[DispatcherCounter.responses] += 1;
  }

  /** The socket of a client is full. */
  blocked(client: Client): void {
    this.#deadlines.blocked(client, this.nowMs);
  }

  /** A client's queue has run empty. */
  drained(client: Client): void {
    this.#deadlines.drained(client);
    // It may not have been read because of what it did not read.
    if (client.mustParse || client.isReadable) this.list(client);
    this.settle(client);
  }

  /** Nobody waits for the answer of a task any more. */
  abandon(task: Task): void {
    if (task.state !== TASK_OVER) this.#closer.abandon(task);
  }

  /** Drops a task that waits for a handler. */
  dropWaiting(task: Task): void {
    this.#scheduler.drop(task);
  }

  /** The socket failed, or an answer was cut. */
  broken(client: Client): void {
    this.#closer.reset(client);
  }

  /** All that the client gets was sent, and it closes after that. */
  finished(client: Client): void {
    this.#closer.end(client);
  }

  /** The peer has closed its half. */
  inputOver(client: Client): void {
    client.isInputOver = true;
    if (client.state === CLIENT_LINGERING) {
      this.#closer.close(client);
      return;
    }
    client.held = null;
    client.mustParse = false;
    const receiving = client.receiving;
    client.receiving = null;
    if (receiving !== null && receiving.state !== TASK_OVER) {
      if (receiving.upload !== null) this.#uploads.fail(receiving, 0);
      // A request that will never be complete is not answered.
      client.forget(receiving);
      client.answers.finish(receiving.sequence);
      this.abandon(receiving);
    }
    client.stopReading();
    this.#deadlines.update(client, this.nowMs);
    this.#closer.halfClosed(client);
    this.settle(client);
  }

  /** Something moved on a client: its deadline is another. */
  progressed(client: Client): void {
    this.#deadlines.update(client, this.nowMs);
  }

  /** The handler of a task allows more of its body. */
  bodyCredit(task: Task, bytes: number): void {
    if (task.state !== TASK_OVER) this.#uploads.credit(task, bytes);
  }

  /** The body of a task has moved on: its client may be read again. */
  resumed(task: Task): void {
    if (task.client.state !== CLIENT_CLOSED) this.list(task.client);
  }

  /** Tries again later to tell a link something it had no room for. */
  retryLater(retry: () => boolean): void {
    this.retries.add(retry);
  }
}
