import { expect, test } from "bun:test";
import { EntryQueue } from "../../src/channel/entry-queue.ts";

test("gives what was not forgotten in its order, once, over many laps", () => {
  const queue = new EntryQueue();
  for (let entry = 0; entry < 20_000; entry++) {
    queue.push(entry);
    queue.keep(5);
  }
  expect(queue.takeAll()).toEqual([19_995, 19_996, 19_997, 19_998, 19_999]);
  expect(queue.takeAll()).toEqual([]);
  queue.push(7);
  queue.keep(0);
  queue.push(8);
  queue.keep(3);
  expect(queue.takeAll()).toEqual([8]);
});
