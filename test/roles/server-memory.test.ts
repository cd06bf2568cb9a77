import { ptr } from "bun:ffi";
import { heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { DispatcherLink } from "../../src/channel/dispatcher-link.ts";
import { PAIR_BYTES, type PairMemory } from "../../src/channel/pair-memory.ts";
import {
  acceptorCounters,
  allocateServerMemory,
  controlOf,
  dispatcherCounters,
  handlerCounters,
  incomingOf,
  pairOf,
  poolCounters,
  type ServerMemory,
} from "../../src/roles/server-memory.ts";
import { Parker } from "../../src/shm/parker.ts";

function addressOf({ buffer, byteOffset }: PairMemory): number {
  return ptr(new Uint8Array(buffer as unknown as ArrayBuffer, byteOffset)) as unknown as number;
}

test("one pair for each dispatcher and handler slot, the main thread's included", () => {
  const memory = allocateServerMemory(3, 4);
  expect([memory.dispatcherCount, memory.handlerCount]).toEqual([3, 5]);
  const pairs: PairMemory[] = [];
  for (let dispatcher = 0; dispatcher < 3; dispatcher++) {
    for (let slot = 0; slot < 5; slot++) pairs.push(pairOf(memory, dispatcher, slot));
  }
  expect(pairs.map(addressOf)).toEqual(pairs.map((_, index) => memory.pairsAt + index * PAIR_BYTES));
  expect(pairs.every((pair) => addressOf(pair) % 128 === 0)).toBe(true);
  expect(pairOf(memory, 2, 4)).toBe(pairs.at(-1)!);
});

test("in main mode there is the main thread's slot alone", () => {
  const memory = allocateServerMemory(2, 0);
  expect(memory.handlerCount).toBe(1);
  for (const dispatcher of [0, 1])
    expect(pairOf(memory, dispatcher, 0).byteOffset).toBe(dispatcher * PAIR_BYTES);
  expect(pairOf(memory, 0, 0).buffer.byteLength).toBe(2 * PAIR_BYTES);
});

test("the pairs of many threads are zeroes, and none is touched", () => {
  const before = process.memoryUsage.rss();
  const memory = allocateServerMemory(16, 64);
  const last = pairOf(memory, 15, 64);
  expect(addressOf(last)).toBe(memory.pairsAt + (16 * 65 - 1) * PAIR_BYTES);
  expect(new Int32Array(last.buffer, last.byteOffset, 64).every((word) => word === 0)).toBe(true);
  expect(process.memoryUsage.rss() - before).toBeLessThan(32 << 20);
});

test("the heap of the thread that allocates it does not count the pairs", () => {
  Bun.gc(true);
  const before = heapStats().extraMemorySize;
  const memory = allocateServerMemory(1, 24);
  expect(heapStats().extraMemorySize - before).toBeLessThan(PAIR_BYTES);
  expect(memory.pairsAt).toBeGreaterThan(0);
});

test("views keep the memory of the thread that allocated it", () => {
  const links = Array.from({ length: 20 }, () => {
    const pair = pairOf(allocateServerMemory(1, 1), 0, 1);
    return new DispatcherLink(1, pair, new Parker(new SharedArrayBuffer(256), 0));
  });
  Bun.gc(true);
  for (const link of links) link.slab.bytes.fill(7);
  for (const link of links) expect(link.slab.bytes[0]).toBe(7);
});

test("the counters of all threads lie apart", () => {
  const memory = allocateServerMemory(3, 2);
  const blocks = [
    acceptorCounters(memory),
    poolCounters(memory),
    ...[0, 1, 2].map((index) => dispatcherCounters(memory, index)),
    ...[0, 1, 2].map((slot) => handlerCounters(memory, slot)),
  ];
  for (const [index, block] of blocks.entries()) block.fill(index + 1);
  for (const [index, block] of blocks.entries())
    expect(block.every((value) => value === index + 1)).toBe(true);
  const spans = blocks.map(({ byteOffset, byteLength }) => [byteOffset, byteOffset + byteLength]);
  spans.sort((a, b) => a[0] - b[0]);
  for (let index = 1; index < spans.length; index++) {
    expect(spans[index][0]).toBeGreaterThanOrEqual(spans[index - 1][1]);
    expect(spans[index][0] % 128).toBe(0);
  }
});

/** Posts the memory to a thread that writes into it; gives the bytes that the engine counts as that thread's own then. */
async function postToWriter(memory: ServerMemory): Promise<number> {
  const worker = new Worker(new URL("./server-memory-worker.ts", import.meta.url).href);
  const { promise, resolve } = Promise.withResolvers<number>();
  worker.addEventListener("message", ({ data }) => resolve(data));
  worker.postMessage(memory);
  const counted = await promise;
  worker.terminate();
  return counted;
}

test("what other threads view of it hardly counts in their heaps, which would have them keep as much garbage", async () => {
  const memory = allocateServerMemory(2, 24);
  const whole = 50 * PAIR_BYTES;
  expect(whole).toBeGreaterThan(400 << 20);
  // That thread views one pair of the 50, and the blocks of its slab.
  expect(await postToWriter(memory)).toBeLessThan(2 * PAIR_BYTES);
});

test("views are of the same memory, here and on another thread", async () => {
  const memory = allocateServerMemory(2, 1);
  await postToWriter(memory);
  expect(controlOf(memory).load(1)).toEqual({ clients: 11, inFlight: 0, backlog: 0 });
  expect(handlerCounters(memory, 1)[0]).toBe(22);
  const peer = new Int32Array(5);
  expect([incomingOf(memory).take(peer, 0), Array.from(peer)]).toEqual([33, [1, 2, 3, 4, 5]]);
  const { buffer, byteOffset, blocks } = pairOf(memory, 1, 1);
  expect([new Uint8Array(buffer, byteOffset)[0], blocks!()[5]]).toEqual([44, 55]);
});
