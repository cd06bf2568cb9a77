/**
 * How many tasks of kinds that compute for long run at the same time.
 *
 * More of them than processors gain nothing: they only take turns, each takes longer, and everybody else on the machine
 * (dispatchers, clients beside them) waits for the kernel to give them a turn too. So of the kinds that are known to
 * compute for long (`kind-table.ts`) no more run at once than there are processors, and the others wait in the
 * dispatcher. One that has run for WINDOW_MS counts no more: a few very long ones must not keep the merely long ones
 * waiting.
 *
 * Owned by the dispatcher; each has its share of the processors.
 */
import type { Task } from "./client.ts";

/** For how long a task counts, in ms. */
const WINDOW_MS = 50;

/** Counts the heavy tasks that handlers have. */
export class HeavyLimit {
  readonly #limit: number;
  readonly #tasks: Task[] = [];
  readonly #sinceMs: number[] = [];

  /** @param limit tasks that may run at once, at least 1 */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Whether one more may run. */
  hasRoom(nowMs: number): boolean {
    if (this.#tasks.length < this.#limit) return true;
    let count = 0;
    for (const since of this.#sinceMs) if (nowMs - since < WINDOW_MS) count++;
    return count < this.#limit;
  }

  /** Milliseconds until time alone makes room, at least 0. */
  waitMs(nowMs: number): number {
    // In the order in which they were given: room comes when all but the last `limit` - 1 are past their window.
    const decisive = this.#sinceMs[this.#sinceMs.length - this.#limit];
    return decisive === undefined ? 0 : Math.max(0, decisive + WINDOW_MS - nowMs);
  }

  /** A handler has been given one. */
  began(task: Task, nowMs: number): void {
    this.#tasks.push(task);
    this.#sinceMs.push(nowMs);
  }

  /** One is answered, was taken back, or nobody waits for it. */
  over(task: Task): void {
    const index = this.#tasks.indexOf(task);
    if (index < 0) return;
    this.#tasks.splice(index, 1);
    this.#sinceMs.splice(index, 1);
  }
}
