/** A dispatcher's end of a link that takes the place of one that ended without letting go of anything. */
import { expect, test } from "bun:test";
import { DispatcherLink } from "../../src/channel/dispatcher-link.ts";
import { HandlerLink } from "../../src/channel/handler-link.ts";
import { ABORT, FIRST, LAST, TASK, TYPE_MASK } from "../../src/channel/messages.ts";
import { PAIR_BYTES, SLAB_BLOCKS, STARTED_WORD } from "../../src/channel/pair-memory.ts";
import { Parker } from "../../src/shm/parker.ts";
import { PEER, PEER_INDEX, parseRequest } from "./link-pair.ts";

interface Named {
  readonly name: string;
}

class Pair {
  readonly memory = new SharedArrayBuffer(PAIR_BYTES);
  readonly #parkers = [0, 1].map(() => new Parker(new SharedArrayBuffer(128), 0)) as [Parker, Parker];
  dispatcher: DispatcherLink<Named> = this.attach();
  readonly handler = new HandlerLink(new Uint8Array(this.memory), this.#parkers[1], () => {});

  /** A dispatcher's end that knows nothing but what is in the memory. */
  attach(): DispatcherLink<Named> {
    return new DispatcherLink<Named>(0, new Uint8Array(this.memory), this.#parkers[0]);
  }

  give(name: string): number {
    const { head, bytes, headStart, bodyStart, bodyBytes } = parseRequest(
      "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    const entry = this.dispatcher.give(
      { name },
      head,
      bytes,
      headStart,
      bodyStart,
      bodyBytes,
      0,
      PEER,
      PEER_INDEX,
    );
    expect(entry).toBeGreaterThanOrEqual(0);
    return entry;
  }

  /** Has the handler start the next task; its entry and serial, or null when there is none that it may. */
  start(): { entry: number; serial: number } | null {
    const { tasks } = this.handler;
    while (tasks.next()) {
      if ((tasks.type & TYPE_MASK) !== TASK) continue;
      const { a: entry, b: serial } = tasks;
      const isStarted = this.handler.start(entry);
      this.handler.release();
      if (isStarted) return { entry, serial };
    }
    return null;
  }

  /** Replaces the dispatcher's end; the entries of its orphans. */
  succeed(): number[] {
    this.dispatcher = this.attach();
    return this.dispatcher.recover(() => ({ name: "orphan" }));
  }

  names(): (string | undefined)[] {
    return this.dispatcher.tasks.map((task) => task?.name);
  }
}

test("of a pair that was never used it is as a new one", () => {
  const pair = new Pair();
  expect([pair.succeed(), pair.dispatcher.queued, pair.dispatcher.open]).toEqual([[], 0, 0]);
  pair.give("first");
  pair.dispatcher.flush();
  expect(pair.start()).toEqual({ entry: 0, serial: 1 });
});

test("tasks that were started are orphans until their handler confirms; those that were not are dropped", () => {
  const pair = new Pair();
  const started = pair.give("started");
  pair.dispatcher.flush();
  const task = pair.start()!;
  pair.give("queued");
  pair.dispatcher.flush();
  // Never made visible: the handler will not meet it.
  pair.give("unseen");
  expect(pair.succeed()).toEqual([started]);
  expect(pair.names()).toEqual(["orphan"]);
  expect(pair.dispatcher.queued).toBe(1);
  pair.dispatcher.abort(started, false);
  pair.dispatcher.flush();
  const { tasks } = pair.handler;
  expect(pair.start()).toBeNull();
  expect([tasks.type & TYPE_MASK, tasks.a, tasks.b]).toEqual([ABORT, task.entry, task.serial]);
  expect(pair.dispatcher.queued).toBe(0);
  pair.handler.cut(task.entry, task.serial);
  const { results } = pair.dispatcher;
  expect(results.next()).toBe(true);
  expect(pair.dispatcher.taskOf(results.a, results.b)?.name).toBe("orphan");
  pair.dispatcher.finish(results.a);
  pair.dispatcher.release();
  expect(pair.start()).toBeNull();
  // The entry of the task that was taken back is free again once the handler has met its record.
  for (let round = 0; round < 3; round++) pair.give(`new ${round}`);
  pair.dispatcher.flush();
  const serials = [pair.start()!, pair.start()!, pair.start()!].map(({ serial }) => serial);
  expect(serials).toEqual([3, 4, 5]);
  expect(pair.dispatcher.queued).toBe(0);
});

test("a handler that goes on meanwhile: what it starts in the middle of the succession is an orphan, and no number is given twice", () => {
  const pair = new Pair();
  const old = pair.give("old");
  pair.dispatcher.flush();
  const load = Atomics.load;
  let started: ReturnType<typeof pair.start> = null;
  // The number of tasks that were met is read, then the handler meets one and lets go of its record.
  Atomics.load = ((words: Int32Array, index: number) => {
    const value = load(words, index);
    if (
      started === null &&
      words.buffer === pair.memory &&
      words.byteOffset === 0 &&
      index === STARTED_WORD
    ) {
      started = { entry: -1, serial: -1 };
      started = pair.start();
      pair.handler.release();
    }
    return value;
  }) as typeof Atomics.load;
  let orphans: number[];
  try {
    orphans = pair.succeed();
  } finally {
    Atomics.load = load;
  }
  expect([orphans, pair.names(), pair.dispatcher.queued]).toEqual([[old], ["orphan"], 0]);
  pair.give("new");
  pair.dispatcher.flush();
  expect(pair.start()!.serial).toBe(started!.serial + 1);
  pair.handler.answer(old, started!.serial, "", Buffer.from("old"), 0, 3, FIRST | LAST);
  const { results } = pair.dispatcher;
  expect(results.next()).toBe(true);
  expect(pair.dispatcher.taskOf(results.a, results.b)?.name).toBe("orphan");
  pair.dispatcher.finish(results.a);
});

test("answers of the former dispatcher's tasks find nobody", () => {
  const pair = new Pair();
  pair.give("old");
  pair.dispatcher.flush();
  const old = pair.start()!;
  pair.handler.answer(old.entry, old.serial, "", Buffer.from("old"), 0, 3, FIRST | LAST);
  pair.succeed();
  pair.give("new");
  pair.dispatcher.flush();
  const { results } = pair.dispatcher;
  expect(results.next()).toBe(true);
  expect(pair.dispatcher.taskOf(results.a, results.b)?.name).toBe("orphan");
  pair.dispatcher.finish(results.a);
  expect(pair.start()!.serial).toBe(old.serial + 1);
});

test("blocks that the former dispatcher had accepted are free; those that are named by a message are not", () => {
  const pair = new Pair();
  const body = Buffer.alloc(100_000, "x");
  pair.give("first");
  pair.give("second");
  pair.dispatcher.flush();
  for (const accepts of [true, false]) {
    const { entry, serial } = pair.start()!;
    pair.handler.answer(entry, serial, "", body, 0, body.length, FIRST | LAST);
    const { results, slab } = pair.dispatcher;
    if (!accepts) continue;
    expect(results.next()).toBe(true);
    const block = results.words[results.payloadOffset >> 2]!;
    slab.accept(block);
    slab.accept(block + 1);
    pair.dispatcher.finish(results.a);
    pair.dispatcher.release();
  }
  expect(pair.dispatcher.slab.countFree()).toBe(SLAB_BLOCKS - 4);
  expect(pair.succeed().length).toBe(1);
  expect(pair.dispatcher.slab.countFree()).toBe(SLAB_BLOCKS - 2);
});

test("after a sweep, serial numbers go on, for a successor too", () => {
  const pair = new Pair();
  pair.give("lost");
  pair.dispatcher.flush();
  pair.start();
  pair.dispatcher.sweep(
    () => {},
    () => {},
  );
  pair.succeed();
  expect(pair.dispatcher.queued).toBe(0);
  pair.give("next");
  pair.dispatcher.flush();
  expect(pair.dispatcher.queued).toBe(1);
  expect(
    new HandlerLink(
      new Uint8Array(pair.memory),
      new Parker(new SharedArrayBuffer(128), 0),
      () => {},
    ).tasks.next(),
  ).toBe(true);
});
