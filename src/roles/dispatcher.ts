/**
 * A dispatcher: one thread, one epoll, its share of the clients.
 *
 * Each turn it takes new clients, reads and writes those that are ready (round robin, a bounded piece each), collects
 * what handlers have posted, and polls. It blocks in `epoll_wait` only when nothing is ready, and says so first (the
 * parker's two-sided handshake), so that whoever gives it something knows that it must be woken. Idle, it makes no call
 * at all: it sleeps until an event, a wake-up or the next client's deadline.
 */
import { monotonicMs } from "../../ffi/clock.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import { DispatcherLink } from "../channel/dispatcher-link.ts";
import type { ParserLimits } from "../http/limits.ts";
import { emptyReply } from "../http/response-head.ts";
import { DISCONNECTED, HANGUP, Poller, READABLE, WRITABLE } from "../net/poller.ts";
import { TimerWheel } from "../net/timer-wheel.ts";
import { Waker } from "../net/waker.ts";
import {
  type ControlBlock,
  DISPATCHER_DRAINED,
  DISPATCHER_ENDED,
  DISPATCHER_RUNNING,
  HANDLER_DEAD,
  SERVER_CLOSED,
  SERVER_RUNNING,
} from "../shm/control-block.ts";
import { DispatcherCounter } from "../shm/counters.ts";
import { type IncomingQueue, PEER_ADDRESS_WORDS } from "../shm/incoming-queue.ts";
import type { Parker } from "../shm/parker.ts";
import { AnswerWriter } from "./answer-writer.ts";
import { CLIENT_CLOSED, CLIENT_ENDING, CLIENT_LINGERING, type Client } from "./client.ts";
import { ClientCloser } from "./client-closer.ts";
import { ClientTable } from "./client-table.ts";
import { Deadlines } from "./deadlines.ts";
import { RequestReader } from "./request-reader.ts";
import { type Balance, Scheduler } from "./scheduler.ts";
import { controlOf, dispatcherCounters, incomingOf, pairOf, type ServerMemory } from "./server-memory.ts";
import { TASK_OVER, type Task } from "./task.ts";
import { UploadSender } from "./upload-sender.ts";

/** New clients taken in a turn. */
const INCOMING_BUDGET = 64;
/** Epoll slot of the eventfd. */
const WAKER_SLOT = -1;
/** Milliseconds between two tries to tell a link something it had no room for. */
const RETRY_MS = 1;

const HANDLER_LOST_REPLY = emptyReply(500);

/** What a dispatcher is told when it starts. */
export interface DispatcherSettings {
  readonly index: number;
  readonly memory: ServerMemory;
  /** Its eventfd. */
  readonly wakerFd: number;
  readonly limits: ParserLimits;
  readonly maxBodyBytes: number;
  readonly idleTimeoutMs: number;
  readonly balance: Balance;
  readonly maxBacklog: number;
}

/** The loop of one dispatcher. */
export class Dispatcher {
  /** Monotonic ms at the start of this turn. */
  nowMs: number = monotonicMs();
  readonly #index: number;
  readonly #control: ControlBlock;
  readonly #incoming: IncomingQueue;
  readonly #counters: Float64Array;
  readonly #parker: Parker;
  readonly #supervisor: Parker;
  readonly #poller: Poller = new Poller();
  readonly #table: ClientTable = new ClientTable();
  readonly #wheel: TimerWheel<Client>;
  readonly #deadlines: Deadlines;
  readonly #closer: ClientCloser;
  readonly #links: DispatcherLink<Task>[] = [];
  readonly #scheduler: Scheduler;
  readonly #uploads: UploadSender;
  readonly #reader: RequestReader;
  readonly #writer: AnswerWriter;
  readonly #peer: Int32Array = new Int32Array(PEER_ADDRESS_WORDS);
  readonly #letGo: boolean[] = [];
  #ready: Client[] = [];
  #spare: Client[] = [];
  #retries: (() => boolean)[] = [];
  #epoch = -1;
  #serverState: number = SERVER_RUNNING;
  #inFlight = 0;

  constructor(settings: DispatcherSettings) {
    const { memory, index } = settings;
    this.#index = index;
    this.#control = controlOf(memory);
    this.#incoming = incomingOf(memory);
    this.#counters = dispatcherCounters(memory, index);
    this.#parker = this.#control.dispatcherParker(index);
    this.#supervisor = this.#control.supervisorParker();
    this.#wheel = new TimerWheel<Client>(this.nowMs);
    for (let slot = 0; slot < memory.handlerCount; slot++) {
      this.#links.push(
        new DispatcherLink<Task>(slot, pairOf(memory, index, slot), this.#control.handlerParker(slot)),
      );
    }
    const notifySupervisor = (): void => this.#notifySupervisor();
    this.#scheduler = new Scheduler(
      index,
      this.#control,
      this.#links,
      this.#counters,
      settings.balance,
      settings.maxBacklog,
      notifySupervisor,
    );
    this.#uploads = new UploadSender(this);
    this.#deadlines = new Deadlines(this.#wheel, settings.idleTimeoutMs);
    this.#writer = new AnswerWriter(this, this.#counters, this.#links);
    this.#closer = new ClientCloser(
      this,
      this.#table,
      this.#wheel,
      this.#deadlines,
      this.#writer,
      this.#counters,
    );
    this.#reader = new RequestReader(
      this,
      this.#table,
      this.#scheduler,
      this.#uploads,
      this.#counters,
      settings.limits,
      settings.maxBodyBytes,
    );
    this.#poller.registerReadable(Waker.attach(settings.wakerFd).fd, WAKER_SLOT, 0);
  }

  /** Serves until the server is closed; blocks the thread. */
  run(): void {
    this.#control.setDispatcherState(this.#index, DISPATCHER_RUNNING);
    this.#notifySupervisor();
    while (this.#turn());
    this.#poller.close();
    this.#control.setDispatcherState(this.#index, DISPATCHER_ENDED);
    this.#notifySupervisor();
  }

  #turn(): boolean {
    this.nowMs = monotonicMs();
    this.#counters[DispatcherCounter.turns] += 1;
    if (this.#control.epoch !== this.#epoch) this.#refresh();
    if (this.#control.serverState !== this.#serverState && !this.#serverChanged()) return false;
    this.#takeClients();
    this.#serveReady();
    this.#scheduler.flush();
    let isMore = this.#collect();
    this.#writer.flushDirty();
    const watchMs = this.#scheduler.watch(this.nowMs);
    if (this.#retries.length > 0) this.#retry();
    this.#scheduler.flush();
    this.#wheel.advance(this.nowMs, (client) => this.#expired(client));
    this.#publish();
    if (this.#ready.length > 0) isMore = true;
    this.#poll(isMore ? 0 : this.#timeoutMs(watchMs));
    return true;
  }

  #timeoutMs(watchMs: number): number {
    const retryMs = this.#retries.length > 0 ? RETRY_MS : Number.POSITIVE_INFINITY;
    const wait = Math.min(watchMs, retryMs, this.#wheel.nextDeadlineMs() - this.nowMs);
    if (wait === Number.POSITIVE_INFINITY) return -1;
    return Math.max(0, Math.ceil(wait));
  }

  #poll(timeoutMs: number): void {
    let wait = timeoutMs;
    if (wait !== 0) {
      this.#parker.announce();
      if (this.#hasWork()) wait = 0;
      else this.#counters[DispatcherCounter.sleeps] += 1;
    }
    const count = this.#poller.wait(wait);
    if (timeoutMs !== 0) this.#parker.cancel();
    for (let i = 0; i < count; i++) {
      const slot = this.#poller.slotOf(i);
      if (slot === WAKER_SLOT) continue;
      const client = this.#table.find(slot, this.#poller.generationOf(i));
      if (client === null) continue;
      const flags = this.#poller.flagsOf(i);
      if ((flags & READABLE) !== 0) client.isReadable = true;
      if ((flags & WRITABLE) !== 0) client.isWritable = true;
      if ((flags & DISCONNECTED) !== 0) {
        // Both directions are gone: nothing that is still to be sent can arrive.
        this.#closer.close(client);
        continue;
      }
      if ((flags & HANGUP) !== 0) {
        client.isHungUp = true;
        if (this.#reader.isPaused(client)) this.#closer.halfClosed(client);
      }
      this.list(client);
    }
  }

  /** The look at everything that comes after announcing sleep. */
  #hasWork(): boolean {
    for (const link of this.#links) if (!link.results.isEmpty()) return true;
    return (
      this.#incoming.size > 0 ||
      this.#control.epoch !== this.#epoch ||
      this.#control.serverState !== this.#serverState
    );
  }

  #takeClients(): void {
    if (this.#serverState === SERVER_CLOSED) return;
    for (let i = 0; i < INCOMING_BUDGET; i++) {
      const fd = this.#incoming.take(this.#peer, 0);
      if (fd < 0) return;
      const client = this.#table.open(fd, this.#peer);
      this.#counters[DispatcherCounter.clientsOpened] += 1;
      if (this.#poller.register(fd, client.slot, client.generation) < 0) {
        this.#closer.close(client);
        continue;
      }
      this.#deadlines.opened(client, this.nowMs);
      // The kernel hands over connections whose first bytes are there (TCP_DEFER_ACCEPT): read at once.
      this.list(client);
    }
  }

  #serveReady(): void {
    const clients = this.#ready;
    if (clients.length === 0) return;
    this.#ready = this.#spare;
    for (const client of clients) {
      client.isListed = false;
      if (client.state === CLIENT_CLOSED) continue;
      if (client.isWritable && client.answers.readyCount > 0) this.#writer.flush(client);
      if (this.#mayRead(client)) this.#reader.read(client);
      this.#settle(client);
      if (this.#mayRead(client)) this.list(client);
    }
    clients.length = 0;
    this.#spare = clients;
  }

  #mayRead(client: Client): boolean {
    if (client.state === CLIENT_CLOSED) return false;
    if (client.state === CLIENT_ENDING) return client.isReadable && client.isHungUp && !client.isInputOver;
    return (client.isReadable || client.mustParse) && !this.#reader.isPaused(client);
  }

  #collect(): boolean {
    let isMore = false;
    for (const link of this.#links) if (this.#writer.collect(link)) isMore = true;
    return isMore;
  }

  #retry(): void {
    const retries = this.#retries;
    this.#retries = [];
    for (const retry of retries) if (!retry()) this.#retries.push(retry);
  }

  #refresh(): void {
    this.#epoch = this.#control.epoch;
    for (const link of this.#links) {
      const isDead = this.#control.handlerState(link.slot) === HANDLER_DEAD;
      if (isDead && !this.#letGo[link.slot]) this.#sweep(link);
      this.#letGo[link.slot] = isDead;
    }
    this.#scheduler.refresh();
  }

  /** Lets go of a handler thread that has ended: its last answers are sent, its other tasks failed or given to others. */
  #sweep(link: DispatcherLink<Task>): void {
    while (this.#writer.collect(link));
    const again: Task[] = [];
    link.sweep(
      (task) => this.#lost(task),
      (task, record) => {
        task.record = record;
        again.push(task);
      },
    );
    this.#scheduler.takeAgain(again, this.nowMs);
    if (this.#control.letGo(link.slot)) this.#notifySupervisor();
  }

  #lost(task: Task): void {
    if (task.state === TASK_OVER) return;
    const client = task.client;
    this.over(task);
    if (task.isAnswering) {
      this.broken(client);
      return;
    }
    client.forget(task);
    this.reply(client, task.sequence, HANDLER_LOST_REPLY, client.isLastRequest);
  }

  /** False when the server is closed and this dispatcher is done. */
  #serverChanged(): boolean {
    this.#serverState = this.#control.serverState;
    if (this.#serverState === SERVER_CLOSED) {
      this.#table.forEach((client) => {
        this.#closer.close(client);
      });
      for (let fd = this.#incoming.take(this.#peer, 0); fd >= 0; fd = this.#incoming.take(this.#peer, 0)) {
        this.#closer.closeUntaken(fd);
      }
      this.#scheduler.flush();
      this.#publish();
      return false;
    }
    this.#table.forEach((client) => {
      this.#settle(client);
    });
    return true;
  }

  #publish(): void {
    const clients = this.#table.count;
    this.#control.setClients(this.#index, clients);
    this.#control.setBacklog(this.#index, this.#scheduler.backlog);
    if (
      this.#serverState !== SERVER_RUNNING &&
      clients === 0 &&
      this.#incoming.size === 0 &&
      this.#control.dispatcherState(this.#index) === DISPATCHER_RUNNING
    ) {
      this.#control.setDispatcherState(this.#index, DISPATCHER_DRAINED);
      this.#notifySupervisor();
    }
  }

  #notifySupervisor(): void {
    if (this.#supervisor.needsWake()) this.#supervisor.notify();
  }

  #expired(client: Client): void {
    if (client.state === CLIENT_CLOSED) return;
    if (this.#deadlines.extend(client, this.nowMs)) return;
    this.#counters[DispatcherCounter.timeouts] += 1;
    this.#closer.close(client);
  }

  /** Closes a client that has nothing more to say or to get. */
  #settle(client: Client): void {
    if (client.state === CLIENT_CLOSED || client.state === CLIENT_LINGERING) return;
    if (client.tasks.length > 0 || !client.answers.isIdle) return;
    const isOver =
      client.state === CLIENT_ENDING ||
      (client.isInputOver && client.held === null) ||
      (this.#serverState !== SERVER_RUNNING && client.isIdle);
    if (isOver) this.#closer.end(client);
  }

  // What the reader, the writer and the uploads ask for.

  /** Puts a client into the ready list. */
  list(client: Client): void {
    if (client.isListed) return;
    client.isListed = true;
    this.#ready.push(client);
  }

  /** A request is in flight from now on. */
  began(): void {
    this.#control.setInFlight(this.#index, ++this.#inFlight);
  }

  /** A request is not in flight any more. */
  over(task: Task): void {
    if (task.state === TASK_OVER) return;
    task.state = TASK_OVER;
    this.#control.setInFlight(this.#index, --this.#inFlight);
  }

  /** Sends an answer of the server's own for a request. */
  reply(client: Client, sequence: number, bytes: Buffer, closes: boolean): void {
    this.interim(client, sequence, bytes, closes);
    client.answers.finish(sequence);
    this.#counters[DispatcherCounter.responses] += 1;
  }

  /** Sends bytes for a request whose answer is still to come. */
  interim(client: Client, sequence: number, bytes: Buffer, closes = false): void {
    const copy = NativeBuffer.allocate(bytes.length);
    bytes.copy(copy.bytes);
    this.#writer.reply(client, sequence, copy, closes);
  }

  /** The answer of a task is complete. */
  answered(client: Client, task: Task): void {
    this.#counters[DispatcherCounter.responses] += 1;
    this.#uploads.close(task);
    client.forget(task);
    client.idleTimeoutMs = -1;
    this.over(task);
    this.#deadlines.update(client, this.nowMs);
    // A pause for too many requests may be over.
    if (client.mustParse || client.isReadable) this.list(client);
    this.#settle(client);
  }

  /** A client's queue has run empty. */
  drained(client: Client): void {
    this.#settle(client);
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
    this.#closer.halfClosed(client);
    this.#settle(client);
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
    this.#retries.push(retry);
  }
}
