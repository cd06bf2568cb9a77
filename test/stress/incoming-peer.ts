/**
 * Worker of incoming-queue.test.ts: the producer pushes fds 0 to count - 1, each consumer takes what it can get.
 *
 * A consumer marks each fd it got in `marks` and counts addresses that do not belong to their fd. Neither sleeps for
 * long: where there is nothing to do a thread rests up to a millisecond on a word that nobody notifies.
 */
import { parentPort, workerData } from "node:worker_threads";
import { IncomingQueue, PEER_ADDRESS_WORDS } from "../../src/shm/incoming-queue.ts";

/** What the test gives each thread. `marks` has one word for each fd. */
export interface IncomingData {
  readonly role: "producer" | "consumer";
  readonly memory: SharedArrayBuffer;
  readonly capacity: number;
  readonly count: number;
  readonly marks: SharedArrayBuffer;
  /** Word 0: number of fds pushed, once the producer has ended, else 0. Word 1: never notified. Word 2: consumers that run. */
  readonly status: SharedArrayBuffer;
  readonly consumers: number;
}

/** What each thread reports: how many it pushed or took, and how many came with a wrong address. */
export interface IncomingReport {
  readonly moved: number;
  readonly broken: number;
}

const data = workerData as IncomingData;
const queue = new IncomingQueue(data.memory, 0, data.capacity);
const status = new Int32Array(data.status);
const address = new Int32Array(PEER_ADDRESS_WORDS);

function rest(): void {
  Atomics.wait(status, 1, 0, 0.05);
}

function produce(): IncomingReport {
  let moved = 0;
  // All start together: the clients would be gone before the last consumer's thread has started.
  while (Atomics.load(status, 2) < data.consumers) rest();
  while (moved < data.count) {
    for (let word = 0; word < PEER_ADDRESS_WORDS; word++) address[word] = moved * (word + 3);
    if (queue.push(moved, address, 0)) moved++;
    else rest();
  }
  Atomics.store(status, 0, moved);
  return { moved, broken: 0 };
}

function consume(): IncomingReport {
  const marks = new Int32Array(data.marks);
  let moved = 0;
  let broken = 0;
  Atomics.add(status, 2, 1);
  for (;;) {
    // Looked at first: an empty queue after the producer's end stays empty.
    const hasEnded = Atomics.load(status, 0) !== 0;
    const fd = queue.take(address, 0);
    if (fd === -1) {
      if (hasEnded) return { moved, broken };
      rest();
      continue;
    }
    moved++;
    Atomics.add(marks, fd, 1);
    for (let word = 0; word < PEER_ADDRESS_WORDS; word++) {
      if (address[word] !== fd * (word + 3)) broken++;
    }
  }
}

parentPort!.postMessage(data.role === "producer" ? produce() : consume());
