import { describe, expect, test } from "bun:test";
import { ABORT, BODY, BODY_FAILED, CREDIT, LAST, TASK } from "../../src/channel/messages.ts";
import { TASK_ENTRIES } from "../../src/channel/pair-memory.ts";
import { LinkPair, parseRequest, pattern, viewOf } from "./link-pair.ts";

const request = (path: string, body = "") =>
  parseRequest(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
const named = (name: string) => ({ name });

function pathIn(record: Buffer): string {
  const view = viewOf(record);
  return record.toString("latin1", view.targetStart, view.targetEnd);
}

/** Gives tasks of about 30 KB until there is no room; how many were taken. */
function fillRing(pair: LinkPair): number {
  const long = request("/long", "x".repeat(30_000));
  let count = 0;
  while (pair.give(named(`long ${count}`), long) >= 0) count++;
  return count;
}

describe("give", () => {
  test("a task is seen after flush, with its body, entry and serial", () => {
    const pair = new LinkPair();
    const task = named("one");
    const entry = pair.give(task, request("/one", "body"));
    expect(pair.readTasks()).toEqual([]);
    pair.dispatcher.flush();
    const [message, ...rest] = pair.readTasks();
    expect(rest).toEqual([]);
    expect([message.kind, message.entry]).toEqual([TASK, entry]);
    const view = viewOf(message.bytes);
    expect(pathIn(message.bytes)).toBe("/one");
    expect(message.bytes.toString("latin1", view.bodyStart)).toBe("body");
    expect(pair.dispatcher.taskOf(entry, message.serial)).toBe(task);
  });

  test("an entry that is used again has another serial, and late messages find nothing", () => {
    const pair = new LinkPair();
    const first = pair.start(named("one"));
    pair.dispatcher.finish(first.entry);
    expect(pair.dispatcher.taskOf(first.entry, first.serial)).toBeNull();
    const task = named("two");
    const second = pair.start(task);
    expect(second.entry).toBe(first.entry);
    expect(second.serial).not.toBe(first.serial);
    expect(pair.dispatcher.taskOf(first.entry, first.serial)).toBeNull();
    expect(pair.dispatcher.taskOf(second.entry, second.serial)).toBe(task);
  });

  test("queued counts what the handler has not met, open what is not answered", () => {
    const pair = new LinkPair();
    const { dispatcher } = pair;
    pair.start(named("one"));
    const entry = pair.give(named("two"));
    expect([dispatcher.queued, dispatcher.open]).toEqual([1, 2]);
    dispatcher.flush();
    const [message] = pair.readTasks();
    expect(pair.handler.start(message.entry)).toBe(true);
    expect([dispatcher.queued, dispatcher.open]).toEqual([0, 2]);
    dispatcher.finish(entry);
    expect([dispatcher.queued, dispatcher.open]).toEqual([0, 1]);
  });

  test("a full ring takes nothing more, and goes on when the handler has given space back", () => {
    const pair = new LinkPair();
    const count = fillRing(pair);
    expect(count).toBeGreaterThan(3);
    expect(pair.dispatcher.open).toBe(count);
    pair.dispatcher.flush();
    const messages = pair.readTasks();
    expect(messages.length).toBe(count);
    expect(pair.give(named("later"), request("/later", "x".repeat(30_000)))).toBeGreaterThanOrEqual(0);
    pair.dispatcher.flush();
    expect(pair.readTasks().map((message) => pathIn(message.bytes))).toEqual(["/later"]);
  });

  test("a full table takes nothing more, leaves no trace in the ring, and goes on after finish", () => {
    const pair = new LinkPair();
    const { dispatcher } = pair;
    for (let index = 0; index < TASK_ENTRIES; index++) pair.start(named(`${index}`));
    expect([dispatcher.queued, dispatcher.open]).toEqual([0, TASK_ENTRIES]);
    expect(pair.give(named("over"))).toBe(-1);
    expect(dispatcher.giveRecord(named("over"), Buffer.alloc(128))).toBe(-1);
    dispatcher.flush();
    expect([pair.readTasks(), dispatcher.queued, dispatcher.open]).toEqual([[], 0, TASK_ENTRIES]);
    dispatcher.finish(7);
    expect(pair.give(named("again"))).toBe(7);
  });

  test("flush wakes a sleeping handler once, and no waking one", () => {
    const pair = new LinkPair();
    const parker = pair.control.handlerParker(0);
    expect(pair.dispatcher.flush()).toBe(false);
    pair.give(named("one"));
    expect(pair.dispatcher.flush()).toBe(false);
    parker.announce();
    expect(pair.dispatcher.isHandlerAsleep).toBe(true);
    expect(pair.dispatcher.flush()).toBe(false);
    pair.give(named("two"));
    expect(pair.dispatcher.flush()).toBe(true);
    expect(pair.dispatcher.isHandlerAsleep).toBe(false);
    pair.give(named("three"));
    expect(pair.dispatcher.flush()).toBe(false);
  });
});

describe("taking back", () => {
  test("gives all that was not started, oldest first, with records that can be given again", () => {
    const pair = new LinkPair();
    const tasks = ["/a", "/b", "/c"].map(named);
    for (const task of tasks) pair.give(task, request(task.name, `body of ${task.name}`));
    pair.dispatcher.flush();
    pair.handler.tasks.next();
    expect(pair.handler.start(pair.handler.tasks.a)).toBe(true);
    const taken: [{ name: string }, Buffer][] = [];
    expect(pair.dispatcher.takeBack((task, record) => taken.push([task, record]))).toBe(2);
    expect(taken.map(([task]) => task)).toEqual(tasks.slice(1));
    expect(taken.map(([, record]) => pathIn(record))).toEqual(["/b", "/c"]);
    const other = new LinkPair();
    for (const [task, record] of taken) other.dispatcher.giveRecord(task, record);
    other.dispatcher.flush();
    const messages = other.readTasks();
    expect(messages.map((message) => pathIn(message.bytes))).toEqual(["/b", "/c"]);
    expect(messages[0].bytes.toString("latin1", viewOf(messages[0].bytes).bodyStart)).toBe("body of /b");
    expect(other.dispatcher.taskOf(messages[1].entry, messages[1].serial)).toBe(tasks[2]);
  });

  test("the handler loses what was taken back, and the entries are free after it has met the records", () => {
    const pair = new LinkPair();
    const given = Array.from({ length: 256 }, (_, index) => pair.give(named(`${index}`)));
    pair.dispatcher.flush();
    expect(pair.dispatcher.takeBack(() => {})).toBe(256);
    expect(pair.dispatcher.takeBack(() => {})).toBe(0);
    expect(given).not.toContain(pair.give(named("early")));
    pair.dispatcher.flush();
    const messages = pair.readTasks();
    expect(messages.map((message) => pair.handler.start(message.entry))).toEqual([
      ...given.map(() => false),
      true,
    ]);
    expect(pair.dispatcher.queued).toBe(0);
    expect(given).toContain(pair.give(named("again")));
    expect(pair.dispatcher.queued).toBe(1);
    expect(pair.dispatcher.takeBack((task) => expect(task.name).toBe("again"))).toBe(1);
  });

  test("tasks given after a taking back are taken back too, and only they", () => {
    const pair = new LinkPair();
    const names: string[] = [];
    for (let round = 0; round < 50; round++) {
      pair.give(named(`${round} a`));
      pair.give(named(`${round} b`));
      pair.dispatcher.flush();
      if (round % 2 === 0) {
        pair.handler.tasks.next();
        const entry = pair.handler.tasks.a;
        if (pair.handler.start(entry)) pair.dispatcher.finish(entry);
        pair.handler.release();
      }
      if (round % 5 === 4) pair.dispatcher.takeBack((task) => names.push(task.name));
      for (const message of pair.readTasks()) {
        if (pair.handler.start(message.entry)) pair.dispatcher.finish(message.entry);
      }
    }
    const expected = Array.from({ length: 10 }, (_, index) => index * 5 + 4).flatMap((round) =>
      round % 2 === 0 ? [`${round} b`] : [`${round} a`, `${round} b`],
    );
    expect(names).toEqual(expected);
    expect(pair.dispatcher.queued).toBe(0);
  });

  test("one task: only until it is started", () => {
    const pair = new LinkPair();
    const [first, second] = [pair.give(named("one")), pair.give(named("two"))];
    const serial = pair.dispatcher.serials[second];
    pair.dispatcher.flush();
    pair.handler.tasks.next();
    pair.handler.start(first);
    expect(pair.dispatcher.tryTakeBack(first)).toBe(false);
    expect(pair.dispatcher.tryTakeBack(second)).toBe(true);
    expect(pair.dispatcher.taskOf(second, serial)).toBeNull();
    expect(pair.dispatcher.takeBack(() => {})).toBe(0);
    pair.handler.tasks.next();
    expect(pair.handler.start(second)).toBe(false);
  });
});

describe("messages about a task", () => {
  test("body, its end, abort, half-close, credit and failure arrive in order under its entry and serial", () => {
    const pair = new LinkPair();
    const { entry, serial } = pair.start(named("one"));
    const { dispatcher } = pair;
    const source = pattern(3000);
    expect(dispatcher.sendBody(entry, source, 1000, 2500, false)).toBe(true);
    expect(dispatcher.sendBody(entry, source, 0, 0, true)).toBe(true);
    expect(dispatcher.abort(entry, true)).toBe(true);
    expect(dispatcher.abort(entry, false)).toBe(true);
    expect(dispatcher.credit(entry, 123456)).toBe(true);
    expect(dispatcher.failBody(entry, 413)).toBe(true);
    dispatcher.flush();
    const messages = pair.readTasks();
    expect(messages.map(({ kind, flags }) => [kind, flags])).toEqual([
      [BODY, 0],
      [BODY, LAST],
      [ABORT, 0],
      [ABORT, 0],
      [CREDIT, 0],
      [BODY_FAILED, 0],
    ]);
    expect(new Set(messages.map((message) => `${message.entry} ${message.serial}`))).toEqual(
      new Set([`${entry} ${serial}`]),
    );
    expect(messages[0].bytes.equals(source.subarray(1000, 2500))).toBe(true);
    expect(messages[1].bytes.length).toBe(0);
    expect(messages.slice(2).map(({ bytes }) => bytes.readInt32LE())).toEqual([1, 0, 123456, 413]);
  });

  test("find no room in a full ring, and the dispatcher is woken when there is some", () => {
    const pair = new LinkPair();
    const { entry } = pair.start(named("one"));
    const { dispatcher } = pair;
    const piece = pattern(16_384);
    while (dispatcher.sendBody(entry, piece, 0, piece.length, false));
    while (dispatcher.credit(entry, 1));
    expect([dispatcher.abort(entry, false), dispatcher.failBody(entry, 0)]).toEqual([false, false]);
    dispatcher.flush();
    pair.control.dispatcherParker(0).announce();
    expect(pair.readTasks().length).toBeGreaterThan(10);
    expect(pair.dispatcherWakes).toBe(1);
    expect(dispatcher.abort(entry, false)).toBe(true);
    pair.readTasks();
    expect(pair.dispatcherWakes).toBe(1);
  });

  test("asking for room has the handler wake the dispatcher once, when it has met its messages", () => {
    const pair = new LinkPair();
    pair.control.dispatcherParker(0).announce();
    pair.dispatcher.askForRoom();
    expect(pair.dispatcherWakes).toBe(0);
    pair.start(named("one"));
    expect(pair.dispatcherWakes).toBe(1);
    pair.control.dispatcherParker(0).announce();
    pair.start(named("two"));
    expect(pair.dispatcherWakes).toBe(1);
  });
});

describe("a handler that does not get on", () => {
  test("is stalled since the first look that found the same tasks queued", () => {
    const pair = new LinkPair();
    const { dispatcher } = pair;
    expect([dispatcher.stalledMs(10), dispatcher.stalledMs(20)]).toEqual([0, 0]);
    const [first] = [pair.give(named("one")), pair.give(named("two"))];
    dispatcher.flush();
    expect([dispatcher.stalledMs(100), dispatcher.stalledMs(103.5)]).toEqual([0, 3.5]);
    pair.handler.tasks.next();
    pair.handler.start(first);
    expect([dispatcher.stalledMs(110), dispatcher.stalledMs(111)]).toEqual([0, 1]);
    pair.handler.tasks.next();
    pair.handler.start(pair.handler.tasks.a);
    expect([dispatcher.stalledMs(200), dispatcher.stalledMs(300)]).toEqual([0, 0]);
  });

  test("is stuck after its tasks were taken back, until it meets their records", () => {
    const pair = new LinkPair();
    pair.give(named("one"));
    pair.dispatcher.flush();
    expect(pair.dispatcher.isStuck).toBe(false);
    pair.dispatcher.takeBack(() => {});
    expect(pair.dispatcher.isStuck).toBe(true);
    for (const { entry } of pair.readTasks()) pair.handler.start(entry);
    expect(pair.dispatcher.isStuck).toBe(false);
  });

  test("is full when a record found no room, until there is some", () => {
    const pair = new LinkPair();
    expect(pair.dispatcher.isFull).toBe(false);
    fillRing(pair);
    expect(pair.dispatcher.isFull).toBe(true);
    pair.dispatcher.flush();
    expect(pair.dispatcher.isFull).toBe(true);
    pair.readTasks();
    expect(pair.dispatcher.isFull).toBe(false);
  });
});
