/**
 * The sleeping word of a consumer thread: how a producer knows whether it must wake it.
 *
 * One word, 1 while the consumer sleeps or is about to. Any number of producers look at it.
 *
 *   consumer                                     producer
 *   announce()          word := 1                publish()                    tail := ...
 *   look at every ring and queue once more       needsWake()                  word = 1 ? swap 0 : no
 *     something there: cancel(), go on             true: wake (notify() for a handler thread, write to its
 *     nothing: sleep, then cancel(), look again    eventfd for a dispatcher)
 *
 * No wake-up is lost: this is Dekker's argument. Each side stores its own word and then loads the other's (consumer:
 * word, then tail; producer: tail, then word), and all four are `Atomics` operations, which have one total order. If the
 * producer loads 0, its load comes before the consumer's store of 1 in that order, hence its store of tail comes before
 * the consumer's load of tail, which sees the record. If the producer loads 1, it wakes. With plain writes both could
 * still sit in the store buffers of their cores and both sides would miss the other.
 *
 * Only the producer whose swap found the 1 wakes, so a sleeping thread gets one wake-up and a busy one none. After a
 * wake-up the consumer looks at all its rings, since the word does not say which.
 *
 * The gap that is left: a producer that is killed between the swap and the wake-up has taken the 1 with it. So
 * whoever sees a thread end wakes every consumer that this thread could wake, without asking `needsWake`.
 */
import { checkPlace, ISOLATION_BYTES, WORD_BYTES } from "./layout.ts";

/** Shared memory of one parker, in bytes: a span of its own. */
export const PARKER_BYTES: number = ISOLATION_BYTES;

const AWAKE = 0;
const ASLEEP = 1;

/** Both ends of a sleeping word. **Thread**: one consumer; producers on any. **Blocks**: never. */
export class Parker {
  readonly #word: Int32Array;

  /** @throws RangeError when it does not fit there. New memory (zeroes) says that the consumer is awake. */
  constructor(memory: SharedArrayBuffer, byteOffset: number) {
    checkPlace("parker", memory, byteOffset, PARKER_BYTES, PARKER_BYTES);
    this.#word = new Int32Array(memory, byteOffset, PARKER_BYTES / WORD_BYTES);
  }

  /** Consumer: says that it is about to sleep. Look at all rings once more before sleeping. */
  announce(): void {
    Atomics.store(this.#word, 0, ASLEEP);
  }

  /** Consumer: says that it is awake. After each sleep, however it ended, and when the second look found something. */
  cancel(): void {
    Atomics.store(this.#word, 0, AWAKE);
  }

  /**
   * Consumer that lives on an event loop: sleeps until `notify`. Returns a promise that settles with "ok" when notified
   * or "timed-out" after `timeoutMs` (default: never), or null when a producer has swapped the word already: look at the
   * rings at once. A pending wait does not keep the process alive. A consumer that blocks (epoll_wait) does not call
   * this: it is woken through its eventfd.
   */
  wait(timeoutMs: number = Number.POSITIVE_INFINITY): Promise<"ok" | "timed-out"> | null {
    const result = Atomics.waitAsync(this.#word, 0, ASLEEP, timeoutMs);
    return result.async ? result.value : null;
  }

  /**
   * Producer, after publishing: true when the consumer sleeps and it falls to the caller to wake it. One load when the
   * consumer is awake.
   */
  needsWake(): boolean {
    return Atomics.load(this.#word, 0) === ASLEEP && Atomics.exchange(this.#word, 0, AWAKE) === ASLEEP;
  }

  /** Producer: wakes a consumer that sleeps in `wait`. After `needsWake` said so, or after another producer's death. */
  notify(): void {
    Atomics.notify(this.#word, 0);
  }

  /** Tells whether the consumer has announced sleep. For status output; `needsWake` is for waking. */
  get isAsleep(): boolean {
    return Atomics.load(this.#word, 0) === ASLEEP;
  }
}
