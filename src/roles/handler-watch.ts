/**
 * Cuts off handlers that take too long (`threads.handlerTimeout`), and tells of those that hang.
 *
 * Owned by the dispatcher, which looks at the requests it has given away every so often, and only while there are some. The
 * deadline of a request runs from the start of its handler to the first byte of its answer. Past it
 *
 *   1. the client gets 503, from this thread, whatever the handler's thread is doing;
 *   2. the handler is told: its request's signal aborts with a TimeoutError. One that only waits for something is done with
 *      by that, and its thread goes on;
 *   3. a thread that runs one handler without a pause for longer than the deadline, or that reads nothing of what it is
 *      told for as long and at least a second, hangs: the supervisor is asked to kill it.
 *
 * With a deadline or without one, a handler that has run for 5 s without a pause is reported, once, and so is a thread that has read
 * nothing for as long.
 *
 * The start is taken to be when it was first seen here, so a request is never cut off too early, and up to a look late.
 */
import type { ControlBlock } from "../shm/control-block.ts";
import { DispatcherCounter } from "../shm/counters.ts";
import { TASK_GIVEN, type Task } from "./client.ts";

/** Looks in the time of a deadline, and the bounds of the time between two of them, in ms. */
const LOOKS = 8;
const SHORTEST_LOOK_MS = 5;
const LONGEST_LOOK_MS = 250;
/** Time between two looks without a deadline, and after which a handler that runs without a pause is reported, in ms. */
const REPORT_LOOK_MS = 1000;
const REPORT_MS = 5000;
/** A thread that has read nothing for less than this may just have got no processor. */
const LEAST_SILENCE_MS = 1000;

/** A place where requests are being handled. */
export interface WatchedPlace {
  /** Requests that are there. */
  readonly open: number;
  /** Those requests by entry; null where there is none. */
  readonly tasks: readonly (Task | null)[];
  /** Whether the handler of the one in `entry` was started. */
  isStarted(entry: number): boolean;
}

/** A handler thread. */
export interface WatchedThread extends WatchedPlace {
  readonly slot: number;
  /** How far it has read what it was told. */
  readonly readPosition: number;
  /** Whether there is something that it has not read. */
  readonly hasUnread: boolean;
}

/** What the watch asks of its dispatcher. */
export interface WatchOwner {
  /** The handler of a task has taken too long to begin its answer. */
  timedOut(task: Task): void;
  /** The thread of a slot hangs. */
  hangs(slot: number): void;
  /** The thread of a slot has run one handler for so many ms without a pause; said once. */
  blocks(slot: number, ms: number): void;
  /** The thread of a slot has read nothing for so many ms, and runs no handler; said once. */
  isSilent(slot: number, ms: number): void;
}

/** Watches the handlers of one dispatcher's requests. */
export class HandlerWatch {
  readonly #owner: WatchOwner;
  readonly #control: ControlBlock;
  readonly #threads: readonly WatchedThread[];
  readonly #counters: Float64Array;
  readonly #limitMs: number;
  readonly #everyMs: number;
  /** Of each thread: how far it had read, when it had started its last task, and since when both are so. */
  readonly #positions: Int32Array;
  readonly #starts: Float64Array;
  readonly #sinceMs: Float64Array;
  /** Deaths in each slot at that time. */
  readonly #lives: Int32Array;
  /** Start of the run of each thread, or of its silence, that was reported last. */
  readonly #reported: Float64Array;
  #nextMs = 0;
  #hasOpen = false;
  #dispatched = 0;

  /** @param limitMs the deadline; Infinity for none */
  constructor(
    owner: WatchOwner,
    control: ControlBlock,
    threads: readonly WatchedThread[],
    counters: Float64Array,
    limitMs: number,
  ) {
    this.#owner = owner;
    this.#control = control;
    this.#threads = threads;
    this.#counters = counters;
    this.#limitMs = limitMs;
    const isLimited = limitMs !== Number.POSITIVE_INFINITY;
    const longestMs = isLimited ? LONGEST_LOOK_MS : REPORT_LOOK_MS;
    this.#everyMs = Math.min(longestMs, Math.max(SHORTEST_LOOK_MS, limitMs / LOOKS));
    this.#reported = new Float64Array(threads.length);
    this.#positions = new Int32Array(threads.length);
    this.#starts = new Float64Array(threads.length);
    this.#lives = new Int32Array(threads.length);
    this.#sinceMs = new Float64Array(threads.length).fill(Number.NaN);
  }

  /**
   * Looks at all requests when it is time to; to be called once a turn.
   *
   * @param inline the requests that are open on this thread itself, null without any
   * @returns milliseconds after which to look again, Infinity when there is nothing to watch
   */
  look(nowMs: number, inline: WatchedPlace | null): number {
    if (nowMs < this.#nextMs) {
      const isNeeded =
        this.#hasOpen || this.#counters[DispatcherCounter.tasksDispatched] !== this.#dispatched;
      return isNeeded || (inline !== null && inline.open > 0)
        ? this.#nextMs - nowMs
        : Number.POSITIVE_INFINITY;
    }
    this.#dispatched = this.#counters[DispatcherCounter.tasksDispatched]!;
    this.#nextMs = nowMs + this.#everyMs;
    this.#hasOpen = false;
    if (inline !== null && inline.open > 0) this.#lookAt(inline, nowMs);
    for (const thread of this.#threads) {
      if (thread.open === 0) continue;
      this.#lookAt(thread, nowMs);
      if (this.#isHanging(thread, nowMs)) this.#owner.hangs(thread.slot);
      this.#report(thread.slot, nowMs);
    }
    return this.#hasOpen ? this.#everyMs : Number.POSITIVE_INFINITY;
  }

  #lookAt(place: WatchedPlace, nowMs: number): void {
    this.#hasOpen = true;
    const { tasks } = place;
    for (let entry = 0; entry < tasks.length; entry++) {
      const task = tasks[entry];
      if (task == null || task.state !== TASK_GIVEN || task.isAnswering) continue;
      if (task.startedMs === 0) {
        if (place.isStarted(entry)) task.startedMs = nowMs;
      } else if (nowMs - task.startedMs >= this.#limitMs) this.#owner.timedOut(task);
    }
  }

  #report(slot: number, nowMs: number): void {
    const isRunning = this.#control.isRunning(slot);
    const start = isRunning ? this.#control.lastStartMs(slot) : this.#sinceMs[slot]!;
    // Not so for a thread that has nothing unread: its silence has no beginning.
    if (!(nowMs - start >= REPORT_MS) || start === this.#reported[slot]) return;
    this.#reported[slot] = start;
    if (isRunning) this.#owner.blocks(slot, nowMs - start);
    else this.#owner.isSilent(slot, nowMs - start);
  }

  #isHanging(thread: WatchedThread, nowMs: number): boolean {
    const { slot } = thread;
    if (this.#control.runningMs(slot, nowMs) >= this.#limitMs) return true;
    const position = thread.readPosition;
    const start = this.#control.lastStartMs(slot);
    // A successor begins where the ring began, which may be where the thread before it hung.
    const deaths = this.#control.deaths(slot);
    const hasMoved =
      position !== this.#positions[slot] || start !== this.#starts[slot] || deaths !== this.#lives[slot];
    if (!thread.hasUnread || hasMoved || Number.isNaN(this.#sinceMs[slot])) {
      this.#positions[slot] = position;
      this.#starts[slot] = start;
      this.#lives[slot] = deaths;
      this.#sinceMs[slot] = thread.hasUnread ? nowMs : Number.NaN;
      return false;
    }
    return nowMs - this.#sinceMs[slot]! >= Math.max(this.#limitMs, LEAST_SILENCE_MS);
  }
}
