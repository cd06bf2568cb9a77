/** Wakes the poller of the main thread each time the word in shared memory moves on; makes garbage meanwhile. */
import { workerData } from "node:worker_threads";
import { Waker } from "../../src/net/waker.ts";

const { fd, words, rounds } = workerData as { fd: number; words: Int32Array; rounds: number };
const waker = Waker.attach(fd);
for (let seen = 0; seen < rounds; seen++) {
  Atomics.wait(words, 0, seen);
  if (seen % 50 === 0) Bun.gc(true);
  waker.wake();
}
