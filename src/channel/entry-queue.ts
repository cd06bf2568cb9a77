/**
 * The entries of tasks that a handler has not met, in the order in which they were given: a ring of indexes.
 *
 * Owned by a dispatcher's end of a link. It holds more than the records that fit into a task ring.
 */

/** More than the records that fit into the task ring (at least 96 bytes each); a power of two. */
const CAPACITY = 8192;

/** Entries, the oldest first. */
export class EntryQueue {
  readonly #entries: Int32Array = new Int32Array(CAPACITY);
  #head = 0;
  #tail = 0;

  /** Adds an entry as the newest. */
  push(entry: number): void {
    this.#entries[this.#tail++ & (CAPACITY - 1)] = entry;
  }

  /** Forgets all but the newest `count`. */
  keep(count: number): void {
    if (this.#tail - this.#head > count) this.#head = this.#tail - count;
  }

  /** Forgets all and gives them, the oldest first. */
  takeAll(): number[] {
    const taken: number[] = [];
    for (; this.#head < this.#tail; this.#head++) taken.push(this.#entries[this.#head & (CAPACITY - 1)]!);
    this.#head = this.#tail = 0;
    return taken;
  }
}
