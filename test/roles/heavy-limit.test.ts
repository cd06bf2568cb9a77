import { describe, expect, test } from "bun:test";
import { TASK_GIVEN, TASK_WAITING } from "../../src/roles/client.ts";
import { HeavyLimit } from "../../src/roles/heavy-limit.ts";
import { makeTask, Scheduling } from "./scheduling.ts";

describe("the limit", () => {
  test("has room for so many, and again when one is over", () => {
    const limit = new HeavyLimit(2);
    const tasks = [makeTask(0), makeTask(1)];
    expect(limit.hasRoom(0)).toBe(true);
    limit.began(tasks[0], 0);
    expect(limit.hasRoom(1)).toBe(true);
    limit.began(tasks[1], 1);
    expect(limit.hasRoom(2)).toBe(false);
    limit.over(tasks[0]);
    expect(limit.hasRoom(2)).toBe(true);
    limit.over(tasks[0]);
    limit.over(makeTask(9));
    limit.began(makeTask(2), 2);
    expect(limit.hasRoom(2)).toBe(false);
  });

  test("does not count those that have run for 50 ms", () => {
    const limit = new HeavyLimit(2);
    limit.began(makeTask(0), 0);
    limit.began(makeTask(1), 10);
    expect([limit.hasRoom(40), limit.waitMs(40)]).toEqual([false, 10]);
    expect([limit.hasRoom(50), limit.waitMs(50)]).toEqual([true, 0]);
    limit.began(makeTask(2), 50);
    expect([limit.hasRoom(51), limit.waitMs(51)]).toEqual([false, 9]);
    expect(limit.hasRoom(60)).toBe(true);
  });
});

describe("a scheduler that has one", () => {
  const heavy = (sequence: number) => {
    const task = makeTask(sequence);
    task.isHeavy = true;
    return task;
  };

  test("lets heavy tasks wait although threads are free, and others pass them", () => {
    const run = new Scheduling(4, "bounded", 1000, 2).ready([0, 1, 2, 3], 5);
    const tasks = [heavy(0), heavy(1), heavy(2)];
    for (const task of tasks) expect(run.place(task, 0)).toBe(true);
    expect(tasks.map((task) => task.state)).toEqual([TASK_GIVEN, TASK_GIVEN, TASK_WAITING]);
    expect([run.scheduler.backlog, run.scheduler.hasRoom(0)]).toEqual([1, false]);
    const light = makeTask(3);
    run.place(light, 0);
    expect(light.state).toBe(TASK_GIVEN);
    run.scheduler.heavyOver(tasks[0]);
    expect(run.scheduler.hasRoom(0)).toBe(true);
    run.scheduler.drain(0);
    expect([tasks[2].state, run.scheduler.backlog]).toEqual([TASK_GIVEN, 0]);
  });

  test("asks for no thread while only the limit keeps them waiting, and looks again when time makes room", () => {
    const run = new Scheduling(4, "bounded", 1000, 1).ready([0, 1], 5);
    const tasks = [heavy(0), heavy(1)];
    for (const task of tasks) run.place(task, 0);
    run.meet(0);
    expect(run.scheduler.watch(20)).toBeLessThanOrEqual(30);
    expect([run.supervisorWakes, tasks[1].state]).toEqual([0, TASK_WAITING]);
    run.scheduler.watch(50);
    expect(tasks[1].state).toBe(TASK_GIVEN);
  });

  test("counts them in the bound of the backlog, and forgets those whose clients are gone", () => {
    const run = new Scheduling(2, "bounded", 2, 1).ready([0, 1], 5);
    const tasks = [0, 1, 2, 3].map(heavy);
    expect(tasks.map((task) => run.place(task, 0))).toEqual([true, true, true, false]);
    run.scheduler.drop(tasks[1]);
    expect(run.scheduler.backlog).toBe(1);
    run.scheduler.heavyOver(tasks[0]);
    run.scheduler.drain(0);
    expect([tasks[2].state, run.scheduler.backlog]).toEqual([TASK_GIVEN, 0]);
  });

  test("gives back the place of one that was taken back", () => {
    const run = new Scheduling(2, "bounded", 1000, 1).ready([0, 1], 5);
    const tasks = [heavy(0), heavy(1)];
    for (const task of tasks) run.place(task, 0);
    const record = Buffer.alloc(64);
    tasks[0].record = record;
    run.scheduler.takeAgain([tasks[0]], 1);
    expect([tasks[0].state, run.scheduler.backlog]).toEqual([TASK_WAITING, 2]);
    run.scheduler.drain(1);
    expect(tasks.map((task) => task.state)).toEqual([TASK_GIVEN, TASK_WAITING]);
  });
});
