import { expect, test } from "bun:test";
import { DispatcherTaskTable, TaskState, taskTableBytes } from "../../src/shm/task-table.ts";
import type { StarterData } from "./task-starter.ts";
import { runWorker } from "./worker-run.ts";

const ROUNDS = Number(process.env.TASK_ROUNDS ?? 3000);
const ENTRIES = 256;

test("a task that one thread starts while another takes it back has exactly one owner", async () => {
  const data: StarterData = {
    memory: new SharedArrayBuffer(taskTableBytes(ENTRIES)),
    entryCount: ENTRIES,
    rounds: ROUNDS,
    marks: new SharedArrayBuffer(ENTRIES * 4),
    status: new SharedArrayBuffer(8),
  };
  const table = new DispatcherTaskTable(data.memory, 0, ENTRIES);
  const marks = new Int32Array(data.marks);
  const status = new Int32Array(data.status);
  const taken = new Uint8Array(ENTRIES);
  let startedCount = 0;
  let takenCount = 0;
  const { worker, ended } = runWorker("task-starter.ts", data);
  try {
    for (let round = 1; round <= ROUNDS; round++) {
      for (let entry = 0; entry < ENTRIES; entry++) expect(table.allocate()).not.toBe(-1);
      marks.fill(0);
      Atomics.store(status, 0, round);
      // Both walk the table upwards, so that they meet; the start is shifted from round to round.
      const first = (round * 5) % 64;
      for (let entry = 0; entry < ENTRIES; entry++) {
        taken[entry] = entry >= first && table.tryTakeBack(entry) ? 1 : 0;
      }
      while (Atomics.load(status, 1) < round) Atomics.wait(status, 1, round - 1, 1000);
      for (let entry = 0; entry < ENTRIES; entry++) {
        if (marks[entry]! + taken[entry]! !== 1) {
          throw new Error(
            `round ${round}, entry ${entry}: ${marks[entry]} started, ${taken[entry]} taken back`,
          );
        }
        if (table.stateOf(entry) !== TaskState.STARTED) takenCount++;
        else {
          startedCount++;
          table.free(entry);
        }
      }
    }
    expect(startedCount + takenCount).toBe(ROUNDS * ENTRIES);
    // Both won now and then, or there was no race.
    expect(startedCount).toBeGreaterThan(ROUNDS);
    expect(takenCount).toBeGreaterThan(ROUNDS);
  } finally {
    await worker.terminate();
    await ended;
  }
}, 30_000);
