/** Random histories of both ends of a ring, against three arrays: committed, visible, and passed records. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { RECORD_HEADER_BYTES, RingConsumer, RingProducer, ringBytes } from "../../src/shm/ring.ts";

interface Expected {
  readonly number: number;
  readonly payloadBytes: number;
}
interface Passed extends Expected {
  readonly payloadOffset: number;
}

const CAPACITY_BYTES = 1024;

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("claim"), size: fc.integer({ min: 0, max: 496 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("claim"), size: fc.integer({ min: 0, max: 40 }) }) },
  { weight: 7, arbitrary: fc.record({ kind: fc.constant("commit"), size: fc.integer({ min: 0, max: 80 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("abort"), size: fc.constant(0) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("publish"), size: fc.constant(0) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("next"), size: fc.constant(0) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("release"), size: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("kill producer"), size: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("kill consumer"), size: fc.constant(0) }) },
);

function recordBytes(payloadBytes: number): number {
  return RECORD_HEADER_BYTES + Math.ceil(payloadBytes / 16) * 16;
}

function byteOf(number: number, index: number): number {
  return (number * 31 + index * 7) & 255;
}

class History {
  readonly memory = new SharedArrayBuffer(ringBytes(CAPACITY_BYTES));
  producer: RingProducer;
  consumer: RingConsumer;
  readonly committed: Expected[] = [];
  readonly visible: Expected[] = [];
  readonly passed: Passed[] = [];
  claimedBytes = -1;
  claimOffset = 0;
  number = 0;

  constructor(startPosition: number) {
    const control = new Int32Array(this.memory, 0, 64);
    control[0] = startPosition;
    control[32] = startPosition;
    this.producer = new RingProducer(this.memory, 0, CAPACITY_BYTES);
    this.consumer = new RingConsumer(this.memory, 0, CAPACITY_BYTES);
  }

  run(kind: string, size: number): void {
    if (kind === "claim") this.claim(size);
    else if (kind === "commit") this.commit(size);
    else if (kind === "abort") {
      this.producer.abort();
      this.claimedBytes = -1;
    } else if (kind === "publish") {
      expect(this.producer.publish()).toBe(this.committed.length > 0);
      this.visible.push(...this.committed.splice(0));
    } else if (kind === "next") this.next();
    else if (kind === "release") {
      this.consumer.release();
      this.passed.length = 0;
    } else if (kind === "kill producer") {
      this.producer = new RingProducer(this.memory, 0, CAPACITY_BYTES);
      this.committed.length = 0;
      this.claimedBytes = -1;
    } else {
      this.consumer = new RingConsumer(this.memory, 0, CAPACITY_BYTES);
      this.visible.unshift(...this.passed.splice(0));
    }
    expect(this.consumer.isEmpty()).toBe(this.visible.length === 0);
    this.checkPassed();
  }

  claim(size: number): void {
    const freeBytes = this.producer.freeBytes;
    const offset = this.producer.claim(size);
    if (offset === -1) {
      // A claim may be refused only when padding could eat the room, never when the ring is empty.
      expect(freeBytes).toBeLessThan(2 * recordBytes(size) - 16);
      expect(freeBytes).toBeLessThan(CAPACITY_BYTES);
      this.claimedBytes = -1;
      return;
    }
    expect(freeBytes).toBeGreaterThanOrEqual(recordBytes(size));
    expect(offset % 16).toBe(0);
    expect(offset + size).toBeLessThanOrEqual(CAPACITY_BYTES);
    this.claimedBytes = size;
    this.claimOffset = offset;
    // Scribble over all that was claimed: it must disturb nobody.
    this.producer.bytes.fill(0xee, offset, offset + size);
  }

  commit(size: number): void {
    if (this.claimedBytes < 0) {
      expect(() => this.producer.commit(1, 0, 0, 0)).toThrow(RangeError);
      return;
    }
    const payloadBytes = Math.min(size, this.claimedBytes);
    const number = ++this.number;
    for (let index = 0; index < payloadBytes; index++) {
      this.producer.bytes[this.claimOffset + index] = byteOf(number, index);
    }
    this.producer.commit(number, -number, number * 3, payloadBytes);
    this.committed.push({ number, payloadBytes });
    this.claimedBytes = -1;
  }

  next(): void {
    const wanted = this.visible.shift();
    expect(this.consumer.next()).toBe(wanted !== undefined);
    if (wanted === undefined) return;
    const { type, a, b, payloadBytes, payloadOffset } = this.consumer;
    expect({ type, a, b, payloadBytes }).toEqual({
      type: wanted.number,
      a: -wanted.number,
      b: wanted.number * 3,
      payloadBytes: wanted.payloadBytes,
    });
    this.passed.push({ ...wanted, payloadOffset });
  }

  /** Payloads must stay intact until they are released. */
  checkPassed(): void {
    for (const { number, payloadBytes, payloadOffset } of this.passed) {
      for (let index = 0; index < payloadBytes; index++) {
        const found = this.consumer.bytes[payloadOffset + index];
        if (found !== byteOf(number, index)) throw new Error(`record ${number} was overwritten at ${index}`);
      }
    }
  }
}

test("the ring behaves as its model in random histories, kills included", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(0, 16, 1008, 0x7ffffff0, 0x7ffffe00, -16, -512, -0x80000000),
      fc.array(step, { minLength: 20, maxLength: 200 }),
      (start, steps) => {
        const history = new History(start);
        for (const { kind, size } of steps) history.run(kind, size);
        // Whatever happened, the ring is not wedged: drained, it takes the largest payload.
        history.run("abort", 0);
        history.run("publish", 0);
        while (history.visible.length > 0) history.run("next", 0);
        history.run("release", 0);
        expect(history.producer.freeBytes).toBe(CAPACITY_BYTES);
        expect(history.producer.claim(history.producer.maxPayloadBytes)).not.toBe(-1);
      },
    ),
    { numRuns: 400 },
  );
});
