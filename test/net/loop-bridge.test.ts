import { afterEach, beforeEach, expect, test } from "bun:test";
import { LoopBridge, probeLoopBridge } from "../../src/net/loop-bridge.ts";
import { Poller } from "../../src/net/poller.ts";
import { Waker } from "../../src/net/waker.ts";
import { fdCount } from "../support/process-info.ts";

let poller: Poller;
let waker: Waker;
let wakes = 0;
let bridge: LoopBridge;

beforeEach(() => {
  poller = new Poller();
  waker = Waker.create();
  poller.registerReadable(waker.fd, 0, 0);
  poller.wait(0);
  wakes = 0;
  bridge = new LoopBridge(poller, () => wakes++);
});
afterEach(() => {
  poller.close();
  waker.close();
});

async function woken(count: number): Promise<void> {
  const deadline = Date.now() + 2000;
  while (wakes < count && Date.now() < deadline) await Bun.sleep(1);
  expect(wakes).toBe(count);
}

test("events that come later wake the event loop, once for each arm", async () => {
  bridge.arm();
  bridge.arm();
  await Bun.sleep(30);
  expect([wakes, bridge.isArmed]).toEqual([0, true]);
  waker.wake();
  await woken(1);
  expect(bridge.isArmed).toBe(false);
  waker.wake();
  await Bun.sleep(30);
  expect(wakes).toBe(1);
});

test("events that are there already wake it at once", async () => {
  waker.wake();
  bridge.arm();
  await woken(1);
  // The event is still the poller's to take.
  expect(poller.wait(0)).toBe(1);
});

test("nothing is left open by many rounds", async () => {
  const before = fdCount();
  for (let round = 1; round <= 500; round++) {
    bridge.arm();
    waker.wake();
    await woken(round);
    poller.wait(0);
  }
  expect(fdCount()).toBe(before);
});

test("this Bun can do it, also in a Worker", async () => {
  const before = fdCount();
  expect(await probeLoopBridge()).toBe(true);
  expect(fdCount()).toBe(before);
  const worker = new Worker(new URL("./loop-bridge-worker.ts", import.meta.url).href);
  const answer = await new Promise((resolve, reject) => {
    worker.onmessage = (event) => resolve(event.data);
    worker.onerror = (event) => reject(new Error(event.message));
  });
  worker.terminate();
  expect(answer).toBe(true);
});
