/**
 * Reads the counters of a server's threads. Any thread may; nobody is disturbed.
 */
import { monotonicMs } from "../../ffi/clock.ts";
import { SLAB_BLOCKS, slabReaderOf } from "../channel/pair-memory.ts";
import {
  type ControlBlock,
  HANDLER_READY,
  HANDLER_RETIRING,
  HANDLER_STARTING,
} from "../shm/control-block.ts";
import { AcceptorCounter, DispatcherCounter, HandlerCounter, PoolCounter } from "../shm/counters.ts";
import { requestOnThread } from "./blocked-report.ts";
import { inlineRunOf } from "./inline-record.ts";
import {
  acceptedCount,
  acceptorCounters,
  dispatcherCounters,
  handlerCounters,
  pairOf,
  poolCounters,
  type ServerMemory,
} from "./server-memory.ts";

/** A run is told of when it has taken so long, in ms. */
const LONG_RUN_MS = 1000;

/** What a thread has run for LONG_RUN_MS or longer without a pause; null when it has not. */
interface LongRun {
  readonly method: string;
  readonly path: string;
  readonly ms: number;
}

interface DispatcherReading {
  requests: number;
  responses: number;
  requestsInline: number;
  promotions: number;
  demotions: number;
  backlog: number;
  inFlight: number;
  connections: number;
  bytesReceived: number;
  bytesSent: number;
  parseErrors: number;
  takenBack: number;
  refused: number;
  handlerTimeouts: number;
  timeouts: number;
  running: LongRun | null;
}

interface HandlerReading {
  slot: number;
  state: "starting" | "running" | "stopping";
  requests: number;
  inFlight: number;
  busyMs: number;
  running: LongRun | null;
}

/** Takes a reading; its shape is `ServerStats` of `serve/types.ts`. */
export function readStats(memory: ServerMemory, control: ControlBlock): object {
  const pool = poolCounters(memory);
  const dispatchers: DispatcherReading[] = [];
  for (let index = 0; index < memory.dispatcherCount; index++) {
    dispatchers.push(readDispatcher(memory, control, index));
  }
  const handlers: HandlerReading[] = [];
  let alive = 0;
  let starting = 0;
  for (let slot = 0; slot < memory.handlerCount; slot++) {
    const state = control.handlerState(slot);
    if (state !== HANDLER_STARTING && state !== HANDLER_READY && state !== HANDLER_RETIRING) continue;
    if (state === HANDLER_STARTING) starting++;
    else if (state === HANDLER_READY) alive++;
    handlers.push(readHandler(memory, control, slot, state));
  }
  const sum = (name: Exclude<keyof DispatcherReading, "running">): number =>
    dispatchers.reduce((total, reading) => total + reading[name], 0);
  return {
    accepted: acceptedCount(memory)(),
    connectionsRefused: acceptorCounters(memory)[AcceptorCounter.refused],
    requests: sum("requests"),
    responses: sum("responses"),
    requestsInline: sum("requestsInline"),
    promotions: sum("promotions"),
    demotions: sum("demotions"),
    backlog: sum("backlog"),
    inFlight: sum("inFlight"),
    connections: sum("connections"),
    bytesReceived: sum("bytesReceived"),
    bytesSent: sum("bytesSent"),
    parseErrors: sum("parseErrors"),
    takenBack: sum("takenBack"),
    refused: sum("refused"),
    handlerTimeouts: sum("handlerTimeouts"),
    timeouts: sum("timeouts"),
    blocks: blocksInUse(memory),
    threads: {
      spawned: pool[PoolCounter.spawned],
      retired: pool[PoolCounter.retired],
      killed: pool[PoolCounter.killed],
      alive,
      starting,
    },
    dispatchers,
    handlers,
  };
}

/** Blocks of all slabs that are not free: answers on their way, or the rest of a thread that has died, until it is swept. */
function blocksInUse(memory: ServerMemory): number {
  let count = 0;
  for (let index = 0; index < memory.dispatcherCount; index++) {
    for (let slot = 0; slot < memory.handlerCount; slot++) {
      count += SLAB_BLOCKS - slabReaderOf(pairOf(memory, index, slot)).countFree();
    }
  }
  return count;
}

function readDispatcher(memory: ServerMemory, control: ControlBlock, index: number): DispatcherReading {
  const counters = dispatcherCounters(memory, index);
  const load = control.load(index);
  return {
    requests: counters[DispatcherCounter.requests],
    responses: counters[DispatcherCounter.responses],
    requestsInline: counters[DispatcherCounter.requestsInline],
    promotions: counters[DispatcherCounter.promotions],
    demotions: counters[DispatcherCounter.demotions],
    backlog: load.backlog,
    inFlight: load.inFlight,
    connections: load.clients,
    bytesReceived: counters[DispatcherCounter.bytesReceived],
    bytesSent: counters[DispatcherCounter.bytesSent],
    parseErrors: counters[DispatcherCounter.parseErrors],
    takenBack: counters[DispatcherCounter.tasksTakenBack],
    refused: counters[DispatcherCounter.tasksRefused],
    handlerTimeouts: counters[DispatcherCounter.handlerTimeouts],
    timeouts: counters[DispatcherCounter.timeouts],
    running: longInlineRun(memory, control, index),
  };
}

function readHandler(
  memory: ServerMemory,
  control: ControlBlock,
  slot: number,
  state: number,
): HandlerReading {
  const counters = handlerCounters(memory, slot);
  return {
    slot,
    state: state === HANDLER_STARTING ? "starting" : state === HANDLER_READY ? "running" : "stopping",
    requests: counters[HandlerCounter.tasksStarted],
    inFlight: control.openRequests(slot) + (control.isRunning(slot) ? 1 : 0),
    busyMs: counters[HandlerCounter.busyMs],
    running: longRun(memory, control, slot),
  };
}

/** What a thread has run for so long that it may be said to hang. */
function longRun(memory: ServerMemory, control: ControlBlock, slot: number): LongRun | null {
  const ms = control.runningMs(slot, monotonicMs());
  if (ms < LONG_RUN_MS) return null;
  const request = requestOnThread(memory, control, slot);
  return request === null ? null : { ...request, ms };
}

/** The same of a dispatcher, which may run handlers itself. */
function longInlineRun(memory: ServerMemory, control: ControlBlock, index: number): LongRun | null {
  const nowMs = monotonicMs();
  const sinceMs = control.inlineSinceMs(index);
  if (sinceMs === 0 || nowMs - sinceMs < LONG_RUN_MS) return null;
  return inlineRunOf(memory, control, index, nowMs);
}
