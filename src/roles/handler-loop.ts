/**
 * The loop of a thread that runs handlers: takes tasks from all dispatchers, runs them, sleeps when there are none.
 *
 * It lives on the thread's event loop, so timers, promises, fetch and database drivers work in handlers as anywhere.
 * A turn reads what is there, up to a budget, then lets the event loop turn; with nothing there it sleeps in
 * `Atomics.waitAsync`. The same loop serves a handler thread and the main thread in main mode.
 */

import { drainMicrotasks } from "bun:jsc";
import { monotonicMs } from "../../ffi/clock.ts";
import type { HandlerLink } from "../channel/handler-link.ts";
import {
  ABORT,
  ABORT_EXPIRED,
  ABORT_HALF,
  BODY,
  BODY_FAILED,
  CREDIT,
  HEAVY,
  LAST,
  LIGHT,
  QUICK,
  TASK,
  TYPE_MASK,
} from "../channel/messages.ts";
import { TASK_MEASURED, TaskView } from "../channel/task-record.ts";
import { Exchange, type ExchangeHost } from "../fetch/exchange.ts";
import type { FileAccess } from "../fetch/file-access.ts";
import { bodyFailure } from "../fetch/incoming-body.ts";
import type { HandlerRuntime } from "../fetch/runtime.ts";
import type { Log } from "../log/log.ts";
import { HANDLER_RUN, HANDLER_WAIT, recordTime } from "../shm/buckets.ts";
import { type ControlBlock, HANDLER_RETIRING } from "../shm/control-block.ts";
import { HandlerCounter } from "../shm/counters.ts";
import type { Parker } from "../shm/parker.ts";
import type * as Files from "./file-access.ts";
import { BYTE_MS, HEAVY_MS, QUICK_MS, SLOW_MS } from "./kind-table.ts";
import { RunMeter } from "./run-meter.ts";
import { YieldingWait } from "./yielding-wait.ts";

/** Messages read in a turn before the event loop gets its turn. */
const TURN_MESSAGES = 256;
/** Milliseconds of user code in a turn before the event loop gets its turn. */
const TURN_MS = 2;
/** Milliseconds after which a sleeping dispatcher is woken for answers that are ready, within a turn. */
const NOTIFY_MS = 0.05;
/** Milliseconds that this loop goes on while tasks keep coming before the event loop gets its turn. */
const LOOP_MS = 0.5;
/** Weight of the newest service time in the average. */
const SERVICE_WEIGHT = 1 / 8;

/** One dispatcher and the requests of it that are open here. */
class LinkHost implements ExchangeHost {
  readonly sink: HandlerLink;
  readonly log: Log;
  readonly open: (Exchange | null)[] = [];
  readonly view: TaskView;
  readonly #onRelease: (exchange: Exchange) => void;

  constructor(link: HandlerLink, log: Log, onRelease: (exchange: Exchange) => void) {
    this.sink = link;
    this.log = log;
    this.view = new TaskView(link.tasks);
    this.#onRelease = onRelease;
  }

  /** With `require`: a thread starts sooner without it. */
  get files(): FileAccess {
    return (require("./file-access.ts") as typeof Files).fileAccess;
  }

  release(exchange: Exchange): void {
    this.open[exchange.entry] = null;
    this.#onRelease(exchange);
  }
}

/** Runs the tasks of one handler slot. */
export class HandlerLoop {
  readonly #control: ControlBlock;
  readonly #slot: number;
  readonly #runtime: HandlerRuntime;
  readonly #hosts: LinkHost[];
  readonly #parker: Parker;
  readonly #counters: Float64Array;
  readonly #onRetired: () => void;
  #openRequests = 0;
  #serviceMs: number;
  #isStopped = false;
  #isRunning = false;
  /** Counts the sleeps: a wake-up that belongs to an earlier one is dropped. */
  #sleepNumber = 0;
  /** When the event loop had its last turn. */
  #turnMs = 0;
  readonly #yielding: YieldingWait = new YieldingWait();
  readonly #look = (): boolean => this.#hasTasks();
  readonly #turn = (): void => this.#run();
  /** When the task that runs has started. */
  #startMs = 0;
  readonly #meter: RunMeter = new RunMeter();
  readonly #judge = (bytes: number): number => this.#judgeTask(bytes);

  /** @param onRetired called once, when the thread was asked to retire and nothing is open any more */
  constructor(
    control: ControlBlock,
    slot: number,
    links: readonly HandlerLink[],
    runtime: HandlerRuntime,
    counters: Float64Array,
    onRetired: () => void,
  ) {
    this.#control = control;
    this.#slot = slot;
    this.#runtime = runtime;
    this.#hosts = links.map(
      (link) => new LinkHost(link, runtime.log, (exchange) => this.#released(exchange)),
    );
    this.#parker = control.handlerParker(slot);
    this.#counters = counters;
    this.#onRetired = onRetired;
    this.#serviceMs = control.serviceMs(slot);
  }

  /** Starts to take tasks. */
  start(): void {
    this.#run();
  }

  /** Stops for good; what is in the rings stays there. */
  stop(): void {
    this.#isStopped = true;
    this.#parker.notify();
  }

  /** Requests that were started and are not answered whole. */
  get openRequests(): number {
    return this.#openRequests;
  }

  #released(exchange: Exchange): void {
    this.#openRequests--;
    recordTime(this.#counters, HANDLER_RUN, monotonicMs() - exchange.startMs);
    this.#counters[HandlerCounter.tasksFinished] += 1;
    this.#control.setOpenRequests(this.#slot, this.#openRequests);
    if (this.#openRequests === 0 && this.#control.handlerState(this.#slot) === HANDLER_RETIRING) {
      // Not as a microtask: it would run inside the handler that is just running.
      setImmediate(this.#turn);
    }
  }

  #run(): void {
    // Microtasks of a handler may bring it back here; what they want is seen before the loop sleeps.
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#sleepNumber++;
    this.#turnMs = monotonicMs();
    this.#meter.forget();
    try {
      this.#loop();
    } finally {
      this.#isRunning = false;
    }
  }

  #loop(): void {
    for (;;) {
      if (this.#isStopped) return;
      let isMore = false;
      for (const host of this.#hosts) {
        host.sink.resume();
        if (this.#drain(host)) isMore = true;
      }
      // Also those whose ring was empty: they may wait for this thread to have room.
      for (const host of this.#hosts) host.sink.release();
      if (this.#control.handlerState(this.#slot) === HANDLER_RETIRING && this.#retire()) return;
      if (isMore) {
        setImmediate(this.#turn);
        return;
      }
      if (this.#sleep()) return;
    }
  }

  /** True when it sleeps (or will not come back); false when there is something to do at once. */
  #sleep(): boolean {
    if (this.#mayYield() && this.#yielding.wait(this.#look)) {
      if (monotonicMs() - this.#turnMs <= LOOP_MS) return false;
      setImmediate(this.#turn);
      return true;
    }
    this.#parker.announce();
    for (const host of this.#hosts) {
      // Before the look at the ring: room that was made while this thread was awake was announced to nobody.
      host.sink.resume();
      if (!host.sink.tasks.isEmpty()) {
        this.#parker.cancel();
        return false;
      }
    }
    if (this.#isStopped) return true;
    if (this.#openRequests === 0 && this.#control.handlerState(this.#slot) === HANDLER_RETIRING) {
      this.#parker.cancel();
      return false;
    }
    const wait = this.#parker.wait();
    if (wait === null) {
      this.#parker.cancel();
      return false;
    }
    this.#counters[HandlerCounter.sleeps] += 1;
    const sleepNumber = this.#sleepNumber;
    wait.then(() => {
      if (sleepNumber === this.#sleepNumber) this.#run();
    });
    return true;
  }

  /** Whether to wait for tasks before sleeping: nothing on the event loop is waited for, and tasks are short. */
  #mayYield(): boolean {
    if (this.#serviceMs > QUICK_MS || this.#isStopped) return false;
    // What handlers have left to do comes first.
    drainMicrotasks();
    return this.#openRequests === 0;
  }

  #hasTasks(): boolean {
    for (const host of this.#hosts) if (!host.sink.tasks.isEmpty()) return true;
    return false;
  }

  #retire(): boolean {
    if (this.#openRequests > 0) return false;
    for (const host of this.#hosts) if (!host.sink.resume()) return false;
    this.#isStopped = true;
    this.#onRetired();
    return true;
  }

  /** Reads messages of one dispatcher; true when the budget ended first. */
  #drain(host: LinkHost): boolean {
    const link = host.sink;
    const tasks = link.tasks;
    if (!tasks.next()) return false;
    link.isBatching = true;
    let isMore = false;
    let count = 0;
    let now = monotonicMs();
    let notified = now;
    const end = now + TURN_MS;
    do {
      const type = tasks.type;
      if ((type & TYPE_MASK) === TASK) {
        const finished = this.#task(host, now);
        if (finished !== now) {
          now = finished;
          // The next task may be a slow one: answers that are ready must not wait for it.
          if (now - notified > NOTIFY_MS || this.#control.isSlowAbout) {
            link.release();
            link.notify();
            notified = now;
          }
        }
      } else this.#message(host, type);
      if (++count >= TURN_MESSAGES || now > end) {
        isMore = true;
        break;
      }
    } while (tasks.next());
    link.isBatching = false;
    link.release();
    link.notify();
    return isMore;
  }

  /** Runs one task and returns the time at its end. */
  #task(host: LinkHost, now: number): number {
    const link = host.sink;
    const tasks = link.tasks;
    const entry = tasks.a;
    // Announced before the task is taken: a dispatcher that sees it started sees that it runs.
    this.#control.markRunning(this.#slot, now);
    if (!link.start(entry)) {
      this.#counters[HandlerCounter.tasksSkipped] += 1;
      this.#control.markStopped(this.#slot, this.#serviceMs);
      return now;
    }
    const counters = this.#counters;
    counters[HandlerCounter.tasksStarted] += 1;
    const view = host.view;
    view.moveTo(tasks, tasks.payloadOffset);
    const exchange = new Exchange(host, entry, tasks.b, view);
    exchange.startMs = now;
    recordTime(counters, HANDLER_WAIT, view.waitedMs(now));
    this.#openRequests++;
    if ((view.flags & TASK_MEASURED) !== 0) {
      this.#startMs = now;
      this.#meter.prepare(now);
      link.judge = this.#judge;
    }
    try {
      this.#runtime.run(exchange, view);
    } catch (error) {
      // The runtime answers all that user code throws; this is what is thrown while it does so.
      exchange.cut();
      queueMicrotask(() => {
        throw error;
      });
    }
    link.judge = null;
    const finished = monotonicMs();
    const taken = finished - now;
    if (exchange.isDone) {
      this.#openRequests--;
      counters[HandlerCounter.tasksFinished] += 1;
      recordTime(counters, HANDLER_RUN, taken);
    } else {
      host.open[entry] = exchange;
      this.#control.setOpenRequests(this.#slot, this.#openRequests);
    }
    this.#serviceMs += (taken - this.#serviceMs) * SERVICE_WEIGHT;
    counters[HandlerCounter.busyMs] += taken;
    this.#control.markStopped(this.#slot, this.#serviceMs);
    return finished;
  }

  /** How a task that is answered now, with so many bytes, has run so far: the flags of its answer. */
  #judgeTask(bytes: number): number {
    const now = monotonicMs();
    const takenMs = now - this.#startMs;
    const quickMs = QUICK_MS + bytes * BYTE_MS;
    if (takenMs <= quickMs) return QUICK;
    const meter = this.#meter;
    const keptMs = meter.keptMs(this.#startMs, now);
    if (keptMs <= quickMs) return QUICK;
    const light = keptMs - quickMs < SLOW_MS - QUICK_MS ? LIGHT : 0;
    // What has mostly waited leaves the processor to others.
    const hasComputed = !meter.hasWaited || meter.usedMs >= takenMs / 4;
    return hasComputed && meter.usedMs >= HEAVY_MS ? HEAVY | light : light;
  }

  /** The body of a request is complete: whether what its handler does with it is quick is worth knowing. */
  #endBody(host: LinkHost, exchange: Exchange): void {
    const isMeasured = exchange.view !== null && (exchange.view.flags & TASK_MEASURED) !== 0;
    exchange.body?.end();
    if (!isMeasured) return;
    const now = monotonicMs();
    this.#meter.prepare(now);
    this.#startMs = now + Math.max(0, exchange.view?.contentLength ?? 0) * BYTE_MS;
    host.sink.judge = this.#judge;
    drainMicrotasks();
    host.sink.judge = null;
  }

  #message(host: LinkHost, type: number): void {
    const tasks = host.sink.tasks;
    const exchange = host.open[tasks.a];
    if (exchange == null || exchange.serial !== tasks.b) return;
    const offset = tasks.payloadOffset;
    switch (type & TYPE_MASK) {
      case BODY:
        exchange.body?.receive(tasks.bytes, offset, offset + tasks.payloadBytes);
        if ((type & LAST) !== 0) this.#endBody(host, exchange);
        return;
      case CREDIT:
        exchange.addCredit(tasks.words[offset >> 2]);
        return;
      case BODY_FAILED:
        exchange.body?.fail(bodyFailure(tasks.words[offset >> 2]));
        return;
      case ABORT:
        this.#abort(exchange, tasks.words[offset >> 2]);
    }
  }

  #abort(exchange: Exchange, reason: number): void {
    if (reason === ABORT_HALF) exchange.halfClose();
    else if (reason === ABORT_EXPIRED) exchange.expire();
    else exchange.abort();
  }
}
