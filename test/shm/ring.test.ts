import { expect, test } from "bun:test";
import { RECORD_HEADER_BYTES, RingConsumer, RingProducer, ringBytes } from "../../src/shm/ring.ts";

function makeRing(capacityBytes: number, position = 0) {
  const memory = new SharedArrayBuffer(ringBytes(capacityBytes));
  const control = new Int32Array(memory, 0, 64);
  control[0] = position;
  control[32] = position;
  return {
    memory,
    control,
    producer: new RingProducer(memory, 0, capacityBytes),
    consumer: new RingConsumer(memory, 0, capacityBytes),
  };
}

function send(producer: RingProducer, text: string, type = 1): boolean {
  const offset = producer.claim(text.length);
  if (offset === -1) return false;
  producer.bytes.write(text, offset, text.length, "latin1");
  producer.commit(type, 0, 0, text.length);
  return true;
}

function text(consumer: RingConsumer): string {
  return consumer.bytes.toString(
    "latin1",
    consumer.payloadOffset,
    consumer.payloadOffset + consumer.payloadBytes,
  );
}

test("a record arrives with its type, words and payload", () => {
  const { producer, consumer } = makeRing(1024);
  const offset = producer.claim(5);
  producer.bytes.write("hello", offset, 5, "latin1");
  producer.commit(-7, 0x7fffffff, -0x80000000, 5);
  expect(producer.publish()).toBe(true);
  expect(consumer.next()).toBe(true);
  expect([consumer.type, consumer.a, consumer.b]).toEqual([-7, 0x7fffffff, -0x80000000]);
  expect(text(consumer)).toBe("hello");
  expect(consumer.next()).toBe(false);
});

test("nothing is visible before publish, all of it after", () => {
  const { producer, consumer } = makeRing(1024);
  send(producer, "one");
  send(producer, "two");
  expect(consumer.isEmpty()).toBe(true);
  expect(consumer.next()).toBe(false);
  expect(producer.publish()).toBe(true);
  expect(producer.publish()).toBe(false);
  expect(consumer.isEmpty()).toBe(false);
  expect(consumer.next() && text(consumer)).toBe("one");
  expect(consumer.next() && text(consumer)).toBe("two");
  expect(consumer.next()).toBe(false);
});

test("an aborted claim leaves no trace, and an open claim is not published", () => {
  const { producer, consumer } = makeRing(1024);
  producer.claim(100);
  producer.abort();
  send(producer, "kept");
  const offset = producer.claim(4);
  producer.bytes.write("late", offset, 4, "latin1");
  producer.publish();
  expect(consumer.next() && text(consumer)).toBe("kept");
  expect(consumer.next()).toBe(false);
  producer.commit(1, 0, 0, 4);
  producer.publish();
  expect(consumer.next() && text(consumer)).toBe("late");
});

test("commit may shrink, and the space saved is there for the next claim", () => {
  const { producer, consumer } = makeRing(256);
  producer.claim(producer.maxPayloadBytes);
  producer.commit(1, 0, 0, 3);
  expect(producer.freeBytes).toBe(256 - 32);
  expect(send(producer, "x".repeat(80))).toBe(true);
  producer.publish();
  expect(consumer.next() && consumer.payloadBytes).toBe(3);
  expect(consumer.next() && text(consumer)).toBe("x".repeat(80));
});

test("a full ring refuses until the consumer releases", () => {
  const { producer, consumer } = makeRing(256);
  let sent = 0;
  while (send(producer, "0123456789abcdef")) sent++;
  expect(sent).toBe(8);
  expect(producer.freeBytes).toBe(0);
  producer.publish();
  expect(consumer.next()).toBe(true);
  expect(producer.claim(16)).toBe(-1);
  consumer.release();
  expect(send(producer, "one more")).toBe(true);
});

test("the largest payload fits an empty ring at every position, and stays contiguous", () => {
  for (let position = 0; position < 512; position += 16) {
    const { producer, consumer } = makeRing(512, position);
    const offset = producer.claim(producer.maxPayloadBytes);
    expect(offset).toBeGreaterThanOrEqual(RECORD_HEADER_BYTES);
    expect(offset + producer.maxPayloadBytes).toBeLessThanOrEqual(512);
    producer.bytes.fill(position & 255, offset, offset + producer.maxPayloadBytes);
    producer.commit(position, 0, 0, producer.maxPayloadBytes);
    producer.publish();
    expect(consumer.next()).toBe(true);
    expect(consumer.type).toBe(position);
    expect(consumer.payloadBytes).toBe(producer.maxPayloadBytes);
    consumer.release();
    expect(producer.freeBytes).toBe(512);
  }
});

test("positions wrap at 2^31 and at 2^32", () => {
  for (const start of [0x7fffff80, -128]) {
    const { producer, consumer } = makeRing(256, start);
    for (let index = 0; index < 64; index++) {
      expect(send(producer, `record ${index}`, index)).toBe(true);
      producer.publish();
      expect(consumer.next() && text(consumer)).toBe(`record ${index}`);
      expect(consumer.type).toBe(index);
      consumer.release();
    }
    expect(producer.freeBytes).toBe(256);
    expect(consumer.isEmpty()).toBe(true);
  }
});

test("a successor continues where a dead end left off", () => {
  const { memory, producer, consumer } = makeRing(1024);
  send(producer, "first");
  send(producer, "second");
  producer.publish();
  send(producer, "never published");
  producer.claim(40);
  const nextProducer = new RingProducer(memory, 0, 1024);
  send(nextProducer, "third");
  nextProducer.publish();
  expect(consumer.next() && text(consumer)).toBe("first");
  consumer.release();
  expect(consumer.next() && text(consumer)).toBe("second");
  // Killed before the release of "second": it is read again.
  const nextConsumer = new RingConsumer(memory, 0, 1024);
  expect(nextConsumer.next() && text(nextConsumer)).toBe("second");
  expect(nextConsumer.next() && text(nextConsumer)).toBe("third");
  expect(nextConsumer.next()).toBe(false);
});

test("reset empties the ring from either end", () => {
  for (const end of ["producer", "consumer"] as const) {
    const ring = makeRing(256, 208);
    send(ring.producer, "lost");
    ring.producer.publish();
    ring.consumer.next();
    ring[end].reset();
    expect([ring.control[0], ring.control[32]]).toEqual([0, 0]);
    const producer = end === "producer" ? ring.producer : new RingProducer(ring.memory, 0, 256);
    const consumer = end === "consumer" ? ring.consumer : new RingConsumer(ring.memory, 0, 256);
    expect(consumer.next()).toBe(false);
    expect(producer.freeBytes).toBe(256);
    send(producer, "fresh");
    producer.publish();
    expect(consumer.next() && text(consumer)).toBe("fresh");
  }
});

test("caller mistakes are RangeErrors and leave the ring usable", () => {
  expect(() => ringBytes(1000)).toThrow(RangeError);
  expect(() => ringBytes(32)).toThrow(RangeError);
  const memory = new SharedArrayBuffer(ringBytes(256));
  expect(() => new RingProducer(memory, 128, 256)).toThrow(RangeError);
  expect(() => new RingConsumer(memory, 64, 64)).toThrow(RangeError);
  const { producer, consumer } = makeRing(256);
  expect(() => producer.claim(producer.maxPayloadBytes + 1)).toThrow(RangeError);
  expect(() => producer.claim(-1)).toThrow(RangeError);
  expect(() => producer.commit(1, 0, 0, 0)).toThrow("without an open claim");
  producer.claim(8);
  expect(() => producer.commit(1, 0, 0, 9)).toThrow(RangeError);
  producer.abort();
  expect(() => producer.commit(1, 0, 0, 8)).toThrow(RangeError);
  send(producer, "fine");
  producer.publish();
  expect(consumer.next() && text(consumer)).toBe("fine");
});
