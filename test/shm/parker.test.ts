import { expect, test } from "bun:test";
import { PARKER_BYTES, Parker } from "../../src/shm/parker.ts";

function makeParker() {
  const memory = new SharedArrayBuffer(2 * PARKER_BYTES);
  return { consumer: new Parker(memory, PARKER_BYTES), producer: new Parker(memory, PARKER_BYTES) };
}

test("a consumer that is awake needs no wake-up", () => {
  const { consumer, producer } = makeParker();
  expect(producer.needsWake()).toBe(false);
  consumer.announce();
  expect(producer.isAsleep).toBe(true);
  consumer.cancel();
  expect(producer.isAsleep).toBe(false);
  expect(producer.needsWake()).toBe(false);
});

test("of several producers exactly one wakes a sleeping consumer", () => {
  const { consumer, producer } = makeParker();
  consumer.announce();
  expect([producer.needsWake(), producer.needsWake(), producer.needsWake()]).toEqual([true, false, false]);
});

test("wait is refused when a producer has swapped the word between announce and wait", () => {
  const { consumer, producer } = makeParker();
  consumer.announce();
  expect(producer.needsWake()).toBe(true);
  expect(consumer.wait()).toBeNull();
});

test("notify ends a wait", async () => {
  const { consumer, producer } = makeParker();
  consumer.announce();
  const sleep = consumer.wait();
  expect(sleep).not.toBeNull();
  expect(producer.needsWake()).toBe(true);
  producer.notify();
  expect(await sleep).toBe("ok");
});

test("notify after another producer's death wakes a consumer whose word is cleared already", async () => {
  const { consumer, producer } = makeParker();
  consumer.announce();
  const sleep = consumer.wait();
  expect(producer.needsWake()).toBe(true); // This producer dies here.
  expect(producer.needsWake()).toBe(false);
  producer.notify();
  expect(await sleep).toBe("ok");
});

test("a wait with a time limit ends by itself and leaves the word to cancel", async () => {
  const { consumer, producer } = makeParker();
  consumer.announce();
  expect(await consumer.wait(1)).toBe("timed-out");
  expect(producer.isAsleep).toBe(true);
  consumer.cancel();
  expect(producer.needsWake()).toBe(false);
});

test("a parker has a span of its own", () => {
  expect(() => new Parker(new SharedArrayBuffer(256), 64)).toThrow(RangeError);
  expect(() => new Parker(new SharedArrayBuffer(64), 0)).toThrow(RangeError);
});
