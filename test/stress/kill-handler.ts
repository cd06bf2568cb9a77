/**
 * Worker of ring-kill.test.ts: the handler thread that is killed. It never rests and never ends by itself.
 *
 * It takes tasks, checks their payloads, posts a result for each that it could start, and streams records of its own as
 * fast as the ring takes them, so that the kill finds it in the middle of something.
 */
import { workerData } from "node:worker_threads";
import { RingConsumer, RingProducer } from "../../src/shm/ring.ts";
import { SlabReader, SlabWriter } from "../../src/shm/slab.ts";
import { HandlerTaskTable } from "../../src/shm/task-table.ts";
import {
  BLOCK_BYTES,
  BLOCKS,
  BROKEN,
  ENTRIES,
  IN_BLOCK,
  INLINE,
  MAX_INLINE_BYTES,
  PLACES,
  payloadBytesOf,
  RESULT_RING_BYTES,
  RUNNING,
  STREAM_IN_BLOCK,
  STREAM_INLINE,
  TASK_RING_BYTES,
} from "./kill-memory.ts";
import { fillPayload, isPayload, nextRandom } from "./records.ts";

const { memory, seed } = workerData as { memory: SharedArrayBuffer; seed: number };
const { offsets } = PLACES;
const status = new Int32Array(memory, offsets.status, 2);
const tasks = new RingConsumer(memory, offsets.tasks, TASK_RING_BYTES);
const results = new RingProducer(memory, offsets.results, RESULT_RING_BYTES);
const table = new HandlerTaskTable(memory, offsets.table, ENTRIES);
const requests = new SlabReader(memory, offsets.requests, BLOCKS, BLOCK_BYTES);
const answers = new SlabWriter(memory, offsets.answers, BLOCKS, BLOCK_BYTES);
let random = seed;

function dice(sides: number): boolean {
  random = nextRandom(random);
  return (random >>> 8) % sides === 0;
}

/** Puts one record in the ring; waits for room by asking again, which is where a kill may find it too. */
function post(inlineType: number, blockType: number, a: number, number: number): void {
  const payloadBytes = payloadBytesOf(number);
  if (payloadBytes <= MAX_INLINE_BYTES) {
    const offset = claim(payloadBytes);
    fillPayload(results.bytes, offset, payloadBytes, number);
    results.commit(inlineType, a, number, payloadBytes);
    return;
  }
  let block = answers.allocate();
  while (block === -1) {
    results.publish();
    block = answers.allocate();
  }
  fillPayload(answers.bytes, answers.blockOffset(block), payloadBytes, number);
  const offset = claim(8);
  results.words[offset >> 2] = block;
  results.words[(offset >> 2) + 1] = payloadBytes;
  answers.hand(block);
  results.commit(blockType, a, number, 8);
}

function claim(payloadBytes: number): number {
  for (;;) {
    const offset = results.claim(payloadBytes);
    if (offset !== -1) return offset;
    results.publish();
  }
}

function runTask(): void {
  const { type, a: entry, b: number, payloadOffset, payloadBytes, words } = tasks;
  if (type === IN_BLOCK) {
    const block = words[payloadOffset >> 2]!;
    const length = words[(payloadOffset >> 2) + 1]!;
    requests.accept(block);
    if (!isPayload(requests.bytes, requests.blockOffset(block), length, number))
      Atomics.add(status, BROKEN, 1);
    requests.free(block);
  } else if (!isPayload(tasks.bytes, payloadOffset, payloadBytes, number)) Atomics.add(status, BROKEN, 1);
  if (table.tryStart(entry)) post(INLINE, IN_BLOCK, entry, number);
  else table.skip(entry);
}

Atomics.store(status, RUNNING, 1);
Atomics.notify(status, RUNNING);
for (let streamNumber = 0; ; streamNumber++) {
  if (tasks.next()) runTask();
  if (dice(3)) tasks.release();
  post(STREAM_INLINE, STREAM_IN_BLOCK, 0, streamNumber);
  if (dice(8)) results.publish();
}
