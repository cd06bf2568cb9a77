/**
 * The backlog of a dispatcher: tasks in the order in which they came. Both ends take and give in constant time.
 *
 * Tasks that are dropped stay in their place until it is their turn, but do not count.
 */
import type { Task } from "./client.ts";

const FIRST_CAPACITY = 64;

/** A double-ended queue of tasks. */
export class TaskQueue {
  #items: (Task | undefined)[] = new Array(FIRST_CAPACITY);
  #head = 0;
  #size = 0;
  #dropped = 0;

  /** Tasks that wait and were not dropped. */
  get length(): number {
    return this.#size - this.#dropped;
  }

  /** The task whose turn it is, a dropped one included. */
  front(): Task | undefined {
    return this.#size === 0 ? undefined : this.#items[this.#head];
  }

  /** Adds a task at the end. */
  push(task: Task): void {
    if (this.#size === this.#items.length) this.#grow();
    this.#items[(this.#head + this.#size) & (this.#items.length - 1)] = task;
    this.#size++;
  }

  /**
   * Puts back a task that had its turn: before those that came after it, behind those that came before. Takes time by the number
   * of the latter, which were put back themselves.
   */
  putBack(task: Task): void {
    if (this.#size === this.#items.length) this.#grow();
    const items = this.#items;
    this.#head = (this.#head - 1) & (items.length - 1);
    let place = this.#head;
    for (let left = this.#size; left > 0; left--) {
      const next = (place + 1) & (items.length - 1);
      const other = items[next]!;
      if (other.arrival > task.arrival) break;
      items[place] = other;
      place = next;
    }
    items[place] = task;
    this.#size++;
  }

  /** Removes the front. */
  shift(): void {
    const task = this.#items[this.#head];
    if (this.#size === 0 || task === undefined) return;
    this.#items[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#items.length - 1);
    this.#size--;
    if (task.record === null && task.link === null) this.#dropped--;
  }

  /** Says that a task in the queue no longer waits: its record is null and it has no link. */
  dropped(): void {
    this.#dropped++;
  }

  #grow(): void {
    const old = this.#items;
    const items: (Task | undefined)[] = new Array(old.length * 2);
    for (let i = 0; i < this.#size; i++) items[i] = old[(this.#head + i) & (old.length - 1)];
    this.#items = items;
    this.#head = 0;
  }
}
