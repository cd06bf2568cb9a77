import { afterEach, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { Waker } from "../../src/net/waker.ts";
import { closeIdleClients } from "../../src/roles/close-idle.ts";
import { ControlBlock, DISPATCHER_ENDED, DISPATCHER_RUNNING } from "../../src/shm/control-block.ts";

let worker: Worker | null = null;
const wakers: Waker[] = [];
afterEach(async () => {
  await worker?.terminate();
  worker = null;
  for (const waker of wakers.splice(0)) waker.close();
});

/** Dispatchers on another thread that close so many clients each; -1: does not answer, as one that is stuck. */
async function open(counts: readonly number[]): Promise<ControlBlock> {
  const memory = new SharedArrayBuffer(ControlBlock.bytes(counts.length, 1));
  worker = new Worker(new URL("./close-idle-worker.ts", import.meta.url), { workerData: { memory, counts } });
  await new Promise((resolve, reject) => {
    worker!.once("message", resolve);
    worker!.once("error", reject);
  });
  const control = new ControlBlock(memory, counts.length, 1);
  for (let index = 0; index < counts.length; index++) {
    wakers.push(Waker.create());
    control.setDispatcherState(index, DISPATCHER_RUNNING);
  }
  return control;
}

/** How often an eventfd was written to and not read, as the kernel shows it. */
function wakesOf(waker: Waker): number {
  const line = /^eventfd-count:\s*([0-9a-f]+)/m.exec(readFileSync(`/proc/self/fdinfo/${waker.fd}`, "latin1"));
  return Number.parseInt(line![1], 16);
}

test("asks and wakes every dispatcher, and adds up what they closed", async () => {
  const control = await open([3, 0, 39]);
  expect(closeIdleClients(control, wakers)).toBe(42);
  expect(wakers.map(wakesOf)).toEqual([1, 1, 1]);
  expect([0, 1, 2].map((index) => control.isCloseIdleRequested(index))).toEqual([false, false, false]);
  expect(closeIdleClients(control, wakers)).toBe(42);
});

test("does not wait for a dispatcher that has ended", async () => {
  const control = await open([5, -1]);
  control.setDispatcherState(1, DISPATCHER_ENDED);
  const start = performance.now();
  expect(closeIdleClients(control, wakers)).toBe(5);
  expect(performance.now() - start).toBeLessThan(200);
});

test("does not count one that is stuck, nor wait for it without end", async () => {
  const control = await open([5, -1]);
  expect(closeIdleClients(control, wakers)).toBe(5);
});

test("of a server without dispatchers is none", async () => {
  expect(closeIdleClients(await open([]), [])).toBe(0);
});
