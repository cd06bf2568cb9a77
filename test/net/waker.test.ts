import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { read, write } from "../../ffi/calls.ts";
import { ERRNO } from "../../ffi/errno.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import { Poller } from "../../src/net/poller.ts";
import { Waker } from "../../src/net/waker.ts";
import { fdCount } from "../support/process-info.ts";

let poller: Poller;
let waker: Waker;
beforeEach(() => {
  poller = new Poller();
  waker = Waker.create();
  poller.registerReadable(waker.fd, 3, 4);
});
afterEach(() => {
  poller.close();
  waker.close();
});

describe("edges", () => {
  test("a wake before the wait is not lost", () => {
    waker.wake();
    expect(poller.wait(1000)).toBe(1);
    expect([poller.slotOf(0), poller.generationOf(0)]).toEqual([3, 4]);
  });

  test("every wake is a new edge although nobody reads the counter", () => {
    for (let round = 0; round < 100; round++) {
      expect(poller.wait(0)).toBe(0);
      waker.wake();
      expect(poller.wait(1000)).toBe(1);
    }
  });

  test("several wakes before a wait are one event", () => {
    for (let round = 0; round < 5; round++) waker.wake();
    expect(poller.wait(1000)).toBe(1);
    expect(poller.wait(0)).toBe(0);
  });

  test("a saturated counter still wakes", () => {
    const maximum = NativeBuffer.allocate(8);
    maximum.bytes.writeBigUInt64LE(0xffff_ffff_ffff_fffen);
    expect(write(waker.fd, maximum.address, 8)).toBe(8);
    expect(poller.wait(1000)).toBe(1);
    expect(write(waker.fd, maximum.address, 8)).toBe(-ERRNO.EAGAIN);
    while (poller.wait(0) > 0);
    waker.wake();
    expect(poller.wait(1000)).toBe(1);
    const counter = NativeBuffer.allocate(8);
    expect(read(waker.fd, counter.address, 8)).toBe(8);
    expect(counter.bytes.readBigUInt64LE()).toBe(1n);
  });
});

describe("ownership", () => {
  test("only the owner closes, and once", () => {
    const before = fdCount();
    const own = Waker.create();
    const attached = Waker.attach(own.fd);
    attached.close();
    expect(fdCount()).toBe(before + 1);
    attached.wake();
    own.close();
    own.close();
    expect(fdCount()).toBe(before);
  });

  test("waking what is no eventfd is a mistake that is heard", () => {
    expect(() => Waker.attach(1_000_000).wake()).toThrow("EBADF: bad file descriptor, write");
  });
});

test("another thread wakes a blocked poller, under garbage collection", async () => {
  const rounds = 300;
  const url = new URL("./waker-worker.ts", import.meta.url);
  const words = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(url.href, {
    workerData: { fd: waker.fd, words, rounds },
  } as unknown as WorkerOptions);
  let wakes = 0;
  for (let round = 1; round <= rounds; round++) {
    // Tells the worker to wake, then blocks: only the wake ends the wait.
    Atomics.store(words, 0, round);
    Atomics.notify(words, 0);
    wakes += poller.wait(5000);
  }
  expect(wakes).toBe(rounds);
  const closed = new Promise((resolve) => worker.addEventListener("close", resolve));
  worker.terminate();
  await closed;
});
