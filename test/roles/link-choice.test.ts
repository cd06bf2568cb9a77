import { describe, expect, test } from "bun:test";
import { Task } from "../../src/roles/client.ts";
import { LinkChoice } from "../../src/roles/link-choice.ts";
import { makeTask, Scheduling } from "./scheduling.ts";

/** Three threads of which the first so many are awake, on so many processors. */
function threads(processors: number, awake: number, serviceMs: number): Scheduling {
  const run = new Scheduling(3, "bounded", 1000, undefined, undefined, processors).ready(
    [0, 1, 2],
    serviceMs,
  );
  for (let slot = awake; slot < 3; slot++) run.control.handlerParker(slot).announce();
  return run;
}

/** Slots that so many tasks are given to; null where none has room. */
function placeMany(run: Scheduling, count: number): (number | null)[] {
  return Array.from({ length: count }, (_, index) => {
    const task = makeTask(index);
    expect(run.place(task)).toBe(true);
    return task.link?.slot ?? null;
  });
}

describe("tiny tasks", () => {
  test("wake another thread past 0.2 ms of work each while there are processors for it", () => {
    expect(placeMany(threads(4, 1, 0.1), 7)).toEqual([0, 0, 1, 1, 2, 2, null]);
  });

  test("past that queue on those at work, up to 4 ms, and wake nobody", () => {
    const given = placeMany(threads(2, 1, 0.1), 80);
    expect(given.slice(0, 6)).toEqual([0, 0, 1, 1, 0, 0]);
    expect([0, 1, 2].map((slot) => given.filter((chosen) => chosen === slot).length)).toEqual([39, 39, 2]);
  });

  test("of another dispatcher queue on another thread", () => {
    const run = threads(4, 3, 0.1);
    placeMany(run, 6);
    const slotOf = (index: number) =>
      new LinkChoice(run.control, index, 3).choose(run.links.slice(0, 3), false, makeTask(), 0)?.slot;
    expect([0, 1, 2, 3].map(slotOf)).toEqual([0, 1, 2, 0]);
  });

  test("of a client that pipelines do not queue so", () => {
    const run = threads(1, 1, 0.1);
    const { client } = makeTask();
    const given = Array.from({ length: 8 }, (_, index) => {
      const task = new Task(client, index);
      client.tasks.push(task);
      expect(run.place(task)).toBe(true);
      return task.link?.slot ?? null;
    });
    // The third and the fourth are few enough.
    expect(given).toEqual([0, 0, 0, 0, 1, 1, 2, 2]);
  });

  test("do not queue behind what has run for long", () => {
    const run = threads(2, 2, 0.1);
    run.control.markRunning(0, -1);
    run.control.markRunning(1, -1);
    expect(placeMany(run, 3)).toEqual([2, 2, null]);
  });

  test("wake another thread while slow ones are about", () => {
    const run = threads(1, 1, 0.1);
    expect(placeMany(run, 2)).toEqual([0, 0]);
    const choice = new LinkChoice(run.control, 0, 1);
    const choose = (hasSlow: boolean) => choice.choose(run.links.slice(0, 3), hasSlow, makeTask(), 0)?.slot;
    expect([choose(false), choose(true)]).toEqual([0, 1]);
  });
});

test("longer ones wake another thread however many are at work", () => {
  expect(placeMany(threads(1, 1, 0.3), 4)).toEqual([0, 1, 2, null]);
});
