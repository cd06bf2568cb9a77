import { expect, test } from "bun:test";
import { PAIR_BYTES } from "../../src/channel/pair-memory.ts";
import {
  acceptorCounters,
  allocateServerMemory,
  controlOf,
  dispatcherCounters,
  handlerCounters,
  incomingOf,
  pairOf,
  poolCounters,
} from "../../src/roles/server-memory.ts";

test("one pair for each dispatcher and handler slot, the main thread's included", () => {
  const memory = allocateServerMemory(3, 4);
  expect([memory.dispatcherCount, memory.handlerCount]).toEqual([3, 5]);
  const pairs: Uint8Array[] = [];
  for (let dispatcher = 0; dispatcher < 3; dispatcher++) {
    for (let slot = 0; slot < 5; slot++) pairs.push(pairOf(memory, dispatcher, slot));
  }
  expect(new Set(pairs.map((pair) => pair.byteOffset)).size).toBe(15);
  expect(pairs.every((pair) => pair.byteLength === PAIR_BYTES && pair.byteOffset % 128 === 0)).toBe(true);
});

test("in main mode there is the main thread's slot alone", () => {
  const memory = allocateServerMemory(2, 0);
  expect(memory.handlerCount).toBe(1);
  for (const dispatcher of [0, 1]) expect(pairOf(memory, dispatcher, 0).byteLength).toBe(PAIR_BYTES);
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

test("views are of the same memory, here and on another thread", async () => {
  const memory = allocateServerMemory(2, 1);
  const worker = new Worker(new URL("./server-memory-worker.ts", import.meta.url).href);
  const { promise, resolve } = Promise.withResolvers<void>();
  worker.addEventListener("message", () => resolve());
  worker.postMessage(memory);
  await promise;
  worker.terminate();
  expect(controlOf(memory).load(1)).toEqual({ clients: 11, inFlight: 0, backlog: 0 });
  expect(handlerCounters(memory, 1)[0]).toBe(22);
  const peer = new Int32Array(5);
  expect([incomingOf(memory).take(peer, 0), Array.from(peer)]).toEqual([33, [1, 2, 3, 4, 5]]);
  expect(pairOf(memory, 1, 1)[0]).toBe(44);
});
