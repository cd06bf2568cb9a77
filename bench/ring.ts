/**
 * What the structures of src/shm cost: `bun run bench/ring.ts`.
 *
 * First single-thread costs of each operation (mitata), then records a second between two threads: this file is its own
 * Worker. Both threads spin there, so the second part says what the memory costs, without wake-ups, and is void on a
 * machine that has no two idle cores.
 */
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { bench, do_not_optimize, run } from "mitata";
import { counterBlock, counterBytes, HANDLER_COUNTERS } from "../src/shm/counters.ts";
import { IncomingQueue, incomingQueueBytes } from "../src/shm/incoming-queue.ts";
import { PARKER_BYTES, Parker } from "../src/shm/parker.ts";
import { RingConsumer, RingProducer, ringBytes } from "../src/shm/ring.ts";
import { SlabReader, SlabWriter, slabBytes } from "../src/shm/slab.ts";
import { DispatcherTaskTable, HandlerTaskTable, taskTableBytes } from "../src/shm/task-table.ts";

const CAPACITY_BYTES = 262_144;
const RECORDS = 5_000_000;

interface ThroughputData {
  readonly memory: SharedArrayBuffer;
  readonly records: number;
}

function defineSingleThread(): void {
  const memory = new SharedArrayBuffer(ringBytes(CAPACITY_BYTES));
  const producer = new RingProducer(memory, 0, CAPACITY_BYTES);
  const consumer = new RingConsumer(memory, 0, CAPACITY_BYTES);
  const payload = Buffer.alloc(1024, 97);
  for (const payloadBytes of [0, 64, 1024]) {
    bench(`ring: one record of ${payloadBytes} B, claim to release, no copy`, () => {
      producer.claim(payloadBytes);
      producer.commit(1, 2, 3, payloadBytes);
      producer.publish();
      consumer.next();
      consumer.release();
    });
  }
  bench("ring: one record of 64 B, payload copied in", () => {
    payload.copy(producer.bytes, producer.claim(64), 0, 64);
    producer.commit(1, 2, 3, 64);
    producer.publish();
    consumer.next();
    consumer.release();
  });
  bench("ring: 16 records of 64 B, one publish, one release", () => {
    for (let index = 0; index < 16; index++) {
      producer.claim(64);
      producer.commit(1, index, 3, 64);
    }
    producer.publish();
    while (consumer.next());
    consumer.release();
  });
  bench("ring: next and isEmpty on an empty ring", () =>
    do_not_optimize(consumer.next() || consumer.isEmpty()),
  );

  const tableMemory = new SharedArrayBuffer(taskTableBytes());
  const dispatcher = new DispatcherTaskTable(tableMemory, 0);
  const handler = new HandlerTaskTable(tableMemory, 0);
  bench("task table: allocate, tryStart, free", () => {
    const entry = dispatcher.allocate();
    handler.tryStart(entry);
    dispatcher.free(entry);
  });

  const slabMemory = new SharedArrayBuffer(slabBytes(32));
  const writer = new SlabWriter(slabMemory, 0, 32);
  const reader = new SlabReader(slabMemory, 0, 32);
  bench("slab: allocate, hand, accept, free", () => {
    const block = writer.allocate();
    writer.hand(block);
    reader.accept(block);
    reader.free(block);
  });

  const queue = new IncomingQueue(new SharedArrayBuffer(incomingQueueBytes()), 0);
  const address = new Int32Array(5);
  bench("incoming queue: push, take", () => {
    queue.push(7, address, 0);
    do_not_optimize(queue.take(address, 0));
  });

  const parker = new Parker(new SharedArrayBuffer(PARKER_BYTES), 0);
  bench("parker: needsWake of a consumer that is awake", () => do_not_optimize(parker.needsWake()));
  bench("parker: announce, cancel", () => {
    parker.announce();
    parker.cancel();
  });

  const counters = counterBlock(new SharedArrayBuffer(counterBytes(HANDLER_COUNTERS)), 0, HANDLER_COUNTERS);
  bench("counters: add one", () => {
    counters[0]! += 1;
  });
}

function produce(memory: SharedArrayBuffer, records: number, payloadBytes: number, batch: number): void {
  const producer = new RingProducer(memory, 0, CAPACITY_BYTES);
  for (let sent = 0; sent < records; ) {
    let inBatch = 0;
    while (inBatch < batch && sent + inBatch < records && producer.claim(payloadBytes) !== -1) {
      producer.commit(1, sent + inBatch, 0, payloadBytes);
      inBatch++;
    }
    producer.publish();
    sent += inBatch;
  }
}

function consume({ memory, records }: ThroughputData): void {
  const consumer = new RingConsumer(memory, 0, CAPACITY_BYTES);
  for (let received = 0; received < records; ) {
    const start = received;
    while (received - start < 16 && consumer.next()) {
      if (consumer.a !== received) throw new Error(`record ${consumer.a} instead of ${received}`);
      received++;
    }
    consumer.release();
  }
}

async function measureTwoThreads(payloadBytes: number, batch: number): Promise<void> {
  const memory = new SharedArrayBuffer(ringBytes(CAPACITY_BYTES));
  const worker = new Worker(new URL(import.meta.url), { workerData: { memory, records: RECORDS } });
  const ended = new Promise((resolve) => worker.once("exit", resolve));
  await new Promise((resolve) => worker.once("online", resolve));
  const start = performance.now();
  produce(memory, RECORDS, payloadBytes, batch);
  await ended;
  const nanoseconds = ((performance.now() - start) * 1e6) / RECORDS;
  const rate = (1000 / nanoseconds).toFixed(1);
  console.log(
    `two threads, ${payloadBytes} B, publish every ${batch}: ${nanoseconds.toFixed(1)} ns a record, ${rate} million/s`,
  );
}

if (isMainThread) {
  defineSingleThread();
  await run();
  for (const batch of [1, 16]) {
    for (const payloadBytes of [64, 1024]) await measureTwoThreads(payloadBytes, batch);
  }
} else {
  consume(workerData as ThroughputData);
}
