/**
 * Worker of ring-threads.test.ts: sends `count` records to its peer and receives as many, sleeping through parkers.
 *
 * Two of these run against each other over two rings. Each is producer of one and consumer of the other, so the rings
 * are full and empty all the time, and a lost wake-up would stop both for ever (the test's time limit).
 */
import { parentPort, workerData } from "node:worker_threads";
import { Parker } from "../../src/shm/parker.ts";
import { RingConsumer, RingProducer } from "../../src/shm/ring.ts";
import { fillPayload, isPayload, nextRandom } from "./records.ts";

/** What the test gives each peer. */
export interface PeerData {
  readonly memory: SharedArrayBuffer;
  readonly outgoingOffset: number;
  readonly incomingOffset: number;
  readonly capacityBytes: number;
  readonly ownParkerOffset: number;
  readonly peerParkerOffset: number;
  readonly count: number;
  readonly maxPayloadBytes: number;
  readonly seed: number;
}

/** What each peer reports at its end. */
export interface PeerReport {
  readonly received: number;
  readonly broken: number;
  readonly sleeps: number;
  readonly wakeUps: number;
}

const data = workerData as PeerData;
const { memory, capacityBytes, count } = data;
const producer = new RingProducer(memory, data.outgoingOffset, capacityBytes);
const consumer = new RingConsumer(memory, data.incomingOffset, capacityBytes);
const parker = new Parker(memory, data.ownParkerOffset);
const peer = new Parker(memory, data.peerParkerOffset);

let random = data.seed;
let sent = 0;
let received = 0;
let broken = 0;
let sleeps = 0;
let wakeUps = 0;
/** Size of the next record: kept while the ring has no room for it. */
let nextBytes = 0;

function wakePeer(): void {
  if (!peer.needsWake()) return;
  wakeUps++;
  peer.notify();
}

/** Sends a batch of random length; false when nothing could be sent. */
function sendBatch(): boolean {
  const start = sent;
  random = nextRandom(random);
  const batch = 1 + ((random >>> 8) & 15);
  while (sent < count && sent - start < batch) {
    const offset = producer.claim(nextBytes);
    if (offset === -1) break;
    if ((random & 31) === 7) {
      // Now and then a claim is thrown away, scribbled over.
      producer.bytes.fill(0xaa, offset, offset + nextBytes);
      producer.abort();
      random = nextRandom(random);
      continue;
    }
    const payloadBytes = (random & 3) === 0 ? nextBytes >> 1 : nextBytes;
    fillPayload(producer.bytes, offset, payloadBytes, sent);
    producer.commit(payloadBytes ^ 0x5555, sent, ~sent, payloadBytes);
    sent++;
    random = nextRandom(random);
    nextBytes = (random >>> 4) % (data.maxPayloadBytes + 1);
  }
  if (producer.publish()) wakePeer();
  return sent > start;
}

/** Receives a batch of random length; false when nothing was there. */
function receiveBatch(): boolean {
  const start = received;
  random = nextRandom(random);
  const batch = 1 + ((random >>> 8) & 31);
  while (received - start < batch && consumer.next()) {
    const { type, a, b, payloadOffset, payloadBytes } = consumer;
    const intact =
      a === received &&
      b === ~received &&
      type === (payloadBytes ^ 0x5555) &&
      isPayload(consumer.bytes, payloadOffset, payloadBytes, received);
    if (!intact) broken++;
    received++;
  }
  if (received === start) return false;
  consumer.release();
  wakePeer();
  return true;
}

function hasWork(): boolean {
  return !consumer.isEmpty() || (sent < count && producer.freeBytes >= 2 * (nextBytes + 32));
}

// A pending Atomics.waitAsync keeps neither process nor Worker alive (it would end with code 13); a listener does.
parentPort!.on("message", () => {});

while (sent < count || received < count) {
  const hasSent = sendBatch();
  if (receiveBatch() || hasSent) continue;
  parker.announce();
  if (!hasWork()) {
    const sleep = parker.wait();
    if (sleep !== null) {
      sleeps++;
      await sleep;
    }
  }
  parker.cancel();
}
const report: PeerReport = { received, broken, sleeps, wakeUps };
parentPort!.postMessage(report);
