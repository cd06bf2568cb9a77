import { describe, expect, test } from "bun:test";
import { TASK_GIVEN, TASK_OVER, TASK_WAITING, type Task } from "../../src/roles/client.ts";
import { Upload } from "../../src/roles/upload.ts";
import { UploadSender } from "../../src/roles/upload-sender.ts";
import {
  HANDLER_EMPTY,
  HANDLER_READY,
  HANDLER_RETIRING,
  HANDLER_STARTING,
} from "../../src/shm/control-block.ts";
import { DispatcherCounter } from "../../src/shm/counters.ts";
import { makeTask, Scheduling } from "./scheduling.ts";

const slotsOf = (tasks: readonly Task[]) => tasks.map((task) => task.link?.slot ?? null);

/** Places so many tasks, numbered from `first`. */
function placeMany(run: Scheduling, count: number, nowMs = 0, first = 0): Task[] {
  return Array.from({ length: count }, (_, index) => {
    const task = makeTask(first + index);
    expect(run.place(task, nowMs)).toBe(true);
    return task;
  });
}

describe("who has room", () => {
  test("a task goes to a thread at once, with all that belongs to it", () => {
    const run = new Scheduling(2).ready([1]);
    const [task] = placeMany(run, 1);
    expect([task.state, task.link?.slot, task.record]).toEqual([TASK_GIVEN, 1, null]);
    expect(run.links[1].tasks[task.entry]).toBe(task);
    expect(run.meet(1)).toBe(0);
    expect(run.counters[DispatcherCounter.tasksDispatched]).toBe(1);
  });

  test("the lowest slot that has nothing to do, slow ones one task each", () => {
    const run = new Scheduling(3).ready([0, 1, 2], 5);
    const tasks = placeMany(run, 4);
    expect(slotsOf(tasks)).toEqual([0, 1, 2, null]);
    expect([tasks[3].state, run.scheduler.backlog]).toEqual([TASK_WAITING, 1]);
  });

  test("many tiny tasks queue on one thread, up to 0.2 ms of work", () => {
    const run = new Scheduling(1).ready([0], 0.05);
    expect(slotsOf(placeMany(run, 6))).toEqual([0, 0, 0, 0, null, null]);
  });

  test("a thread that is awake goes before one that must be woken", () => {
    const run = new Scheduling(2).ready([0, 1], 5);
    run.control.handlerParker(0).announce();
    expect(slotsOf(placeMany(run, 2))).toEqual([1, 0]);
  });

  test("a thread that runs something long has none", () => {
    const run = new Scheduling(2).ready([0, 1], 0.01);
    run.control.markRunning(0, 100);
    const task = makeTask();
    run.place(task, 100.5);
    expect(task.link?.slot).toBe(1);
    const early = makeTask(1);
    const other = new Scheduling(1).ready([0], 0.01);
    other.control.markRunning(0, 100);
    other.place(early, 100.1);
    expect(early.link?.slot).toBe(0);
  });

  test("threads that are not ready get nothing", () => {
    const run = new Scheduling(3).ready([0, 1, 2], 5);
    run.control.moveHandler(0, HANDLER_READY, HANDLER_RETIRING);
    run.control.declareDead(2);
    run.scheduler.refresh();
    expect(slotsOf(placeMany(run, 2))).toEqual([1, null]);
  });

  test("a task that is longer than the ring's room waits, and is given later", () => {
    const run = new Scheduling(1).ready([0], 0.0001);
    const body = "x".repeat(30_000);
    const text = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const tasks = Array.from({ length: 12 }, (_, index) => makeTask(index));
    for (const task of tasks) expect(run.place(task, 0, text)).toBe(true);
    const given = tasks.filter((task) => task.state === TASK_GIVEN).length;
    expect(given).toBeGreaterThan(3);
    expect(run.scheduler.backlog).toBe(12 - given);
    expect(run.runAll(0).length).toBe(given);
    run.scheduler.drain(1);
    expect(run.scheduler.backlog).toBe(Math.max(0, 12 - 2 * given));
  });
});

describe("the backlog", () => {
  test("is first in, first out, also when room appears in between", () => {
    const run = new Scheduling(1).ready([0], 0.19);
    placeMany(run, 4);
    const order = run.runAll(0);
    placeMany(run, 1, 1, 4);
    for (let turn = 0; turn < 5; turn++) {
      run.scheduler.drain(turn);
      order.push(...run.runAll(0));
    }
    expect(order).toEqual([0, 1, 2, 3, 4]);
    expect(run.scheduler.backlog).toBe(0);
  });

  test("is bounded: past it a task is nobody's", () => {
    const run = new Scheduling(1, "bounded", 3);
    placeMany(run, 3);
    const over = makeTask(9);
    expect(run.place(over)).toBe(false);
    expect(run.scheduler.placeRecord(over, Buffer.alloc(72), 0)).toBe(false);
    expect([run.scheduler.backlog, over.state === TASK_WAITING]).toEqual([3, false]);
    run.ready([0], 0.0001);
    run.scheduler.drain(1);
    expect(run.runAll(0)).toEqual([0, 1, 2]);
    expect(run.place(over)).toBe(true);
  });

  test("is bounded by bytes too, bodies that come while their tasks wait included", () => {
    const run = new Scheduling(1, "bounded", 1000, undefined, 3000);
    const tasks = placeMany(run, 2);
    const each = run.scheduler.backlogBytes / 2;
    expect(each).toBe(tasks[0].record!.length);
    expect(run.scheduler.placeRecord(makeTask(2), Buffer.alloc(3000 - 2 * each + 1), 0)).toBe(false);
    run.scheduler.grew(tasks[0], 3000 - 2 * each);
    expect([run.place(makeTask(3)), run.scheduler.backlogBytes]).toEqual([false, 3000]);
    tasks[0].state = TASK_OVER;
    run.scheduler.drop(tasks[0]);
    expect(run.scheduler.backlogBytes).toBe(each);
    placeMany(run, 1, 0, 4);
    run.ready([0], 0.0001);
    run.scheduler.drain(1);
    expect([run.scheduler.backlogBytes, run.scheduler.backlog]).toEqual([0, 0]);
  });

  test("counts the bytes of tasks that were taken back", () => {
    const run = new Scheduling(2, "bounded", 1000, undefined, 1e6).ready([0], 0.0001);
    const [task] = placeMany(run, 1);
    expect(run.scheduler.backlogBytes).toBe(0);
    task.record = Buffer.alloc(72);
    run.scheduler.takeAgain([task], 1);
    expect(run.scheduler.backlogBytes).toBe(72);
    run.scheduler.drain(1);
    expect(run.scheduler.backlogBytes).toBe(0);
  });

  test("of none refuses what no thread has room for", () => {
    const run = new Scheduling(1, "bounded", 0).ready([0], 5);
    placeMany(run, 1);
    expect(run.place(makeTask(1))).toBe(false);
  });

  test("forgets a task whose client has left", () => {
    const run = new Scheduling(1, "bounded", 3);
    const tasks = placeMany(run, 3);
    tasks[1].state = TASK_OVER;
    run.scheduler.drop(tasks[1]);
    expect(run.scheduler.backlog).toBe(2);
    placeMany(run, 1, 0, 3);
    run.ready([0], 0.0001);
    run.scheduler.drain(1);
    expect(run.runAll(0)).toEqual([0, 2, 3]);
    expect(run.scheduler.backlog).toBe(0);
  });

  test("a record that was put together elsewhere is given as it is", () => {
    const run = new Scheduling(1);
    placeMany(run, 1);
    const made = makeTask(1);
    const record = Buffer.alloc(72, 1);
    expect(run.scheduler.placeRecord(made, record, 0)).toBe(true);
    expect([made.state, made.record]).toEqual([TASK_WAITING, record]);
    run.ready([0], 0.0001);
    run.scheduler.drain(0);
    expect([made.state, made.record, made.link?.slot]).toEqual([TASK_GIVEN, null, 0]);
  });
});

describe("the last look before sleeping", () => {
  test("finds room that has come, only for tasks that wait", () => {
    const run = new Scheduling(1).ready([0], 5);
    expect(run.scheduler.hasRoom(0)).toBe(false);
    placeMany(run, 2);
    expect(run.scheduler.hasRoom(0)).toBe(false);
    run.runAll(0);
    expect(run.scheduler.hasRoom(0)).toBe(true);
    run.scheduler.drain(0);
    expect(run.scheduler.hasRoom(0)).toBe(false);
  });

  test("has the handlers wake the dispatcher when they have room again", () => {
    const run = new Scheduling(1).ready([0], 5);
    placeMany(run, 2);
    run.control.dispatcherParker(0).announce();
    run.scheduler.hasRoom(0);
    expect(run.dispatcherWakes).toBe(0);
    run.runAll(0);
    expect(run.dispatcherWakes).toBe(1);
  });
});

describe("a thread that turns out slow", () => {
  test("loses what it has not started, which goes to others before what came later", () => {
    const run = new Scheduling(2).ready([0], 0.04);
    placeMany(run, 7);
    expect(run.scheduler.backlog).toBe(2);
    expect(run.meet(0)).toBe(0);
    run.control.markRunning(0, 10);
    expect(run.scheduler.watch(10.5)).toBeLessThanOrEqual(1);
    expect(run.counters[DispatcherCounter.tasksTakenBack]).toBe(0);
    run.scheduler.watch(11.5);
    expect(run.counters[DispatcherCounter.tasksTakenBack]).toBe(4);
    expect([run.scheduler.backlog, run.links[0].open > 0]).toEqual([6, true]);
    run.ready([1], 0.0001);
    run.scheduler.watch(11.6);
    expect(run.runAll(1)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(run.runAll(0)).toEqual([]);
  });

  test("two that lose theirs at once do not change the order in which they came", () => {
    const run = new Scheduling(2).ready([0, 1], 1);
    placeMany(run, 2);
    run.scheduler.watch(0.5);
    run.scheduler.watch(2);
    expect(run.counters[DispatcherCounter.tasksTakenBack]).toBe(2);
    expect([run.runAll(0), run.runAll(1)]).toEqual([[], []]);
    run.scheduler.drain(3);
    expect([run.runAll(0), run.runAll(1)]).toEqual([[0], [1]]);
  });

  test("tasks that are over meanwhile do not come back", () => {
    const run = new Scheduling(1);
    const tasks = [makeTask(0), makeTask(1)];
    for (const task of tasks) task.record = Buffer.alloc(72);
    tasks[0].state = TASK_OVER;
    run.scheduler.takeAgain(tasks, 0);
    expect(run.scheduler.backlog).toBe(1);
  });

  test("the end of a body that was told to a thread that never started it is told again", () => {
    const run = new Scheduling(1).ready([0], 5);
    const task = makeTask(0);
    task.upload = new Upload();
    task.upload.failure = 400;
    task.upload.isClosed = true;
    task.record = Buffer.alloc(72);
    run.scheduler.takeAgain([task], 0);
    run.scheduler.drain(0);
    expect(task.state).toBe(TASK_GIVEN);
    const told: unknown[] = [];
    task.link = { ...task.link!, failBody: (...what) => told.push(what) > 0 };
    new UploadSender({ retryLater: () => {}, resumed: () => {} }).credit(task, 1000);
    expect(told).toEqual([[task.entry, 400]]);
  });

  test("nothing to watch: it asks for no further look", () => {
    expect(new Scheduling(1).ready([0]).scheduler.watch(0)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("one more thread", () => {
  test("is asked for once when a task has waited a millisecond, and again only after a change", () => {
    const run = new Scheduling(3).ready([0], 5);
    placeMany(run, 3, 100);
    expect(run.meet(0)).toBe(0);
    run.control.markRunning(0, 100);
    expect(run.scheduler.watch(100.25)).toBeCloseTo(0.75);
    expect([run.supervisorWakes, run.control.takeRequest(0)]).toEqual([0, false]);
    run.scheduler.watch(101.5);
    for (let time = 102; time < 110; time++) run.scheduler.watch(time);
    expect(run.supervisorWakes).toBe(1);
    expect([run.control.takeRequest(0), run.control.takeRequest(0)]).toEqual([true, false]);
    run.control.resetHandler(1, 5);
    run.control.moveHandler(1, HANDLER_EMPTY, HANDLER_STARTING);
    run.scheduler.refresh();
    run.scheduler.watch(120);
    expect(run.supervisorWakes).toBe(1);
    run.control.moveHandler(1, HANDLER_STARTING, HANDLER_READY);
    run.scheduler.refresh();
    run.scheduler.watch(121);
    expect([run.scheduler.backlog, run.supervisorWakes]).toEqual([1, 2]);
  });

  test("is not asked for when all slots are taken; the main thread's is none", () => {
    const run = new Scheduling(1).ready([0], 5);
    placeMany(run, 3, 0);
    run.scheduler.watch(50);
    expect(run.supervisorWakes).toBe(0);
  });
});

describe('balance "random"', () => {
  test("spreads over all slots, brings empty ones to life, and queues on busy ones", () => {
    const run = new Scheduling(4, "random").ready([0, 1], 5);
    run.control.markRunning(0, 0);
    const tasks = placeMany(run, 200, 50);
    const counts = [0, 1, 2, 3].map((slot) => slotsOf(tasks).filter((given) => given === slot).length);
    expect(counts.reduce((sum, count) => sum + count)).toBe(200);
    for (const count of counts) expect(count).toBeGreaterThan(15);
    expect([0, 1, 2, 3].map((slot) => run.control.takeWanted(slot))).toEqual([false, false, true, true]);
    expect(run.supervisorWakes).toBeGreaterThan(0);
    expect(run.runAll(3).length).toBe(counts[3]);
  });

  test("never uses the main thread's slot, nor one that is dead", () => {
    const run = new Scheduling(2, "random").ready([0, 1]);
    run.control.declareDead(1);
    run.scheduler.refresh();
    const tasks = placeMany(run, 60);
    for (let turn = 0; run.scheduler.backlog > 0 && turn < 5000; turn++) run.scheduler.drain(turn);
    expect(new Set(slotsOf(tasks))).toEqual(new Set([0]));
  });
});
