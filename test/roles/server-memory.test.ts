import { expect, test } from "bun:test";
import { PAIR_BLOCKS_AT, PAIR_BYTES, type PairMemory } from "../../src/channel/pair-memory.ts";
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

test("one pair for each dispatcher and handler slot, the main thread's included", () => {
  const memory = allocateServerMemory(3, 4);
  expect([memory.dispatcherCount, memory.handlerCount]).toEqual([3, 5]);
  const pairs: PairMemory[] = [];
  for (let dispatcher = 0; dispatcher < 3; dispatcher++) {
    for (let slot = 0; slot < 5; slot++) pairs.push(pairOf(memory, dispatcher, slot));
  }
  expect(new Set(pairs.map((pair) => pair.byteOffset)).size).toBe(15);
  expect(pairs.every(({ byteOffset }) => byteOffset % 128 === 0)).toBe(true);
  const ends = pairs.map(({ buffer, byteOffset }) => byteOffset + PAIR_BYTES <= buffer.byteLength);
  expect(ends).not.toContain(false);
  expect(pairOf(memory, 2, 4)).toBe(pairs.at(-1)!);
});

test("in main mode there is the main thread's slot alone", () => {
  const memory = allocateServerMemory(2, 0);
  expect(memory.handlerCount).toBe(1);
  for (const dispatcher of [0, 1])
    expect(pairOf(memory, dispatcher, 0).byteOffset).toBe(dispatcher * PAIR_BYTES);
  expect(pairOf(memory, 0, 0).buffer.byteLength).toBe(2 * PAIR_BYTES);
});

test("the pairs of many threads lie apart", () => {
  const memory = allocateServerMemory(8, 40);
  const places = new Map<ArrayBufferLike, number[]>();
  for (let dispatcher = 0; dispatcher < 8; dispatcher++) {
    for (let slot = 0; slot <= 40; slot++) {
      const { buffer, byteOffset } = pairOf(memory, dispatcher, slot);
      places.set(buffer, [...(places.get(buffer) ?? []), byteOffset / PAIR_BYTES]);
    }
  }
  const all = [...places.values()];
  expect(all.flat().length).toBe(8 * 41);
  for (const indices of all) expect(indices).toEqual(indices.map((_, index) => index));
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
  const { buffer, byteOffset } = pairOf(memory, 1, 1);
  const bytes = new Uint8Array(buffer, byteOffset, PAIR_BYTES);
  expect([bytes[0], bytes[PAIR_BLOCKS_AT + 5]]).toEqual([44, 55]);
});
