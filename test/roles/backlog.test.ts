import { expect, test } from "bun:test";
import { Backlog } from "../../src/roles/backlog.ts";
import { TASK_WAITING, type Task } from "../../src/roles/client.ts";
import { makeTask } from "./scheduling.ts";

function taskOf(bytes: number, isHeavy = false): Task {
  const task = makeTask();
  task.record = Buffer.alloc(bytes);
  task.isHeavy = isHeavy;
  return task;
}

test("is bounded by tasks and by bytes, heavy ones included", () => {
  const backlog = new Backlog(3, 1000);
  backlog.push(taskOf(400));
  backlog.push(taskOf(400, true));
  expect([backlog.length, backlog.bytes, backlog.common.length, backlog.heavy.length]).toEqual([
    2, 800, 1, 1,
  ]);
  expect([backlog.hasRoom(200), backlog.hasRoom(201)]).toEqual([true, false]);
  backlog.push(taskOf(1));
  expect(backlog.hasRoom(0)).toBe(false);
});

test("those that compute for long have their turn as they came, unless there are too many of them", () => {
  const backlog = new Backlog(10, 1000);
  const tasks = [taskOf(1), taskOf(1, true), taskOf(1), taskOf(1, true)];
  for (const [index, task] of tasks.entries()) {
    task.arrival = index + 1;
    task.state = TASK_WAITING;
    backlog.push(task);
  }
  const order: number[] = [];
  const takeNext = (mayBeHeavy: boolean): void => {
    const queue = backlog.next(mayBeHeavy);
    order.push(queue?.front()?.arrival ?? 0);
    queue?.shift();
  };
  for (const mayBeHeavy of [true, true, false, false, true, true]) takeNext(mayBeHeavy);
  expect(order).toEqual([1, 2, 3, 0, 4, 0]);
});

test("a task that is given, or dropped, takes its bytes with it, those that came meanwhile too", () => {
  const backlog = new Backlog(10, 1000);
  const [first, second] = [taskOf(100), taskOf(200)];
  backlog.push(first);
  second.arrival = -1;
  backlog.putBack(second);
  backlog.grew(first, 50);
  expect([backlog.bytes, backlog.common.front()]).toEqual([350, second]);
  backlog.given(second);
  expect(backlog.bytes).toBe(150);
  backlog.drop(first);
  expect([backlog.bytes, first.record]).toEqual([0, null]);
});
