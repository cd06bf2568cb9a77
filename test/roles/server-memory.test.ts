import { heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
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
import { eventually } from "../support/process-info.ts";

/** Bytes of addresses that this process has mapped. */
function addressSpace(): number {
  return Number(/VmSize:\s+(\d+)/.exec(readFileSync("/proc/self/status", "latin1"))![1]) * 1024;
}

/** Writes its number into the first and the last byte of each pair, and gives what is there after all were written. */
function numbersOf(memory: ServerMemory, dispatchers: number, slots: number): number[][] {
  const pairs: PairMemory[] = [];
  for (let dispatcher = 0; dispatcher < dispatchers; dispatcher++) {
    for (let slot = 0; slot < slots; slot++) pairs.push(pairOf(memory, dispatcher, slot));
  }
  const ends = pairs.map(({ buffer, byteOffset, blocks }) => {
    expect(buffer.byteLength - byteOffset).toBe(PAIR_BLOCKS_AT);
    const last = blocks!();
    expect(last.length).toBe(PAIR_BYTES - PAIR_BLOCKS_AT);
    return [
      new Uint16Array(buffer, byteOffset),
      new Uint16Array(last.buffer, last.byteOffset + last.length - 2, 1),
    ];
  });
  for (const [index, [first, last]] of ends.entries()) {
    first![0] = index + 1;
    first![PAIR_BLOCKS_AT / 2 - 1] = index + 2;
    last![0] = index + 3;
  }
  return ends.map(([first, last]) => [first![0]!, first![PAIR_BLOCKS_AT / 2 - 1]!, last![0]!]);
}

test("one pair for each dispatcher and handler slot, the main thread's included", () => {
  const memory = allocateServerMemory(3, 4);
  expect([memory.dispatcherCount, memory.handlerCount]).toEqual([3, 5]);
  expect(memory.pairsAt.length).toBe(1);
  expect(memory.pairsAt[0]! % 4096).toBe(0);
  expect(numbersOf(memory, 3, 5)).toEqual(Array.from({ length: 15 }, (_, i) => [i + 1, i + 2, i + 3]));
  expect(pairOf(memory, 2, 4)).toBe(pairOf(memory, 2, 4));
});

test("in main mode there is the main thread's slot alone", () => {
  const memory = allocateServerMemory(2, 0);
  expect(memory.handlerCount).toBe(1);
  expect(numbersOf(memory, 2, 1).length).toBe(2);
});

test("the pairs of many threads lie apart", () => {
  const memory = allocateServerMemory(8, 40);
  expect(memory.pairsAt.length).toBe(4);
  expect(numbersOf(memory, 8, 41)).toEqual(Array.from({ length: 328 }, (_, i) => [i + 1, i + 2, i + 3]));
});

test("the memory of a server counts in no heap, and goes with it", async () => {
  const before = heapStats().extraMemorySize;
  const kept = allocateServerMemory(2, 24);
  expect(heapStats().extraMemorySize - before).toBeLessThan(4 << 20);
  new Uint8Array(pairOf(kept, 1, 3).buffer)[0] = 77;
  const addresses = addressSpace();
  for (let round = 0; round < 10; round++) allocateServerMemory(2, 24);
  expect(addressSpace() - addresses).toBeGreaterThan(9 * 50 * PAIR_BYTES);
  await eventually(
    "bytes of addresses more",
    () => {
      Bun.gc(true);
      return addressSpace() - addresses;
    },
    (more) => more < 2 * 50 * PAIR_BYTES,
  );
  expect(new Uint8Array(pairOf(kept, 1, 3).buffer)[0]).toBe(77);
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
