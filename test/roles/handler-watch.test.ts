import { expect, test } from "bun:test";
import { TASK_GIVEN, TASK_OVER, type Task } from "../../src/roles/client.ts";
import { HandlerWatch, type WatchedThread } from "../../src/roles/handler-watch.ts";
import { allocateServerMemory, controlOf, dispatcherCounters } from "../../src/roles/server-memory.ts";
import type { ControlBlock } from "../../src/shm/control-block.ts";
import { DispatcherCounter } from "../../src/shm/counters.ts";
import { makeTask } from "./scheduling.ts";

class PlayedThread implements WatchedThread {
  readonly slot: number;
  readonly tasks: (Task | null)[] = [];
  readonly started: Set<number> = new Set();
  readPosition = 0;
  hasUnread = false;

  constructor(slot: number) {
    this.slot = slot;
  }

  get open(): number {
    return this.tasks.filter((task) => task !== null).length;
  }

  isStarted(entry: number): boolean {
    return this.started.has(entry);
  }
}

/** A watch with a deadline of 800 ms, so that it looks every 100 ms, over two threads. */
class Watching {
  readonly threads: readonly PlayedThread[] = [new PlayedThread(0), new PlayedThread(1)];
  readonly control: ControlBlock;
  readonly counters: Float64Array;
  readonly watch: HandlerWatch;
  readonly timedOut: Task[] = [];
  readonly hanging: number[] = [];
  readonly blocking: string[] = [];
  readonly silent: string[] = [];

  constructor(limitMs = 800) {
    const memory = allocateServerMemory(1, 2);
    this.control = controlOf(memory);
    this.counters = dispatcherCounters(memory, 0);
    const owner = {
      timedOut: (task: Task) => {
        task.state = TASK_OVER;
        this.timedOut.push(task);
      },
      hangs: (slot: number) => void this.hanging.push(slot),
      blocks: (slot: number, ms: number) => void this.blocking.push(`${slot} ${ms}`),
      isSilent: (slot: number, ms: number) => void this.silent.push(`${slot} ${ms}`),
    };
    this.watch = new HandlerWatch(owner, this.control, this.threads, this.counters, limitMs);
  }

  give(slot: number, isStarted = true): Task {
    const task = makeTask();
    task.state = TASK_GIVEN;
    const { tasks, started } = this.threads[slot]!;
    tasks.push(task);
    if (isStarted) started.add(tasks.length - 1);
    this.counters[DispatcherCounter.tasksDispatched]! += 1;
    return task;
  }

  /** Looks as often as the watch wants to, and gives the time of the last look. */
  lookUntil(fromMs: number, untilMs: number): void {
    for (let now = fromMs; now <= untilMs; now += this.watch.look(now, null));
  }
}

test("without a deadline nothing is cut off; what runs for 5 s without a pause is reported, once", () => {
  const it = new Watching(Number.POSITIVE_INFINITY);
  it.give(0);
  it.control.markRunning(0, 1000);
  it.lookUntil(1000, 5000);
  expect(it.blocking).toEqual([]);
  it.lookUntil(6000, 60_000);
  expect([it.blocking, it.timedOut, it.hanging]).toEqual([["0 5000"], [], []]);
  it.control.markRunning(0, 60_000);
  it.lookUntil(61_000, 65_000);
  expect(it.blocking.length).toBe(2);
});

test("of several that run for 5 s each is reported", () => {
  const it = new Watching(Number.POSITIVE_INFINITY);
  for (const slot of [0, 1]) {
    it.give(slot);
    it.control.markRunning(slot, 1000);
  }
  it.lookUntil(1000, 20_000);
  expect(it.blocking).toEqual(["0 5000", "1 5000"]);
});

test("one that reads nothing for 5 s while it runs no handler is reported, once, without a deadline too", () => {
  const it = new Watching(Number.POSITIVE_INFINITY);
  for (const slot of [0, 1]) it.give(slot);
  const [thread] = it.threads as [PlayedThread];
  thread.hasUnread = true;
  it.lookUntil(1000, 5000);
  thread.readPosition = 64;
  it.lookUntil(6000, 10_000);
  expect(it.silent).toEqual([]);
  it.lookUntil(11_000, 60_000);
  expect([it.silent, it.blocking, it.hanging]).toEqual([["0 5000"], [], []]);
});

test("without a request it wants no turn; with one given between two looks it does", () => {
  const it = new Watching();
  expect(it.watch.look(1000, null)).toBe(Number.POSITIVE_INFINITY);
  expect(it.watch.look(1001, null)).toBe(Number.POSITIVE_INFINITY);
  it.give(0);
  expect(it.watch.look(1002, null)).toBe(98);
  expect(it.watch.look(1100, null)).toBe(100);
  it.threads[0]!.tasks[0] = null;
  expect(it.watch.look(1200, null)).toBe(Number.POSITIVE_INFINITY);
});

test("a request is never cut off too early, and at most a look late", () => {
  const it = new Watching();
  const task = it.give(0);
  it.lookUntil(1000, 1799);
  expect(it.timedOut).toEqual([]);
  it.lookUntil(1800, 1900);
  expect(it.timedOut).toEqual([task]);
});

test("neither one that waits for its turn nor one that is being answered is cut off", () => {
  const it = new Watching();
  it.give(0, false);
  it.give(1).isAnswering = true;
  it.lookUntil(1000, 5000);
  expect(it.timedOut).toEqual([]);
  it.threads[0]!.started.add(0);
  it.lookUntil(5100, 6100);
  expect(it.timedOut.length).toBe(1);
});

test("requests that are open on this thread itself are cut off too", () => {
  const it = new Watching();
  const task = it.give(0);
  const inline = { open: 1, tasks: [task], isStarted: () => true };
  it.threads[0]!.tasks.length = 0;
  for (let now = 1000; now <= 1900; now += it.watch.look(now, inline));
  expect(it.timedOut).toEqual([task]);
});

test("a thread hangs that runs one handler for longer than the deadline", () => {
  const it = new Watching();
  it.give(1).isAnswering = true;
  it.control.markRunning(1, 1000);
  it.lookUntil(1000, 1700);
  expect(it.hanging).toEqual([]);
  it.lookUntil(1800, 1800);
  expect(it.hanging).toEqual([1]);
});

test("a thread hangs that reads nothing and starts nothing for longer than the deadline and a second", () => {
  const it = new Watching();
  const [thread] = it.threads as [PlayedThread];
  it.give(0).isAnswering = true;
  thread.hasUnread = true;
  it.lookUntil(1000, 1900);
  thread.readPosition = 64;
  it.lookUntil(2000, 2900);
  it.control.markRunning(0, 2950);
  it.control.markStopped(0, 1);
  it.lookUntil(3000, 3900);
  expect(it.hanging).toEqual([]);
  it.lookUntil(4000, 4000);
  expect(it.hanging).toEqual([0]);
});

test("a thread does not hang that has read everything", () => {
  const it = new Watching();
  const [thread] = it.threads as [PlayedThread];
  it.give(0).isAnswering = true;
  thread.hasUnread = true;
  it.lookUntil(1000, 1300);
  thread.hasUnread = false;
  it.lookUntil(1400, 1500);
  thread.hasUnread = true;
  it.lookUntil(1600, 2500);
  expect(it.hanging).toEqual([]);
});

test("a thread does not hang because the one before it did", () => {
  const it = new Watching();
  const [thread] = it.threads as [PlayedThread];
  it.give(0).isAnswering = true;
  thread.hasUnread = true;
  it.lookUntil(1000, 1900);
  // Killed, and its successor has read nothing of what it was given just now.
  it.control.declareDead(0, true);
  it.lookUntil(2000, 2900);
  expect(it.hanging).toEqual([]);
  it.lookUntil(3000, 3000);
  expect(it.hanging).toEqual([0]);
});
