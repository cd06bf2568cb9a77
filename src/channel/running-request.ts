/**
 * Which request a handler thread is running, read from outside while it hangs: by the dispatcher that gave it, or by main.
 *
 * While a handler has not returned, the record of its request still lies in the task ring. Nobody tells which one it is: it is the
 * last one there that was started. Costs the handler nothing; to be asked about a thread that has not moved for a while.
 */
import { METHODS } from "../http/method.ts";
import { RingProducer } from "../shm/ring.ts";
import { TaskState } from "../shm/task-table.ts";
import { TASK } from "./messages.ts";
import { type PairMemory, RING_BYTES, TASK_ENTRIES, TASK_RING_AT, TASK_TABLE_AT } from "./pair-memory.ts";
import { TaskView } from "./task-record.ts";

/** What is said of a request. */
export interface RunningRequest {
  readonly method: string;
  /** Without its query, which may hold secrets; cut after 200 bytes. */
  readonly path: string;
}

const LONGEST_PATH = 200;

/** Finds the request that the handler of a pair runs; null when it runs none of this dispatcher. */
export function runningRequest({ buffer: memory, byteOffset: start }: PairMemory): RunningRequest | null {
  const ring = new RingProducer(memory, start + TASK_RING_AT, RING_BYTES);
  const states = new Int32Array(memory, start + TASK_TABLE_AT, TASK_ENTRIES);
  let at = -1;
  ring.forEachUnreleased((type, entry, _serial, payloadAt) => {
    const isStarted = type === TASK && Atomics.load(states, entry & (TASK_ENTRIES - 1)) === TaskState.STARTED;
    if (isStarted) at = payloadAt;
  });
  if (at < 0) return null;
  const view = new TaskView(ring);
  view.moveTo(ring, at);
  return requestOf(view);
}

/** What is said of the request of a record. */
export function requestOf(view: TaskView): RunningRequest {
  const { targetStart } = view;
  const targetEnd = Math.min(view.targetEnd, targetStart + LONGEST_PATH);
  const target = view.bytes.toString("latin1", targetStart, targetEnd);
  const query = target.indexOf("?");
  return { method: METHODS[view.method] ?? "", path: query < 0 ? target : target.slice(0, query) };
}
