/**
 * The elastic pool: handler threads, started when dispatchers ask for them, retired when they are idle.
 *
 * Lives in the supervisor. A slot goes EMPTY, STARTING, READY, RETIRING, DEAD and back (`shm/control-block.ts`); a thread
 * that fails while it loads its module is not started again at once but after a pause that doubles.
 */
import type { Log } from "../log/log.ts";
import type { Waker } from "../net/waker.ts";
import {
  type ControlBlock,
  HANDLER_DEAD,
  HANDLER_EMPTY,
  HANDLER_READY,
  HANDLER_RETIRING,
  HANDLER_STARTING,
  SERVER_CLOSED,
} from "../shm/control-block.ts";
import { HandlerCounter, PoolCounter } from "../shm/counters.ts";
import type * as BlockedReport from "./blocked-report.ts";
import { BoundedLog } from "./bounded-log.ts";
import { collectAfterDeaths } from "./collect-after-deaths.ts";
import type { HandlerThreadMessage, HandlerThreadSettings } from "./handler-thread.ts";
import { handlerCounters, poolCounters, type ServerMemory } from "./server-memory.ts";
import { StartPacer } from "./start-pacer.ts";
import { startThread, type Thread } from "./thread.ts";

/** Service time assumed of a thread that has run nothing yet, in ms. */
const ASSUMED_SERVICE_MS = 0.05;
/** Threads that are killed are named, so many a second. */
const KILL_LINES = 10;
/** How often idle threads are looked for, in ms, at most. */
const LONGEST_LOOK_MS = 1000;

/** What the pool needs to know. */
export interface HandlerPoolSettings {
  readonly memory: ServerMemory;
  readonly control: ControlBlock;
  readonly log: Log;
  readonly dispatcherWakers: readonly Waker[];
  readonly min: number;
  readonly max: number;
  readonly retireAfterMs: number;
  /** Milliseconds after which a handler that hangs is to be killed; Infinity for never. */
  readonly handlerTimeoutMs: number;
  /** Milliseconds that a thread may take to load its module; Infinity for ever. */
  readonly startTimeoutMs: number;
  /** What each thread is told, but for its slot and the memory. */
  readonly thread: Omit<HandlerThreadSettings, "memory" | "slot" | "dispatcherWakerFds">;
  /** A thread has run the module and found no handlers in it. */
  readonly onUnregistered: () => void;
}

/** The handler threads of one server. */
export class HandlerPool {
  readonly #settings: HandlerPoolSettings;
  readonly #control: ControlBlock;
  readonly #threads: (Thread | null)[] = [];
  readonly #idleSince: number[] = [];
  readonly #lastStarted: number[] = [];
  readonly #ready: boolean[] = [];
  readonly #isKilled: boolean[] = [];
  readonly #kills: BoundedLog;
  readonly #deaths: BoundedLog;
  #timer: ReturnType<typeof setInterval> | null = null;
  readonly #pacer: StartPacer = new StartPacer();
  readonly #readySinceMs: number[] = [];
  /** Until which each thread that starts has to be ready. */
  readonly #startDeadlines: (ReturnType<typeof setTimeout> | undefined)[] = [];
  readonly #isAskedToEnd: boolean[] = [];
  readonly #counters: Float64Array;
  #isUnregistered = false;
  #isEnding = false;
  #epoch = 0;
  /** Slots whose threads are to be replaced. */
  readonly #rolling: Set<number> = new Set();
  #toReplace = 0;
  #replaced = 0;
  #onAllEnded: (() => void) | null = null;

  constructor(settings: HandlerPoolSettings) {
    this.#settings = settings;
    this.#control = settings.control;
    this.#kills = new BoundedLog("thread-killed", settings.log, KILL_LINES);
    this.#deaths = new BoundedLog("thread-ended", settings.log);
    this.#counters = poolCounters(settings.memory);
    for (let slot = 0; slot < settings.max; slot++) this.#threads.push(null);
  }

  /** Starts the threads that are always kept. */
  start(): void {
    this.look();
  }

  /** Does what dispatchers ask for; called whenever one of them woke the supervisor. */
  look(): void {
    if (!this.#isEnding && !this.#isUnregistered) this.#takeKills();
    if (this.#isEnding || this.#isUnregistered || this.#control.serverState === SERVER_CLOSED) {
      if (!this.#isEnding && !this.#isUnregistered) this.#takeWishes();
      return;
    }
    this.#takeWishes();
    this.#rollOn();
    this.#wakeOnChange();
    // While they fail nobody asks for one, since requests are refused: this is what finds out that they do no longer.
    const least = Math.max(this.#settings.min, this.#pacer.isFailing ? 1 : 0);
    while (this.#usable < least && this.#spawn(-1));
    if (this.#alive > this.#settings.min) this.#startTimer();
  }

  /** Replaces all threads, one after the other, by threads that load the module anew; no request is lost. */
  roll(): void {
    this.#rolling.clear();
    for (let slot = 0; slot < this.#settings.max; slot++)
      if (this.#threads[slot] !== null) this.#rolling.add(slot);
    this.#toReplace = this.#rolling.size;
    this.#replaced = 0;
    this.look();
  }

  /** The next step of `roll`: for each thread that has come up, one of the old ones retires. */
  #rollOn(): void {
    const rolling = this.#rolling;
    if (rolling.size === 0) return;
    let fresh = 0;
    for (let slot = 0; slot < this.#settings.max; slot++) {
      const state = this.#control.handlerState(slot);
      if (rolling.has(slot) && (state === HANDLER_EMPTY || state === HANDLER_DEAD)) rolling.delete(slot);
      else if (!rolling.has(slot) && state === HANDLER_READY) fresh++;
    }
    for (const slot of rolling) {
      if (this.#replaced >= fresh) break;
      if (!this.#retire(slot)) continue;
      this.#replaced++;
    }
    if (fresh >= this.#toReplace || this.#isStarting) return;
    // With all slots taken, one thread goes before its successor comes: the others, or the backlog, bridge the gap.
    if (!this.#spawn(-1) && this.#alive === this.#settings.max && !this.#isRetiring) {
      for (const slot of rolling) if (this.#retire(slot)) break;
    }
  }

  #retire(slot: number): boolean {
    if (!this.#control.moveHandler(slot, HANDLER_READY, HANDLER_RETIRING)) return false;
    this.#isAskedToEnd[slot] = true;
    const parker = this.#control.handlerParker(slot);
    if (parker.needsWake()) parker.notify();
    return true;
  }

  /** Kills the threads that hang. Until they are gone they get no more tasks. */
  #takeKills(): void {
    for (let slot = 0; slot < this.#settings.max; slot++) {
      const thread = this.#threads[slot];
      if (!this.#control.takeKill(slot) || thread == null || this.#isKilled[slot]) continue;
      this.#isKilled[slot] = true;
      this.#counters[PoolCounter.killed] += 1;
      const { memory, handlerTimeoutMs } = this.#settings;
      const { requestOnThread, nameOf } = require("./blocked-report.ts") as typeof BlockedReport;
      const request = requestOnThread(memory, this.#control, slot);
      const message = `handler thread ${slot} hangs and is replaced: ${nameOf(request)} ran for more than handlerTimeout, ${handlerTimeoutMs} ms`;
      this.#kills.say(message, performance.now(), { slot, ...request });
      this.#control.moveHandler(slot, HANDLER_READY, HANDLER_RETIRING);
      thread.worker?.terminate();
    }
  }

  #takeWishes(): void {
    for (let slot = 0; slot < this.#settings.max; slot++) {
      const state = this.#control.handlerState(slot);
      if (state === HANDLER_READY && !this.#ready[slot]) {
        this.#ready[slot] = true;
        this.#cameUp(slot);
      }
      // A wish that cannot be granted yet stays: it is looked at again when the pause is over or the slot is empty.
      if (this.#control.takeWanted(slot) && state === HANDLER_EMPTY && !this.#spawn(slot)) {
        this.#control.wantHandler(slot);
      }
    }
    for (let index = 0; index < this.#control.dispatcherCount; index++) {
      if (!this.#control.takeRequest(index) || this.#isStarting) continue;
      if (!this.#spawn(-1) && this.#alive < this.#settings.max) this.#control.requestHandler(index);
    }
  }

  #cameUp(slot: number): void {
    clearTimeout(this.#startDeadlines[slot]);
    this.#readySinceMs[slot] = performance.now();
    if (this.#pacer.isFailing) {
      this.#settings.log.warn("thread-start-recovered", "handler threads can be started again", { slot });
    }
    this.#pacer.ready();
    this.#control.setStartFailing(false);
  }

  /** Dispatchers learn of a slot that can be used again from its state; those that sleep do not look at it. */
  #wakeOnChange(): void {
    const epoch = this.#control.epoch;
    if (epoch === this.#epoch) return;
    this.#epoch = epoch;
    this.#settings.dispatcherWakers.forEach((waker, index) => {
      if (this.#control.dispatcherParker(index).needsWake()) waker.wake();
    });
  }

  get #alive(): number {
    let count = 0;
    for (const thread of this.#threads) if (thread !== null) count++;
    return count;
  }

  /** Those that were not given up: one that is in a native call may take long to end. */
  get #usable(): number {
    let count = 0;
    this.#threads.forEach((thread, slot) => {
      if (thread !== null && !this.#isKilled[slot]) count++;
    });
    return count;
  }

  get #isStarting(): boolean {
    for (let slot = 0; slot < this.#settings.max; slot++) {
      if (this.#control.handlerState(slot) === HANDLER_STARTING) return true;
    }
    return false;
  }

  get #isRetiring(): boolean {
    for (let slot = 0; slot < this.#settings.max; slot++) {
      if (this.#control.handlerState(slot) === HANDLER_RETIRING) return true;
    }
    return false;
  }

  /** Starts a thread in a slot, or in the lowest empty one; false when none can be started now. */
  #spawn(wanted: number): boolean {
    const now = performance.now();
    if (this.#pacer.isPaused(now)) return false;
    let slot = wanted;
    if (slot < 0) {
      slot = this.#threads.findIndex(
        (thread, index) => thread === null && this.#control.handlerState(index) === HANDLER_EMPTY,
      );
      if (slot < 0) return false;
    }
    if (this.#threads[slot] !== null) return false;
    this.#control.resetHandler(slot, ASSUMED_SERVICE_MS);
    if (!this.#control.moveHandler(slot, HANDLER_EMPTY, HANDLER_STARTING)) return false;
    this.#counters[PoolCounter.spawned] += 1;
    this.#ready[slot] = false;
    this.#isKilled[slot] = false;
    this.#isAskedToEnd[slot] = false;
    this.#idleSince[slot] = now;
    const { memory, dispatcherWakers, thread } = this.#settings;
    this.#setStartDeadline(slot);
    this.#threads[slot] = startThread(
      "handler",
      `handler ${slot}`,
      this.#settings.log,
      {
        ...thread,
        memory,
        slot,
        dispatcherWakerFds: dispatcherWakers.map((waker) => waker.fd),
      } satisfies HandlerThreadSettings,
      (code, error) => this.#ended(slot, code, error),
      (data) => this.#message(data as HandlerThreadMessage),
    );
    return true;
  }

  #setStartDeadline(slot: number): void {
    const { startTimeoutMs } = this.#settings;
    if (startTimeoutMs === Number.POSITIVE_INFINITY) return;
    this.#startDeadlines[slot] = setTimeout(() => this.#startTimedOut(slot), startTimeoutMs);
    this.#startDeadlines[slot].unref();
  }

  /** A thread has not come up in time. It counts as failed at once: one in a native call may take long to end. */
  #startTimedOut(slot: number): void {
    if (this.#isEnding || this.#isUnregistered) return;
    if (!this.#control.moveHandler(slot, HANDLER_STARTING, HANDLER_RETIRING)) return;
    this.#isKilled[slot] = true;
    const { startTimeoutMs, thread, dispatcherWakers } = this.#settings;
    this.#startFailed(
      slot,
      `a handler thread has not loaded ${thread.module} within threads.startTimeout, ${startTimeoutMs} ms, and is terminated`,
      { module: thread.module, startTimeoutMs },
    );
    this.#threads[slot]?.worker?.terminate();
    for (const waker of dispatcherWakers) waker.wake();
  }

  #startFailed(slot: number, what: string, details: object): void {
    const pauseMs = this.#pacer.failed(performance.now());
    this.#counters[PoolCounter.startFailures] += 1;
    this.#settings.log.error("thread-start-failed", `${what}; next try in ${pauseMs} ms`, {
      ...details,
      slot,
      pauseMs,
    });
    this.#control.setStartFailing(true);
    this.#lookAfter(pauseMs);
  }

  #message(message: HandlerThreadMessage): void {
    if (message?.type !== "unregistered" || this.#isUnregistered) return;
    this.#isUnregistered = true;
    this.#stopTimer();
    for (const thread of this.#threads) thread?.worker?.terminate();
    this.#settings.onUnregistered();
  }

  #ended(slot: number, code: number, error: unknown): void {
    const state = this.#control.handlerState(slot);
    this.#threads[slot] = null;
    clearTimeout(this.#startDeadlines[slot]);
    if (!this.#isEnding && !this.#isUnregistered) this.#noteEnd(slot, state, code, error);
    collectAfterDeaths();
    this.#control.declareDead(slot, this.#isKilled[slot]);
    // Not by asking whether they sleep: the thread may have died between taking that word and waking.
    if (!this.#isEnding) for (const waker of this.#settings.dispatcherWakers) waker.wake();
    if (this.#isEnding && this.#alive === 0) this.#onAllEnded?.();
  }

  #noteEnd(slot: number, state: number, code: number, error: unknown): void {
    const { log } = this.#settings;
    const now = performance.now();
    if (state === HANDLER_STARTING) {
      this.#startFailed(slot, `a handler thread could not be started (code ${code})`, { error, code });
      return;
    }
    if (state === HANDLER_READY) {
      this.#counters[PoolCounter.died] += 1;
      const message = `a handler thread has ended (code ${code}) and is replaced`;
      log.error("thread-ended", message, { error, code, slot });
    }
    if (this.#isKilled[slot] || this.#isAskedToEnd[slot]) return;
    const pauseMs = this.#pacer.ended(now, now - (this.#readySinceMs[slot] ?? now));
    if (pauseMs === 0) return;
    this.#deaths.say(`handler threads end soon after they have started; the next one comes in ${pauseMs} ms`);
    this.#lookAfter(pauseMs);
  }

  #lookAfter(pauseMs: number): void {
    setTimeout(() => this.look(), pauseMs + 1).unref();
  }

  #startTimer(): void {
    const { retireAfterMs } = this.#settings;
    if (this.#timer !== null || retireAfterMs === Number.POSITIVE_INFINITY) return;
    const everyMs = Math.max(5, Math.min(LONGEST_LOOK_MS, retireAfterMs / 4));
    this.#timer = setInterval(() => this.#retireIdle(), everyMs);
    this.#timer.unref();
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Retires threads that have been idle for long enough, the highest slots first. */
  #retireIdle(): void {
    const { memory, min, max, retireAfterMs } = this.#settings;
    const now = performance.now();
    let surplus = -min;
    for (let slot = 0; slot < max; slot++) {
      if (this.#control.handlerState(slot) === HANDLER_READY) surplus++;
    }
    for (let slot = max - 1; slot >= 0; slot--) {
      if (this.#control.handlerState(slot) !== HANDLER_READY) continue;
      const started = handlerCounters(memory, slot)[HandlerCounter.tasksStarted];
      const isBusy =
        started !== this.#lastStarted[slot] ||
        this.#control.openRequests(slot) > 0 ||
        this.#control.isRunning(slot);
      this.#lastStarted[slot] = started;
      if (isBusy) this.#idleSince[slot] = now;
      if (surplus <= 0 || now - this.#idleSince[slot] < retireAfterMs) continue;
      if (!this.#retire(slot)) continue;
      surplus--;
      this.#counters[PoolCounter.retired] += 1;
    }
    if (surplus <= 0) this.#stopTimer();
  }

  /** Ends all threads; resolves when they are gone. */
  end(): Promise<void> {
    this.#isEnding = true;
    this.#stopTimer();
    return new Promise((resolve) => {
      if (this.#alive === 0) {
        resolve();
        return;
      }
      this.#onAllEnded = resolve;
      for (const thread of this.#threads) thread?.worker?.terminate();
    });
  }
}
