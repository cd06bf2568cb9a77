import { expect, test } from "bun:test";
import { LAST } from "../../src/channel/messages.ts";
import { SLAB_AT, SLAB_BLOCKS } from "../../src/channel/pair-memory.ts";
import { SlabWriter } from "../../src/shm/slab.ts";
import { LinkPair, parseRequest, pattern, viewOf } from "./link-pair.ts";

const named = (name: string) => ({ name });

test("started tasks are lost, others come back in order with their records, answered ones are neither", () => {
  const pair = new LinkPair();
  const { entry } = pair.start(named("/answered"));
  pair.start(named("/running"));
  for (const name of ["/c", "/a", "/b"]) {
    pair.give(named(name), parseRequest(`GET ${name} HTTP/1.1\r\nHost: a\r\n\r\n`));
  }
  pair.dispatcher.finish(entry);
  pair.dispatcher.flush();
  const lost: string[] = [];
  const back: [string, string][] = [];
  pair.dispatcher.sweep(
    (task) => lost.push(task.name),
    (task, record) => {
      const view = viewOf(record);
      back.push([task.name, record.toString("latin1", view.targetStart, view.targetEnd)]);
    },
  );
  expect(lost).toEqual(["/running"]);
  expect(back).toEqual([
    ["/c", "/c"],
    ["/a", "/a"],
    ["/b", "/b"],
  ]);
});

test("tasks that were not published yet come back too; taken ones do not", () => {
  const pair = new LinkPair();
  pair.give(named("taken"));
  pair.dispatcher.flush();
  pair.dispatcher.takeBack(() => {});
  const single = pair.give(named("taken alone"));
  pair.dispatcher.tryTakeBack(single);
  pair.give(named("unpublished"));
  const back: string[] = [];
  pair.dispatcher.sweep(
    (task) => expect(task).toBeNull(),
    (task) => back.push(task.name),
  );
  expect(back).toEqual(["unpublished"]);
});

test("the pair is as new for the next thread, whatever the dead one left", () => {
  const pair = new LinkPair();
  const { entry, serial } = pair.start(named("dead"));
  for (let index = 0; index < SLAB_BLOCKS + 20; index++) {
    pair.handler.answer(entry, serial, "", pattern(60_000), 0, 60_000, 0);
  }
  for (let index = 0; index < 100; index++) pair.give(named(`${index}`));
  pair.dispatcher.flush();
  // The last results are read before the sweep, as the dispatcher does; a slow client still holds one block.
  const kept = pair.readResults(true);
  for (const { block } of kept.slice(1)) if (block >= 0) pair.dispatcher.slab.free(block);
  let back = 0;
  pair.dispatcher.sweep(
    () => {},
    () => back++,
  );
  expect(back).toBe(100);
  expect([pair.dispatcher.queued, pair.dispatcher.open]).toEqual([0, 0]);
  expect(pair.dispatcher.taskOf(entry, serial)).toBeNull();

  pair.attachHandler();
  expect(pair.readTasks()).toEqual([]);
  const next = pair.start(named("next"));
  expect(next.serial).not.toBe(serial);
  expect(pair.dispatcher.queued).toBe(0);
  pair.handler.answer(next.entry, next.serial, "head", pattern(50_000), 0, 50_000, LAST);
  const [answer] = pair.readResults();
  expect(answer.bytes.equals(Buffer.concat([Buffer.from("head"), pattern(50_000)]))).toBe(true);
  expect(answer.block).not.toBe(kept[0].block);
  pair.dispatcher.finish(next.entry);
  expect(pair.dispatcher.slab.countFree()).toBe(SLAB_BLOCKS - 1);
  pair.dispatcher.slab.free(kept[0].block);
  expect(pair.dispatcher.slab.countFree()).toBe(SLAB_BLOCKS);
  expect(new Set(Array.from({ length: 300 }, () => pair.give(named("x")))).size).toBe(300);
});

test("blocks that the dead thread was filling, or had filled and not announced, are free again", () => {
  const pair = new LinkPair();
  const writer = new SlabWriter(pair.memory, SLAB_AT, SLAB_BLOCKS);
  writer.allocate();
  writer.hand(writer.allocate());
  expect(pair.dispatcher.slab.countFree()).toBe(SLAB_BLOCKS - 2);
  pair.dispatcher.sweep(
    () => {},
    () => {},
  );
  expect(pair.dispatcher.slab.countFree()).toBe(SLAB_BLOCKS);
});
