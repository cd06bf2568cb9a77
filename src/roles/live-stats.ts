/**
 * What the live page polls: `server.stats()`, answers by status and the histograms, as JSON.
 *
 * Any thread may make it: it reads shared memory and disturbs nobody.
 */
import {
  BUCKET_BOUNDS_MS,
  DISPATCHER_RUN,
  DISPATCHER_WAIT,
  HANDLER_RUN,
  HANDLER_WAIT,
  readHistogram,
  STATUS_AT,
  STATUSES,
} from "../shm/buckets.ts";
import type { ControlBlock } from "../shm/control-block.ts";
import { PoolCounter, sum } from "../shm/counters.ts";
import { dispatcherCounters, handlerCounters, poolCounters, type ServerMemory } from "./server-memory.ts";
import { readStats } from "./stats.ts";

/** Makes the text. */
export function liveStats(memory: ServerMemory, control: ControlBlock): string {
  const dispatchers = Array.from({ length: memory.dispatcherCount }, (_, i) => dispatcherCounters(memory, i));
  const handlers = Array.from({ length: memory.handlerCount }, (_, slot) => handlerCounters(memory, slot));
  const statuses: Record<string, number> = {};
  for (let status = 0; status < STATUSES; status++) {
    const count = sum(dispatchers, STATUS_AT + status);
    if (count > 0) statuses[status] = count;
  }
  return JSON.stringify({
    time: Date.now(),
    startedAtMs: poolCounters(memory)[PoolCounter.startedAtMs],
    boundsMs: BUCKET_BOUNDS_MS,
    wait: [readHistogram(dispatchers, DISPATCHER_WAIT), readHistogram(handlers, HANDLER_WAIT)],
    run: [readHistogram(dispatchers, DISPATCHER_RUN), readHistogram(handlers, HANDLER_RUN)],
    statuses,
    stats: readStats(memory, control),
  });
}
