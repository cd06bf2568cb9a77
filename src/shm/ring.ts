/**
 * A ring of records from one producer thread to one consumer thread.
 *
 * Layout (from `byteOffset`, which is a multiple of 128):
 *
 *   offset | bytes    | field | written by | read by
 *   0      | 4        | head  | consumer   | producer   position up to which space was given back
 *   128    | 4        | tail  | producer   | consumer   position up to which records are visible
 *   256    | capacity | data  | producer   | consumer   records
 *
 * Record, at a multiple of 16 in the data part, never split over its end:
 *
 *   0 length i32 | 4 type i32 | 8 word a i32 | 12 word b i32 | 16 payload, `length` bytes, rounded up to 16
 *
 * Where a record would straddle the end, a padding record (negative length: minus its bytes) fills the rest of the lap.
 *
 * Positions count bytes for ever and wrap at 2^32 (Int32, `| 0`); `position & (capacity - 1)` is the place in the data.
 * Differences of positions are at most the capacity (2^30), so `(a - b) | 0` is right across the wrap.
 *
 * Why it is correct. (1) The producer writes only between its own position and head + capacity; the consumer reads only
 * between its own position and tail; tail <= the producer's position and head <= the consumer's, so they never touch the
 * same bytes. (2) Record bytes are plain writes before the `Atomics.store` of tail, and the consumer reads them after an
 * `Atomics.load` that saw this tail: store and load synchronize, so the bytes are there. The same holds for head in the
 * other direction: the consumer has finished reading before the producer may overwrite. (3) Each end keeps the last
 * value it saw of the other's word; an old value is only ever too careful (less room, fewer records).
 *
 * A producer killed at any instruction leaves a readable ring: nothing it wrote is visible before the store of tail, and
 * after it all of it is. A consumer killed at any instruction leaves the records it had not released to be read again.
 * Whoever replaces a dead end constructs a new object on the same memory: it continues from the shared words.
 *
 * The structure never waits and never wakes: see parker.ts. It does not know what the records mean.
 */
import {
  checkPlace,
  checkPowerOfTwo,
  declareLayout,
  ISOLATION_BYTES,
  isolated,
  WORD_BYTES,
} from "./layout.ts";

/** Size of a record's header, and the alignment of records, in bytes. */
export const RECORD_HEADER_BYTES = 16;

const CONTROL = declareLayout({ head: isolated(WORD_BYTES), tail: isolated(WORD_BYTES) });
const HEAD = CONTROL.offsets.head / WORD_BYTES;
const TAIL = CONTROL.offsets.tail / WORD_BYTES;
const MIN_CAPACITY_BYTES = 64;

/** Adds the header and rounds up: `(payloadBytes + RECORD_ROUND) & RECORD_MASK` is the size of a record. */
const RECORD_ROUND = 2 * RECORD_HEADER_BYTES - 1;
const RECORD_MASK = -RECORD_HEADER_BYTES;

/**
 * Returns the shared memory that a ring of this capacity needs, in bytes: a multiple of 128.
 * @throws RangeError when the capacity is no power of two from 64 to 2^30.
 */
export function ringBytes(capacityBytes: number): number {
  checkPowerOfTwo("ring capacity", capacityBytes);
  if (capacityBytes < MIN_CAPACITY_BYTES) {
    throw new RangeError(`ring capacity must be at least ${MIN_CAPACITY_BYTES} bytes, got ${capacityBytes}`);
  }
  return Math.ceil((CONTROL.bytes + capacityBytes) / ISOLATION_BYTES) * ISOLATION_BYTES;
}

/**
 * The writing end of a ring.
 *
 * `claim` room for a payload, write it into `bytes` or `words`, `commit` it; any number of such pairs, then `publish`.
 * At most one claim is open; a new claim drops an open one.
 *
 * **Thread**: one producer at a time. **Blocks**: never. **Allocates**: nothing after construction.
 */
export class RingProducer {
  /** View over the data part; `claim` returns offsets into it. */
  readonly bytes: Buffer;
  /** The same memory as words: payload offset / 4 is the index of a payload's first word. */
  readonly words: Int32Array;
  /** The largest payload that fits whenever the ring is empty: half the capacity less a header. */
  readonly maxPayloadBytes: number;
  readonly #control: Int32Array;
  readonly #capacityBytes: number;
  /** End of the last committed record. */
  #position: number;
  /** What the shared tail says. */
  #published: number;
  /** Last value seen of the shared head. */
  #head: number;
  #claimPosition = 0;
  /** Payload bytes of the open claim; -1 when none is open. */
  #claimedBytes = -1;

  /** @throws RangeError when the ring does not fit there. New memory (zeroes) is an empty ring. */
  constructor(memory: SharedArrayBuffer, byteOffset: number, capacityBytes: number) {
    checkPlace("ring", memory, byteOffset, ringBytes(capacityBytes), CONTROL.alignBytes);
    this.#control = new Int32Array(memory, byteOffset, CONTROL.bytes / WORD_BYTES);
    this.bytes = Buffer.from(memory, byteOffset + CONTROL.bytes, capacityBytes);
    this.words = new Int32Array(memory, byteOffset + CONTROL.bytes, capacityBytes / WORD_BYTES);
    this.#capacityBytes = capacityBytes;
    this.maxPayloadBytes = capacityBytes / 2 - RECORD_HEADER_BYTES;
    this.#position = Atomics.load(this.#control, TAIL);
    this.#published = this.#position;
    this.#head = Atomics.load(this.#control, HEAD);
  }

  /**
   * Opens room for a payload of up to `payloadBytes` and returns its byte offset in `bytes` (a multiple of 16), or -1
   * when there is no room now: publish what is committed, and try again when the consumer has released something.
   * @throws RangeError when `payloadBytes` is negative or above `maxPayloadBytes`; the ring stays usable.
   */
  claim(payloadBytes: number): number {
    if (payloadBytes >>> 0 > this.maxPayloadBytes) throw payloadTooLarge(payloadBytes, this.maxPayloadBytes);
    const capacityBytes = this.#capacityBytes;
    const position = this.#position;
    const recordBytes = (payloadBytes + RECORD_ROUND) & RECORD_MASK;
    const place = position & (capacityBytes - 1);
    const lapBytes = capacityBytes - place;
    const paddingBytes = recordBytes > lapBytes ? lapBytes : 0;
    const end = (position + paddingBytes + recordBytes) | 0;
    if (((end - this.#head) | 0) > capacityBytes) {
      // Pairs with the store in RingConsumer.release.
      this.#head = Atomics.load(this.#control, HEAD);
      if (((end - this.#head) | 0) > capacityBytes) {
        this.#claimedBytes = -1;
        return -1;
      }
    }
    this.#claimedBytes = payloadBytes;
    if (paddingBytes === 0) {
      this.#claimPosition = position;
      return place + RECORD_HEADER_BYTES;
    }
    // Not visible unless a record is committed behind it, so an abort has nothing to undo.
    this.words[place >> 2] = -paddingBytes;
    this.#claimPosition = (position + paddingBytes) | 0;
    return RECORD_HEADER_BYTES;
  }

  /**
   * Finishes the open claim with a payload of `payloadBytes` (at most what was claimed). Not visible before `publish`.
   * `type`, `a` and `b` are int32 values of the caller's own meaning.
   * @throws RangeError when no claim is open or the payload is larger than claimed.
   */
  commit(type: number, a: number, b: number, payloadBytes: number): void {
    // With no open claim #claimedBytes is -1, which no unsigned length stays within.
    if (payloadBytes >>> 0 > this.#claimedBytes) throw notClaimed(payloadBytes, this.#claimedBytes);
    const position = this.#claimPosition;
    const words = this.words;
    const word = (position & (this.#capacityBytes - 1)) >> 2;
    words[word] = payloadBytes;
    words[word + 1] = type;
    words[word + 2] = a;
    words[word + 3] = b;
    this.#position = (position + ((payloadBytes + RECORD_ROUND) & RECORD_MASK)) | 0;
    this.#claimedBytes = -1;
  }

  /** Drops the open claim, if any; committed records are not touched. */
  abort(): void {
    this.#claimedBytes = -1;
  }

  /**
   * Makes all committed records visible at once; an open claim stays open. False when nothing was new. When true, the
   * caller looks whether the consumer sleeps (`Parker.needsWake`).
   */
  publish(): boolean {
    const position = this.#position;
    if (position === this.#published) return false;
    // Pairs with the loads in RingConsumer.next and isEmpty.
    Atomics.store(this.#control, TAIL, position);
    this.#published = position;
    return true;
  }

  /** Position up to which the consumer has given space back; another value means that it has moved on. */
  get releasedPosition(): number {
    return Atomics.load(this.#control, HEAD);
  }

  /** Calls `visit` for each record that is visible and not given back by the consumer, in order, with where its payload is. */
  forEachUnreleased(visit: (type: number, a: number, b: number, payloadOffset: number) => void): void {
    let position = this.releasedPosition;
    while (((this.#published - position) | 0) > 0) {
      const word = (position & (this.#capacityBytes - 1)) >> 2;
      const length = this.words[word]!;
      if (length < 0) {
        position = (position - length) | 0;
        continue;
      }
      const payloadOffset = (word << 2) + RECORD_HEADER_BYTES;
      visit(this.words[word + 1]!, this.words[word + 2]!, this.words[word + 3]!, payloadOffset);
      position = (position + ((length + RECORD_ROUND) & RECORD_MASK)) | 0;
    }
  }

  /** Whether records that were published have not been given back by the consumer. */
  get hasUnreleased(): boolean {
    return this.releasedPosition !== this.#published;
  }

  /** Bytes of the ring that hold no committed or unreleased record now, headers and padding counted. */
  get freeBytes(): number {
    this.#head = Atomics.load(this.#control, HEAD);
    return this.#capacityBytes - ((this.#position - this.#head) | 0);
  }

  /** Empties the ring, losing what is in it. Only while no other thread has an end of it (dead or not started). */
  reset(): void {
    Atomics.store(this.#control, HEAD, 0);
    Atomics.store(this.#control, TAIL, 0);
    this.#position = 0;
    this.#published = 0;
    this.#head = 0;
    this.#claimedBytes = -1;
  }
}

/**
 * The reading end of a ring.
 *
 * `next` steps from record to record and fills the fields below; `release` gives back the space of all records passed,
 * the current one included. Payloads may be read until then.
 *
 * **Thread**: one consumer at a time. **Blocks**: never. **Allocates**: nothing after construction.
 */
export class RingConsumer {
  /** View over the data part; `payloadOffset` indexes it. Only to be read. */
  readonly bytes: Buffer;
  /** The same memory as words. */
  readonly words: Int32Array;
  /** The current record's type, as given to `commit`; 0 before the first. */
  type = 0;
  /** The current record's first word. */
  a = 0;
  /** The current record's second word. */
  b = 0;
  /** Where the current record's payload starts in `bytes`: a multiple of 16. */
  payloadOffset = 0;
  /** Length of the current record's payload. */
  payloadBytes = 0;
  readonly #control: Int32Array;
  readonly #mask: number;
  /** End of the current record. */
  #position: number;
  /** What the shared head says. */
  #released: number;
  /** Last value seen of the shared tail. */
  #tail: number;

  /** @throws RangeError when the ring does not fit there. Starts at the first record not yet released. */
  constructor(memory: SharedArrayBuffer, byteOffset: number, capacityBytes: number) {
    checkPlace("ring", memory, byteOffset, ringBytes(capacityBytes), CONTROL.alignBytes);
    this.#control = new Int32Array(memory, byteOffset, CONTROL.bytes / WORD_BYTES);
    this.bytes = Buffer.from(memory, byteOffset + CONTROL.bytes, capacityBytes);
    this.words = new Int32Array(memory, byteOffset + CONTROL.bytes, capacityBytes / WORD_BYTES);
    this.#mask = capacityBytes - 1;
    this.#position = Atomics.load(this.#control, HEAD);
    this.#released = this.#position;
    this.#tail = this.#position;
  }

  /**
   * Moves to the next record and sets `type`, `a`, `b`, `payloadOffset` and `payloadBytes`; releases nothing. False when
   * no further record is visible: the fields keep their values, and the records passed stay readable until `release`.
   */
  next(): boolean {
    let position = this.#position;
    if (position === this.#tail) {
      // Pairs with the store in RingProducer.publish.
      this.#tail = Atomics.load(this.#control, TAIL);
      if (position === this.#tail) return false;
    }
    const words = this.words;
    let place = position & this.#mask;
    let length = words[place >> 2]!;
    if (length < 0) {
      // Padding is published only together with a record behind it, which starts the next lap.
      position = (position - length) | 0;
      place = 0;
      length = words[0]!;
    }
    const word = place >> 2;
    this.type = words[word + 1]!;
    this.a = words[word + 2]!;
    this.b = words[word + 3]!;
    this.payloadOffset = place + RECORD_HEADER_BYTES;
    this.payloadBytes = length;
    this.#position = (position + ((length + RECORD_ROUND) & RECORD_MASK)) | 0;
    return true;
  }

  /** Gives the space of all records passed so far back to the producer. */
  release(): void {
    const position = this.#position;
    if (position === this.#released) return;
    // Pairs with the load in RingProducer.claim.
    Atomics.store(this.#control, HEAD, position);
    this.#released = position;
  }

  /**
   * Tells whether no record is waiting, by a look at the shared tail. This is the look that comes after
   * `Parker.announce` and right before sleeping.
   */
  isEmpty(): boolean {
    this.#tail = Atomics.load(this.#control, TAIL);
    return this.#tail === this.#position;
  }

  /** Empties the ring, losing what is in it. Only while no other thread has an end of it (dead or not started). */
  reset(): void {
    Atomics.store(this.#control, HEAD, 0);
    Atomics.store(this.#control, TAIL, 0);
    this.#position = 0;
    this.#released = 0;
    this.#tail = 0;
  }
}

function payloadTooLarge(payloadBytes: number, maxPayloadBytes: number): RangeError {
  return new RangeError(`a ring payload has 0 to ${maxPayloadBytes} bytes, got ${payloadBytes}`);
}

function notClaimed(payloadBytes: number, claimedBytes: number): RangeError {
  return claimedBytes < 0
    ? new RangeError("commit without an open claim")
    : new RangeError(`commit of ${payloadBytes} bytes, but ${claimedBytes} were claimed`);
}
