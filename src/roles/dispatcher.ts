/**
 * A dispatcher: one thread, one epoll, its share of the clients.
 *
 * Each turn it takes new clients, reads and writes those that are ready (round robin, a bounded piece each), collects
 * what handlers have posted, and polls. It blocks in `epoll_wait` only when nothing is ready, and says so first (the parker's
 * two-sided handshake): whoever gives it something must wake it. Idle, it sleeps until an event, a wake-up or a deadline.
 *
 * A dispatcher that hosts handlers (`inline-host.ts`) has user code on its event loop: timers, promises, sockets. It lets
 * the loop turn every YIELD_MS, and blocks in `epoll_wait` for LINGER_MS at most; when nothing came by then, it sleeps on
 * the event loop itself, which the Poller wakes (`net/loop-bridge.ts`).
 *
 *   spin: turn, turn, ... --YIELD_MS--> setImmediate --> spin
 *                     \--nothing for LINGER_MS--> bridge.arm(), event loop --event, wake-up, deadline--> spin
 */
import { monotonicMs } from "../../ffi/clock.ts";
import { DispatcherLink } from "../channel/dispatcher-link.ts";
import { threadLog } from "../log/log.ts";
import { LoopBridge } from "../net/loop-bridge.ts";
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
import { blockedReports } from "./blocked-report.ts";
import type { Task } from "./client.ts";
import { Clients } from "./clients.ts";
import { collectAfterDeaths } from "./collect-after-deaths.ts";
import type { DispatcherSettings } from "./dispatcher-settings.ts";
import { EagerPolls } from "./eager-polls.ts";
import { HandlerWatch } from "./handler-watch.ts";
import { dropDescriptor, holdDescriptor } from "./held-descriptors.ts";
import { accessLogOf, connectionCountOf, loadHosting, ownPathsOf } from "./optional-stages.ts";
import { Scheduler } from "./scheduler.ts";
import { controlOf, dispatcherCounters, incomingOf, pairOf } from "./server-memory.ts";
import type * as Succession from "./succession.ts";
import { exitThread } from "./thread-guard.ts";
import { YieldingWait } from "./yielding-wait.ts";

/** Epoll slot of the eventfd. */
const WAKER_SLOT = -1;
/** Milliseconds between two tries to tell a link something it had no room for. */
const RETRY_MS = 1;
/** Where it hosts handlers: ms after which the event loop gets a turn, and that it blocks in `epoll_wait` before it sleeps on that. */
const YIELD_MS = 2;
const LINGER_MS = 5;
/** The same while there is no descriptor to sleep on the event loop with: its timers come late by so much, and nothing spins. */
const UNARMED_LINGER_MS = 25;

/** How long after the first handler thread this one loads handlers too, in ms. */
const HOST_AFTER_MS = 20;

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
  readonly #watch: HandlerWatch;
  /** For each handler slot, which of its threads' deaths was dealt with last. */
  readonly #deaths: Int32Array;
  #nowMs: number = monotonicMs();
  #epoch = -1;
  #serverState: number = SERVER_RUNNING;
  readonly #settings: DispatcherSettings;
  readonly #bridge: LoopBridge;
  readonly #eager: EagerPolls = new EagerPolls();
  readonly #yielding: YieldingWait = new YieldingWait();
  /** Events that were found before sleeping. */
  #found = 0;
  readonly #look = (): boolean => {
    this.#found = this.#poller.wait(0);
    return this.#found > 0 || this.#hasWork();
  };
  /** Whether this thread hosts handlers, or is loading them: the event loop has its turns. */
  #isHosting = false;
  #isLoading = false;
  /** When this thread is to load handlers. */
  #hostAtMs: number = Number.POSITIVE_INFINITY;
  #yieldedMs = 0;
  /** Nothing came for so long that this thread may sleep on the event loop; its sleep is announced. */
  #isIdle = false;
  #isAsleep = false;
  #idleTimeoutMs = -1;
  #lingerMs = LINGER_MS;
  #timer: ReturnType<typeof setTimeout> | null = null;
  readonly #onSpin = (): void => this.#spin();
  readonly #onWake = (): void => this.#wake();

  constructor(settings: DispatcherSettings) {
    const { memory, index } = settings;
    this.#settings = settings;
    this.#bridge = new LoopBridge(this.#poller, this.#onWake);
    this.#index = index;
    this.#control = controlOf(memory);
    this.#incoming = incomingOf(memory);
    this.#counters = dispatcherCounters(memory, index);
    this.#parker = this.#control.dispatcherParker(index);
    this.#supervisor = this.#control.supervisorParker();
    holdDescriptor(this.#poller.fd);
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
      settings.heavyLimit,
      settings.maxBacklogBytes,
      settings.handlerProcessors,
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
      ownPathsOf(settings, this.#control),
      connectionCountOf(memory, settings.proxies, settings.acceptorWakerFd),
      accessLogOf(settings, this.#counters),
    );
    this.#watch = new HandlerWatch(
      {
        timedOut: (task) => this.#clients.failed.timedOut(task),
        // The main thread, in the last slot, cannot be killed.
        hangs: (slot) =>
          slot < memory.handlerCount - 1 && this.#control.requestKill(slot) && this.#notifySupervisor(),
        ...blockedReports(memory, index),
      },
      this.#control,
      this.#links,
      this.#counters,
      settings.handlerTimeoutMs,
    );
    this.#clients.onWakeUp = () => {
      if (this.#isAsleep) setImmediate(this.#onWake);
    };
    this.#poller.requireReadable(Waker.attach(settings.wakerFd).fd, WAKER_SLOT);
  }

  /** Serves until the server is closed, then ends the thread. It blocks the thread unless it comes to host handlers. */
  run(): void {
    if (this.#settings.isSuccessor) {
      const { takeOver } = require("./succession.ts") as typeof Succession;
      takeOver(this.#index, this.#control, this.#links, this.#clients.retries, this.#deaths);
    }
    this.#control.setDispatcherState(this.#index, DISPATCHER_RUNNING);
    this.#notifySupervisor();
    this.#spin();
  }

  #spin(): void {
    this.#yieldedMs = monotonicMs();
    this.#clients.inline?.meter.forget();
    try {
      while (this.#turn()) {
        if (this.#isIdle) {
          this.#sleepOnLoop();
          return;
        } else if (this.#isHosting && (this.#hasOpen || this.#nowMs - this.#yieldedMs > YIELD_MS)) {
          setImmediate(this.#onSpin);
          return;
        }
      }
    } catch (error) {
      // User code never throws up to here; on the event loop the guard would take it for its error.
      threadLog().error("dispatcher-failed", "a dispatcher has failed", { error }, [[error]]);
      exitThread(1);
    }
    dropDescriptor(this.#poller.fd);
    this.#poller.close();
    this.#control.setDispatcherState(this.#index, DISPATCHER_ENDED);
    this.#notifySupervisor();
    exitThread(0);
  }

  /** Whether something on the event loop is waited for. */
  get #hasOpen(): boolean {
    return this.#isLoading || (this.#clients.inline?.open ?? 0) > 0;
  }

  /** Leaves the waiting to the event loop; without a descriptor for that it waits in `epoll_wait` again, for longer. */
  #sleepOnLoop(): void {
    this.#isIdle = false;
    try {
      this.#bridge.arm();
    } catch {
      this.#lingerMs = UNARMED_LINGER_MS;
      this.#parker.cancel();
      setImmediate(this.#onSpin);
      return;
    }
    this.#lingerMs = LINGER_MS;
    this.#isAsleep = true;
    if (this.#idleTimeoutMs >= 0) this.#timer = setTimeout(this.#onWake, this.#idleTimeoutMs);
  }

  #wake(): void {
    if (!this.#isAsleep) return;
    this.#isAsleep = false;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#parker.cancel();
    this.#spin();
  }

  /** Loads the user's module, so that short requests need no other thread. */
  #host(): void {
    this.#hostAtMs = Number.POSITIVE_INFINITY;
    const isAllowed = !this.#control.areRoutesReplaced && !this.#control.isInlineBarred;
    if (this.#isHosting || !isAllowed || this.#settings.hosting === null) return;
    this.#isHosting = true;
    this.#isLoading = true;
    void loadHosting(this.#settings, this.#control, this.#clients, () => {
      this.#isLoading = false;
    });
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
    if (this.#nowMs >= this.#hostAtMs) this.#host();
    clients.take(this.#incoming);
    if (this.#isHosting && clients.count > 0 && this.#control.takeWatchWish()) this.#notifySupervisor();
    clients.serveReady();
    this.#flush();
    const isMore = this.#collect();
    clients.inline?.notices.tell();
    clients.writer.flushDirty();
    const watchMs = this.#scheduler.watch(this.#nowMs);
    if (clients.retries.hasSome) clients.retries.retry();
    clients.expire();
    // After all that gives tasks away: it says how long to sleep at most while they are gone.
    const lookMs = this.#watch.look(this.#nowMs, clients.inline);
    this.#flush();
    this.#publish();
    this.#poll(isMore || clients.hasReady ? 0 : this.#timeoutMs(Math.min(watchMs, lookMs)));
    return true;
  }

  #timeoutMs(watchMs: number): number {
    const retryMs = this.#clients.retries.hasSome ? RETRY_MS : Number.POSITIVE_INFINITY;
    const nextMs = Math.min(this.#clients.nextDeadlineMs, this.#hostAtMs);
    const wait = Math.min(watchMs, retryMs, nextMs - this.#nowMs);
    if (wait === Number.POSITIVE_INFINITY) return -1;
    return Math.max(0, Math.ceil(wait));
  }

  #poll(timeoutMs: number): void {
    this.#found = 0;
    // With all handlers on other threads, those are what it waits for most of the time.
    let wait = timeoutMs !== 0 && !this.#isHosting && this.#yielding.wait(this.#look) ? 0 : timeoutMs;
    if (wait !== 0) {
      this.#parker.announce();
      if (this.#hasWork()) wait = 0;
      else this.#counters[DispatcherCounter.sleeps] += 1;
    }
    const lingerMs = this.#hasOpen ? 0 : this.#lingerMs;
    const isLong = this.#isHosting && wait !== 0 && (wait < 0 || wait > lingerMs);
    const poller = this.#poller;
    const isEager = wait !== 0 && this.#isHosting;
    const count =
      this.#found || (isEager && this.#eager.poll(poller)) || poller.wait(isLong ? lingerMs : wait);
    if (wait !== 0) this.#clients.inline?.meter.expectWait();
    if (isLong && count === 0 && !this.#hasWork()) {
      // It stays announced: who gives it something writes to the eventfd, which wakes the event loop.
      this.#isIdle = true;
      this.#idleTimeoutMs = wait;
      return;
    }
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
      this.#clients.inline?.notices.hasSome === true ||
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
    if (this.#scheduler.isUnavailable) this.#scheduler.giveUp((task) => this.#clients.failed.refused(task));
    // Not before a handler thread has: the first answer comes first, and the loading takes a core for a while.
    if (!this.#isHosting && this.#settings.hosting !== null && this.#scheduler.hasHandlers)
      this.#hostAtMs = Math.min(this.#hostAtMs, this.#nowMs + HOST_AFTER_MS);
  }

  /** Lets go of a handler thread that has ended: its last answers are sent, its other tasks failed or given to others. */
  #sweep(link: DispatcherLink<Task>): void {
    while (this.#clients.results.collect(link));
    const again: Task[] = [];
    link.sweep(
      (task) => this.#clients.failed.lost(task, this.#control.wasKilled(link.slot)),
      (task, record) => {
        task.record = record;
        again.push(task);
      },
    );
    this.#scheduler.takeAgain(again, this.#nowMs);
    if (this.#control.letGo(link.slot, this.#index)) this.#notifySupervisor();
    collectAfterDeaths();
  }

  /** False when the server is closed and this dispatcher is done. */
  #serverChanged(): boolean {
    this.#serverState = this.#control.serverState;
    this.#clients.serverChanged(this.#serverState);
    if (this.#serverState !== SERVER_CLOSED) return true;
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
