import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Task } from "../../src/roles/client.ts";
import { TaskQueue } from "../../src/roles/task-queue.ts";
import { makeTask } from "./scheduling.ts";

/** A task that waits. */
function waiting(sequence: number): Task {
  const task = makeTask(sequence);
  task.record = Buffer.alloc(8);
  task.arrival = sequence;
  return task;
}

function drain(queue: TaskQueue): number[] {
  const order: number[] = [];
  for (let task = queue.front(); task !== undefined; task = queue.front()) {
    order.push(task.sequence);
    queue.shift();
  }
  return order;
}

test("first in, first out; what is put back goes before what came after it", () => {
  const queue = new TaskQueue();
  for (const sequence of [3, 5, 6]) queue.push(waiting(sequence));
  for (const sequence of [2, 4, 1]) queue.putBack(waiting(sequence));
  expect([queue.length, queue.front()?.sequence]).toEqual([6, 1]);
  expect(drain(queue)).toEqual([1, 2, 3, 4, 5, 6]);
  expect([queue.length, queue.front()]).toEqual([0, undefined]);
});

test("an empty queue stays as it is", () => {
  const queue = new TaskQueue();
  queue.shift();
  expect([queue.length, queue.front()]).toEqual([0, undefined]);
  queue.push(waiting(1));
  expect(drain(queue)).toEqual([1]);
});

test("dropped tasks keep their place and do not count", () => {
  const queue = new TaskQueue();
  const tasks = [1, 2, 3].map(waiting);
  for (const task of tasks) queue.push(task);
  tasks[0].record = null;
  queue.dropped();
  expect([queue.length, queue.front()?.sequence]).toEqual([2, 1]);
  queue.shift();
  expect(queue.length).toBe(2);
  expect(drain(queue)).toEqual([2, 3]);
  expect(queue.length).toBe(0);
});

test("does as an array does, over many laps and growths", () => {
  const operations = fc.array(
    fc.constantFrom("push", "push", "push", "putBack", "putBack", "shift", "shift", "shift"),
    {
      maxLength: 600,
    },
  );
  fc.assert(
    fc.property(operations, (names) => {
      const queue = new TaskQueue();
      const model: number[] = [];
      const taken: number[] = [];
      names.forEach((name, index) => {
        if (name === "push") {
          queue.push(waiting(index));
          model.push(index);
        } else if (name === "putBack") {
          const sequence = taken.splice(index % taken.length, 1)[0];
          if (sequence === undefined) return;
          queue.putBack(waiting(sequence));
          model.push(sequence);
          model.sort((a, b) => a - b);
        } else {
          queue.shift();
          if (model.length > 0) taken.push(model.shift()!);
        }
        expect([queue.length, queue.front()?.sequence]).toEqual([model.length, model[0]]);
      });
      expect(drain(queue)).toEqual(model);
    }),
    { numRuns: 60 },
  );
});
