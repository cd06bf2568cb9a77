import { expect, test } from "bun:test";
import { Backlog } from "../../src/roles/backlog.ts";
import type { Task } from "../../src/roles/client.ts";
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
