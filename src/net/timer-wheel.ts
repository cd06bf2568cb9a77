/**
 * Coarse deadlines for many clients: idle timeouts, header timeouts, task deadlines.
 *
 * Owned by one thread. Reads no clock: `now` is always an argument, in milliseconds of any clock that never goes back.
 * It must not know what expires.
 *
 * Theory of operation. Time is cut into ticks of `granularityMs`; a ring of buckets holds the entries that come up in each
 * of the next ticks, as doubly linked lists through the entries themselves (no allocation, O(1) in and out). The wheel
 * is lazy: an entry's owner may move `deadlineMs` *later* at any time by assignment alone, which is what every
 * request on a kept-alive connection does. When the entry's bucket comes up and its deadline lies in the future, it is put
 * into the right bucket; the same happens to deadlines beyond the ring. Moving a deadline *earlier* needs `reschedule`.
 *
 * An entry expires at the first `advance` at or after the end of its deadline's tick: never early, late by less than
 * one tick plus the time between calls. The scheme is Varghese and Lauck's hashed wheel (1987).
 */

/** Is the default length of a tick in milliseconds. */
export const DEFAULT_GRANULARITY_MS = 250;
/** Is the default number of buckets: 64 seconds at the default granularity. */
export const DEFAULT_BUCKET_COUNT = 256;
/** Is the `wheelBucket` of an entry that is in no wheel. */
export const NOT_IN_WHEEL = -1;

/** Is what lies in a wheel; the owner's object has these fields itself. Start with `null`, `null` and NOT_IN_WHEEL. */
export interface TimerEntry {
  /** When it expires, on the clock of `advance`; Infinity for never. The owner may move it later at any time. */
  deadlineMs: number;
  /** Belongs to the wheel. */
  wheelNext: TimerEntry | null;
  /** Belongs to the wheel. */
  wheelPrevious: TimerEntry | null;
  /** Belongs to the wheel: the index of its bucket, or NOT_IN_WHEEL. */
  wheelBucket: number;
}

/** Holds entries until their deadlines have passed. */
export class TimerWheel<Entry extends TimerEntry = TimerEntry> {
  /** Length of a tick in milliseconds. */
  readonly granularityMs: number;
  /** How many entries it holds. */
  size = 0;
  readonly #mask: number;
  /** One list for each tick of the ring, then one more: the entries that are due in the running `advance`. */
  readonly #heads: (TimerEntry | null)[];
  /** The last tick that was advanced to; bucket `t & mask` holds tick `t` for the `mask` ticks after it. */
  #tick: number;
  /** No bucket with an earlier tick than this holds anything: saves `nextDeadlineMs` from scanning the same ones again. */
  #earliestTick: number;

  /**
   * @param nowMs the clock's value at the start.
   * @param granularityMs length of a tick, a positive whole number; 250 by default.
   * @param bucketCount a power of two from 2 on; 256 by default. Deadlines further away cost one move per turn of the ring.
   * @throws RangeError when granularity or count are not so.
   */
  constructor(
    nowMs: number,
    granularityMs: number = DEFAULT_GRANULARITY_MS,
    bucketCount: number = DEFAULT_BUCKET_COUNT,
  ) {
    if (!Number.isInteger(granularityMs) || granularityMs < 1) {
      throw new RangeError(`granularityMs must be a positive integer, not ${granularityMs}`);
    }
    if (!Number.isInteger(bucketCount) || bucketCount < 2 || (bucketCount & (bucketCount - 1)) !== 0) {
      throw new RangeError(`bucketCount must be a power of two from 2 on, not ${bucketCount}`);
    }
    this.granularityMs = granularityMs;
    this.#mask = bucketCount - 1;
    this.#heads = new Array<TimerEntry | null>(bucketCount + 1).fill(null);
    this.#tick = Math.floor(nowMs / granularityMs);
    this.#earliestTick = this.#tick + 1;
  }

  /** Puts an entry in, by its `deadlineMs`. One that is in already is only rescheduled. A deadline in the past expires at the next tick. */
  add(entry: Entry): void {
    if (entry.wheelBucket !== NOT_IN_WHEEL) this.#unlink(entry);
    else this.size++;
    this.#insert(entry);
  }

  /** Takes an entry out; does nothing when it is not in. May be called from inside `expired`. */
  remove(entry: Entry): void {
    if (entry.wheelBucket === NOT_IN_WHEEL) return;
    this.#unlink(entry);
    this.size--;
  }

  /** Puts an entry into the bucket of a deadline that was moved earlier. (Moved later: nothing to do.) */
  reschedule(entry: Entry): void {
    if (entry.wheelBucket === NOT_IN_WHEEL) return;
    this.#unlink(entry);
    this.#insert(entry);
  }

  /**
   * Moves the wheel to `nowMs` and calls `expired` for each entry whose deadline has passed, after taking it out. The callback may
   * add, remove and reschedule any entry, this one included; what it throws leaves the rest for the next call.
   */
  advance(nowMs: number, expired: (entry: Entry) => void): void {
    const nowTick = Math.floor(nowMs / this.granularityMs);
    const due = this.#mask + 1;
    if (nowTick > this.#tick) {
      const firstTick = Math.max(this.#tick + 1, nowTick - this.#mask);
      this.#tick = nowTick;
      this.#earliestTick = nowTick + 1;
      for (let tick = firstTick; tick <= nowTick; tick++) this.#sort(tick & this.#mask, nowMs);
    }
    for (let entry = this.#heads[due]!; entry !== null; entry = this.#heads[due]!) {
      this.#unlink(entry);
      // Moved later meanwhile, perhaps by the callback of another entry.
      if (entry.deadlineMs > nowMs) {
        this.#insert(entry);
      } else {
        this.size--;
        expired(entry as Entry);
      }
    }
  }

  /**
   * Gives the time at which the next `advance` may find something, or Infinity when the wheel is empty. Waiting until then
   * is exact: earlier nothing can expire. Something need not expire then, as deadlines may have moved later.
   */
  nextDeadlineMs(): number {
    if (this.size === 0) return Number.POSITIVE_INFINITY;
    if (this.#heads[this.#mask + 1] !== null) return this.#tick * this.granularityMs;
    const lastTick = this.#tick + this.#mask;
    let tick = this.#earliestTick;
    while (tick < lastTick && this.#heads[tick & this.#mask] === null) tick++;
    this.#earliestTick = tick;
    return tick * this.granularityMs;
  }

  /** Takes a bucket's list apart: what is due goes to the due list, the rest to its own bucket. Calls nothing. */
  #sort(bucket: number, nowMs: number): void {
    let entry: TimerEntry | null = this.#heads[bucket]!;
    this.#heads[bucket] = null;
    while (entry !== null) {
      const next: TimerEntry | null = entry.wheelNext;
      if (entry.deadlineMs <= nowMs) this.#push(entry, this.#mask + 1);
      else this.#insert(entry);
      entry = next;
    }
  }

  #insert(entry: TimerEntry): void {
    const first = this.#tick + 1;
    const wanted = Math.ceil(entry.deadlineMs / this.granularityMs);
    const tick = Math.max(first, Math.min(wanted, this.#tick + this.#mask));
    if (tick < this.#earliestTick) this.#earliestTick = tick;
    this.#push(entry, tick & this.#mask);
  }

  #push(entry: TimerEntry, bucket: number): void {
    const head = this.#heads[bucket]!;
    entry.wheelPrevious = null;
    entry.wheelNext = head;
    entry.wheelBucket = bucket;
    if (head !== null) head.wheelPrevious = entry;
    this.#heads[bucket] = entry;
  }

  #unlink(entry: TimerEntry): void {
    const { wheelNext: next, wheelPrevious: previous } = entry;
    if (previous === null) this.#heads[entry.wheelBucket] = next;
    else previous.wheelNext = next;
    if (next !== null) next.wheelPrevious = previous;
    entry.wheelNext = null;
    entry.wheelPrevious = null;
    entry.wheelBucket = NOT_IN_WHEEL;
  }
}
