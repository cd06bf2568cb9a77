/**
 * Worker of task-table.test.ts: a handler thread that tries to start every entry of the table in each round, as fast as
 * the dispatcher takes them back. It notes in `marks` which entries it won.
 */
import { workerData } from "node:worker_threads";
import { HandlerTaskTable } from "../../src/shm/task-table.ts";

/** What the test gives the Worker. */
export interface StarterData {
  readonly memory: SharedArrayBuffer;
  readonly entryCount: number;
  readonly rounds: number;
  /** One word for each entry: starts won in this round. */
  readonly marks: SharedArrayBuffer;
  /** Word 0: round that the dispatcher has begun. Word 1: round that the handler has finished. */
  readonly status: SharedArrayBuffer;
}

const data = workerData as StarterData;
const table = new HandlerTaskTable(data.memory, 0, data.entryCount);
const marks = new Int32Array(data.marks);
const status = new Int32Array(data.status);

for (let round = 1; round <= data.rounds; round++) {
  while (Atomics.load(status, 0) < round) {
    // Spinning: both sides must set out at the same moment.
  }
  for (let entry = 0; entry < data.entryCount; entry++) {
    if (table.tryStart(entry)) marks[entry]! += 1;
    else table.skip(entry);
  }
  Atomics.store(status, 1, round);
  Atomics.notify(status, 1);
}
