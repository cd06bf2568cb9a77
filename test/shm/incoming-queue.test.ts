import { expect, test } from "bun:test";
import fc from "fast-check";
import { IncomingQueue, incomingQueueBytes } from "../../src/shm/incoming-queue.ts";

function makeQueue(capacity: number, position = 0) {
  const memory = new SharedArrayBuffer(incomingQueueBytes(capacity));
  const control = new Int32Array(memory, 0, 64);
  control[0] = position;
  control[32] = position;
  return { memory, producer: new IncomingQueue(memory, 0, capacity) };
}

const words = new Int32Array(16);

test("a client arrives with its fd and address, in order", () => {
  const { memory, producer } = makeQueue(8);
  const consumer = new IncomingQueue(memory, 0, 8);
  words.set([1, 2, 3, 4, 5, -6, -7, -8, -9, -10]);
  expect(producer.push(40, words, 0)).toBe(true);
  expect(producer.push(41, words, 5)).toBe(true);
  expect(consumer.size).toBe(2);
  const out = new Int32Array(7);
  expect(consumer.take(out, 1)).toBe(40);
  expect([...out]).toEqual([0, 1, 2, 3, 4, 5, 0]);
  expect(consumer.take(out, 1)).toBe(41);
  expect([...out]).toEqual([0, -6, -7, -8, -9, -10, 0]);
  expect(consumer.take(out, 1)).toBe(-1);
  expect(consumer.size).toBe(0);
});

test("a full queue refuses and goes on when something was taken", () => {
  const { producer } = makeQueue(4);
  for (let fd = 0; fd < 4; fd++) expect(producer.push(fd, words, 0)).toBe(true);
  expect(producer.push(4, words, 0)).toBe(false);
  expect(producer.size).toBe(4);
  expect(producer.take(new Int32Array(5), 0)).toBe(0);
  expect(producer.push(4, words, 0)).toBe(true);
  expect(producer.push(5, words, 0)).toBe(false);
});

test("any mixture of pushes and takes is a first-in-first-out queue, also where positions wrap", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(0, 7, 0x7ffffffe, -3),
      fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 200 }),
      (position, steps) => {
        const { memory, producer } = makeQueue(8, position);
        const consumers = [new IncomingQueue(memory, 0, 8), new IncomingQueue(memory, 0, 8)];
        const model: number[] = [];
        const out = new Int32Array(5);
        let fd = 100;
        for (const step of steps) {
          if (step === 0) {
            words.fill(fd, 0, 5);
            expect(producer.push(fd, words, 0)).toBe(model.length < 8);
            if (model.length < 8) model.push(fd);
            fd++;
          } else {
            const wanted = model.shift() ?? -1;
            expect(consumers[step - 1]!.take(out, 0)).toBe(wanted);
            if (wanted !== -1) expect([...out]).toEqual(Array(5).fill(wanted));
          }
          expect(producer.size).toBe(model.length);
          expect(producer.hasRoom).toBe(model.length < 8);
        }
      },
    ),
    { numRuns: 200 },
  );
});

test("capacity and place are checked", () => {
  expect(() => incomingQueueBytes(1000)).toThrow(RangeError);
  expect(() => new IncomingQueue(new SharedArrayBuffer(256), 0, 8)).toThrow(RangeError);
});
