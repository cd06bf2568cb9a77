/**
 * Which of the handler threads a task goes to, by how much each has to do.
 *
 * A thread has room while the work queued on it is worth less than ROOM_MS by its average service time, and while what it
 * runs has not run longer than that. Among threads with room one that is awake goes before one that must be woken, and the
 * lower slot before the higher, so that threads that are not needed can retire. While there are slow tasks about, a thread
 * that is idle goes before one that would only have room behind another task, even if it must be woken.
 *
 * Where as many threads are at work with tiny tasks as there are processors for handlers, another thread that is woken
 * gains nothing: it only takes turns with them, on cold caches and with code that is yet to be compiled for it. Then up to
 * CROWDED_MS of work is queued on one that is at work, another for each dispatcher where there are several, since each knows
 * only what it has queued itself. Not so for clients that pipeline: all their answers at once are memory that waits for them.
 * What turns out slow there gives up those behind it as everywhere (`scheduler.ts`).
 */
import type { DispatcherLink } from "../channel/dispatcher-link.ts";
import type { ControlBlock } from "../shm/control-block.ts";
import type { Task } from "./client.ts";

/** Work that may be queued on a handler thread, in ms of its average service time. */
const ROOM_MS = 0.2;
/** The same where another thread would find no processor, and every task is worth less than ROOM_MS. */
const CROWDED_MS = 4;
/** Tasks in flight of a client that does not pipeline, or hardly. */
const FEW_TASKS = 4;

/** The choice of one dispatcher. */
export class LinkChoice {
  readonly #control: ControlBlock;
  readonly #processors: number;
  readonly #own: number;

  /**
   * @param index the dispatcher's
   * @param processors handler threads that can run at once, whoever gives them tasks; at least 1
   */
  constructor(control: ControlBlock, index: number, processors: number) {
    this.#control = control;
    this.#processors = processors;
    this.#own = index % processors;
  }

  /**
   * Chooses among the links to threads that take tasks; null when none has room.
   * @param hasSlow whether some thread has run slow tasks of late
   * @param task the one to be given
   */
  choose(
    links: readonly DispatcherLink<Task>[],
    hasSlow: boolean,
    task: Task,
    nowMs: number,
  ): DispatcherLink<Task> | null {
    const control = this.#control;
    let asleep: DispatcherLink<Task> | null = null;
    let behind: DispatcherLink<Task> | null = null;
    let crowded: DispatcherLink<Task> | null = null;
    let busy = 0;
    for (const link of links) {
      if (link.isFull || link.isStuck) continue;
      const queued = link.queued;
      if (queued === 0 && !control.isRunning(link.slot)) {
        if (!link.isHandlerAsleep) return link;
        asleep ??= link;
        continue;
      }
      const serviceMs = control.serviceMs(link.slot);
      if (serviceMs > ROOM_MS || control.runningMs(link.slot, nowMs) > ROOM_MS) continue;
      const workMs = (queued + 1) * serviceMs;
      if (workMs <= ROOM_MS) {
        if (!hasSlow) return link;
        behind ??= link;
      } else if (workMs < CROWDED_MS && (crowded === null || busy === this.#own)) crowded = link;
      busy++;
    }
    const areAllBusy = busy >= this.#processors && !hasSlow;
    if (crowded !== null && areAllBusy && task.client.tasks.length <= FEW_TASKS) return crowded;
    return asleep ?? behind;
  }
}
