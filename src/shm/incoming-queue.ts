/**
 * The queue of accepted clients: one producer (the acceptor), several consumers (the dispatchers).
 *
 * Layout (from `byteOffset`, a multiple of 128):
 *
 *   offset | bytes         | field   | written by            | read by
 *   0      | 4             | head    | consumers, by CAS     | all     number of entries taken so far
 *   128    | 4             | tail    | producer              | all     number of entries pushed so far
 *   256    | 32 * capacity | entries | producer              | consumers
 *
 * Entry: word 0 is the fd, words 1 to 5 are the peer's address as net/address.ts encodes it, words 6 and 7 are unused
 * (an entry never lies on two cache lines, and its place is a shift). Head and tail wrap at 2^32.
 *
 * Why each entry is taken exactly once. A consumer reads head, sees by tail that there is an entry, copies the entry, and
 * then moves head on by one with compare-and-exchange. The producer never writes an entry before head has passed the
 * one that lay there a lap earlier. So if the exchange succeeds, head had not moved, the entry was not overwritten while it
 * was copied, and no one else can take it. If it fails, the copy may be a mixture of two entries and is thrown away.
 * The exchange could succeed wrongly only if head had gone round all 2^32 values meanwhile (ABA): a thread would have to
 * stand still between two instructions for over an hour at a million accepts a second.
 *
 * Entries are plain writes before the `Atomics.store` of tail, and plain reads between the `Atomics.load` of tail and
 * the exchange; both are sequentially consistent, so neither reads nor writes move out of their place.
 *
 * A consumer killed after its exchange loses one fd. Dispatchers are never killed (DESIGN 7), only asked to stop.
 */
import { checkPlace, checkPowerOfTwo, declareLayout, isolated, WORD_BYTES } from "./layout.ts";

/** Words of an entry behind its fd: the peer's address. */
export const PEER_ADDRESS_WORDS = 5;

/** Default number of clients that can wait to be taken by a dispatcher. */
export const DEFAULT_INCOMING_CAPACITY = 4096;

const CONTROL = declareLayout({ head: isolated(WORD_BYTES), tail: isolated(WORD_BYTES) });
const HEAD = CONTROL.offsets.head / WORD_BYTES;
const TAIL = CONTROL.offsets.tail / WORD_BYTES;
const ENTRY_SHIFT = 3;
const ENTRY_BYTES = WORD_BYTES << ENTRY_SHIFT;

/**
 * Returns the shared memory that a queue of this many entries needs, in bytes.
 * @throws RangeError when the capacity is no power of two.
 */
export function incomingQueueBytes(capacity: number = DEFAULT_INCOMING_CAPACITY): number {
  checkPowerOfTwo("incoming queue capacity", capacity);
  return queueLayout(capacity).bytes;
}

function queueLayout(capacity: number): { readonly bytes: number; readonly alignBytes: number } {
  return declareLayout({ control: isolated(CONTROL.bytes), entries: isolated(capacity * ENTRY_BYTES) });
}

/** The queue of accepted clients. **Thread**: `push` by the acceptor alone, the rest by any. **Blocks**: never. */
export class IncomingQueue {
  /** Number of entries that fit. */
  readonly capacity: number;
  readonly #control: Int32Array;
  readonly #entries: Int32Array;
  /** Producer only: number of entries pushed. */
  #tail: number;
  /** Producer only: last value seen of the shared head. */
  #head: number;

  /** @throws RangeError when the queue does not fit there. New memory (zeroes) is an empty queue. */
  constructor(memory: SharedArrayBuffer, byteOffset: number, capacity: number = DEFAULT_INCOMING_CAPACITY) {
    checkPlace("incoming queue", memory, byteOffset, incomingQueueBytes(capacity), CONTROL.alignBytes);
    this.capacity = capacity;
    this.#control = new Int32Array(memory, byteOffset, CONTROL.bytes / WORD_BYTES);
    this.#entries = new Int32Array(memory, byteOffset + CONTROL.bytes, capacity << ENTRY_SHIFT);
    this.#tail = Atomics.load(this.#control, TAIL);
    this.#head = Atomics.load(this.#control, HEAD);
  }

  /** Producer only: whether the next `push` succeeds. */
  get hasRoom(): boolean {
    if (((this.#tail - this.#head) | 0) < this.capacity) return true;
    this.#head = Atomics.load(this.#control, HEAD);
    return ((this.#tail - this.#head) | 0) < this.capacity;
  }

  /**
   * Adds a client: its fd, and five words of peer address from `words` at `index`. False when the queue is full: the
   * fd stays the caller's. True: the fd belongs to whoever takes it.
   */
  push(fd: number, words: Int32Array, index: number): boolean {
    const tail = this.#tail;
    if (!this.hasRoom) return false;
    const entries = this.#entries;
    const entry = (tail & (this.capacity - 1)) << ENTRY_SHIFT;
    entries[entry] = fd;
    entries[entry + 1] = words[index]!;
    entries[entry + 2] = words[index + 1]!;
    entries[entry + 3] = words[index + 2]!;
    entries[entry + 4] = words[index + 3]!;
    entries[entry + 5] = words[index + 4]!;
    this.#tail = (tail + 1) | 0;
    // Pairs with the load of tail in take.
    Atomics.store(this.#control, TAIL, this.#tail);
    return true;
  }

  /**
   * Takes the oldest client: returns its fd and writes its five words of peer address to `out` at `index`, or returns -1
   * when the queue is empty (`out` may be scribbled on then). The fd belongs to the caller.
   */
  take(out: Int32Array, index: number): number {
    const control = this.#control;
    const entries = this.#entries;
    for (;;) {
      const head = Atomics.load(control, HEAD);
      if (head === Atomics.load(control, TAIL)) return -1;
      const entry = (head & (this.capacity - 1)) << ENTRY_SHIFT;
      const fd = entries[entry]!;
      out[index] = entries[entry + 1]!;
      out[index + 1] = entries[entry + 2]!;
      out[index + 2] = entries[entry + 3]!;
      out[index + 3] = entries[entry + 4]!;
      out[index + 4] = entries[entry + 5]!;
      if (Atomics.compareExchange(control, HEAD, head, (head + 1) | 0) === head) return fd;
    }
  }

  /** Number of clients waiting: exact when no one pushes or takes, else a value of about now, 0 to `capacity`. */
  get size(): number {
    // Head first: the other order could see more taken than pushed.
    const head = Atomics.load(this.#control, HEAD);
    return Math.min(this.capacity, (Atomics.load(this.#control, TAIL) - head) | 0);
  }
}
