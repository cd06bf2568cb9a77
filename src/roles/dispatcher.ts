/**
 * A dispatcher: one thread, one epoll, its share of the clients.
 *
 * Each turn it takes new clients, reads and writes those that are ready (round robin, a bounded piece each), collects
 * what handlers have posted, and polls. It blocks in `epoll_wait` only when nothing is ready, and says so first (the
 * parker's two-sided handshake), so that whoever gives it something knows that it must be woken. Idle, it makes no call
 * at all: it sleeps until an event, a wake-up or the next client's deadline.
 */
import { monotonicMs } from "../../ffi/clock.ts";
import { DispatcherLink } from "../channel/dispatcher-link.ts";
import { Poller } from "../net/poller.ts";
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
import type { IncomingQueue } from "../shm/incoming-queue.ts";
import type { Parker } from "../shm/parker.ts";
import type { Task } from "./client.ts";
import { type ClientSettings, Clients } from "./clients.ts";
import { type Balance, Scheduler } from "./scheduler.ts";
import { controlOf, dispatcherCounters, incomingOf, pairOf, type ServerMemory } from "./server-memory.ts";

/** Epoll slot of the eventfd. */
const WAKER_SLOT = -1;
/** Milliseconds between two tries to tell a link something it had no room for. */
const RETRY_MS = 1;

/** What a dispatcher is told when it starts. */
export interface DispatcherSettings extends ClientSettings {
  readonly index: number;
  readonly memory: ServerMemory;
  /** Its eventfd. */
  readonly wakerFd: number;
  readonly balance: Balance;
  readonly maxBacklog: number;
}

/** The loop of one dispatcher. */
export class Dispatcher {
  readonly #index: number;
  readonly #control: ControlBlock;
  readonly #incoming: IncomingQueue;
  readonly #counters: Float64Array;
  readonly #parker: Parker;
  readonly #supervisor: Parker;
  readonly #poller: Poller = new Poller();
  readonly #links: DispatcherLink<Task>[] = [];
  readonly #scheduler: Scheduler;
  readonly #clients: Clients;
  /** For each handler slot, which of its threads' deaths was dealt with last. */
  readonly #deaths: Int32Array;
  #nowMs: number = monotonicMs();
  #epoch = -1;
  #serverState: number = SERVER_RUNNING;

  constructor(settings: DispatcherSettings) {
    const { memory, index } = settings;
    this.#index = index;
    this.#control = controlOf(memory);
    this.#incoming = incomingOf(memory);
    this.#counters = dispatcherCounters(memory, index);
    this.#parker = this.#control.dispatcherParker(index);
    this.#supervisor = this.#control.supervisorParker();
    this.#deaths = new Int32Array(memory.handlerCount);
    for (let slot = 0; slot < memory.handlerCount; slot++) {
      this.#links.push(
        new DispatcherLink<Task>(slot, pairOf(memory, index, slot), this.#control.handlerParker(slot)),
      );
    }
    this.#scheduler = new Scheduler(
      index,
      this.#control,
      this.#links,
      this.#counters,
      settings.balance,
      settings.maxBacklog,
      () => this.#notifySupervisor(),
    );
    this.#clients = new Clients(
      index,
      settings,
      this.#nowMs,
      this.#control,
      this.#poller,
      this.#scheduler,
      this.#links,
      this.#counters,
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
    const clients = this.#clients;
    this.#nowMs = monotonicMs();
    clients.nowMs = this.#nowMs;
    this.#counters[DispatcherCounter.turns] += 1;
    if (this.#control.epoch !== this.#epoch) this.#refresh();
    if (this.#control.serverState !== this.#serverState && !this.#serverChanged()) return false;
    if (this.#control.isCloseIdleRequested(this.#index)) {
      this.#control.answerCloseIdle(this.#index, clients.closeIdle());
    }
    clients.take(this.#incoming);
    clients.serveReady();
    this.#flush();
    const isMore = this.#collect();
    clients.writer.flushDirty();
    const watchMs = this.#scheduler.watch(this.#nowMs);
    if (clients.hasRetries) clients.retry();
    clients.expire();
    this.#flush();
    this.#publish();
    this.#poll(isMore || clients.hasReady ? 0 : this.#timeoutMs(watchMs));
    return true;
  }

  #timeoutMs(watchMs: number): number {
    const retryMs = this.#clients.hasRetries ? RETRY_MS : Number.POSITIVE_INFINITY;
    const wait = Math.min(watchMs, retryMs, this.#clients.nextDeadlineMs - this.#nowMs);
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
    const poller = this.#poller;
    const count = poller.wait(wait);
    if (timeoutMs !== 0) this.#parker.cancel();
    for (let i = 0; i < count; i++) {
      const slot = poller.slotOf(i);
      if (slot !== WAKER_SLOT) this.#clients.onEvent(slot, poller.generationOf(i), poller.flagsOf(i));
    }
  }

  /** The look at everything that comes after announcing sleep. */
  #hasWork(): boolean {
    for (const link of this.#links) if (!link.results.isEmpty()) return true;
    return (
      this.#scheduler.hasRoom(this.#nowMs) ||
      this.#incoming.size > 0 ||
      this.#control.isCloseIdleRequested(this.#index) ||
      this.#control.epoch !== this.#epoch ||
      this.#control.serverState !== this.#serverState
    );
  }

  /** Makes all that was given to handlers visible and wakes those that sleep. */
  #flush(): void {
    for (const link of this.#links) {
      if (link.flush()) this.#counters[DispatcherCounter.handlerWakeUps] += 1;
    }
  }

  #collect(): boolean {
    let isMore = false;
    for (const link of this.#links) if (this.#clients.results.collect(link)) isMore = true;
    return isMore;
  }

  #refresh(): void {
    this.#epoch = this.#control.epoch;
    for (const link of this.#links) {
      const slot = link.slot;
      // Counted, not remembered as a flag: a slot may have had a whole life since the last look.
      const deaths = this.#control.deaths(slot);
      if (this.#control.handlerState(slot) !== HANDLER_DEAD || deaths === this.#deaths[slot]) continue;
      this.#deaths[slot] = deaths;
      this.#sweep(link);
    }
    this.#scheduler.refresh();
  }

  /** Lets go of a handler thread that has ended: its last answers are sent, its other tasks failed or given to others. */
  #sweep(link: DispatcherLink<Task>): void {
    while (this.#clients.results.collect(link));
    const again: Task[] = [];
    link.sweep(
      (task) => this.#clients.lost(task),
      (task, record) => {
        task.record = record;
        again.push(task);
      },
    );
    this.#scheduler.takeAgain(again, this.#nowMs);
    if (this.#control.letGo(link.slot)) this.#notifySupervisor();
  }

  /** False when the server is closed and this dispatcher is done. */
  #serverChanged(): boolean {
    this.#serverState = this.#control.serverState;
    this.#clients.serverState = this.#serverState;
    if (this.#serverState !== SERVER_CLOSED) {
      this.#clients.settleAll();
      return true;
    }
    this.#clients.closeAll(this.#incoming);
    // What handlers have posted may hold open files.
    while (this.#collect());
    this.#flush();
    this.#publish();
    return false;
  }

  #publish(): void {
    const clients = this.#clients.count;
    this.#control.setClients(this.#index, clients);
    this.#control.setBacklog(this.#index, this.#scheduler.backlog);
    if (
      this.#serverState !== SERVER_RUNNING &&
      clients === 0 &&
      this.#control.isAcceptorEnded &&
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
}
