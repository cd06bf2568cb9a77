import { expect, test } from "bun:test";
import {
  acceptorCounters,
  allocateServerMemory,
  controlOf,
  dispatcherCounters,
  handlerCounters,
  poolCounters,
} from "../../src/roles/server-memory.ts";
import { readStats } from "../../src/roles/stats.ts";
import {
  HANDLER_EMPTY,
  HANDLER_READY,
  HANDLER_RETIRING,
  HANDLER_STARTING,
} from "../../src/shm/control-block.ts";
import { AcceptorCounter, DispatcherCounter, HandlerCounter } from "../../src/shm/counters.ts";

test("a new server has counted nothing and has no threads", () => {
  const memory = allocateServerMemory(2, 3);
  const stats = readStats(memory, controlOf(memory)) as Record<string, unknown>;
  const { threads, dispatchers, handlers, ...totals } = stats;
  expect(Object.values(totals)).toEqual(Object.values(totals).map(() => 0));
  expect(threads).toEqual({ spawned: 0, retired: 0, killed: 0, alive: 0, starting: 0 });
  expect([(dispatchers as object[]).length, handlers]).toEqual([2, []]);
});

test("counts of all dispatchers are added up, levels are those published last", () => {
  const memory = allocateServerMemory(2, 1);
  const control = controlOf(memory);
  acceptorCounters(memory)[AcceptorCounter.accepted] = 9;
  acceptorCounters(memory)[AcceptorCounter.refused] = 8;
  for (const index of [0, 1]) {
    const counters = dispatcherCounters(memory, index);
    counters[DispatcherCounter.requests] = 10 + index;
    counters[DispatcherCounter.responses] = 20 + index;
    counters[DispatcherCounter.requestsInline] = 25 + index;
    counters[DispatcherCounter.promotions] = 26 + index;
    counters[DispatcherCounter.demotions] = 27 + index;
    counters[DispatcherCounter.bytesReceived] = 30 + index;
    counters[DispatcherCounter.bytesSent] = 40 + index;
    counters[DispatcherCounter.parseErrors] = 50 + index;
    counters[DispatcherCounter.tasksTakenBack] = 60 + index;
    counters[DispatcherCounter.tasksRefused] = 70 + index;
    counters[DispatcherCounter.timeouts] = 80 + index;
    control.setClients(index, 90 + index);
    control.setInFlight(index, 100 + index);
    control.setBacklog(index, 110 + index);
  }
  poolCounters(memory).set([5, 4, 1]);
  const stats = readStats(memory, control);
  expect(stats).toMatchObject({
    accepted: 9,
    connectionsRefused: 8,
    requests: 21,
    responses: 41,
    requestsInline: 51,
    promotions: 53,
    demotions: 55,
    bytesReceived: 61,
    bytesSent: 81,
    parseErrors: 101,
    takenBack: 121,
    refused: 141,
    timeouts: 161,
    connections: 181,
    inFlight: 201,
    backlog: 221,
    threads: { spawned: 5, retired: 4, killed: 1 },
  });
  expect((stats as { dispatchers: object[] }).dispatchers[1]).toMatchObject({
    requests: 11,
    promotions: 27,
    demotions: 28,
    connections: 91,
  });
});

test("threads that are starting, running and stopping are listed, dead and empty slots are not", () => {
  const memory = allocateServerMemory(1, 5);
  const control = controlOf(memory);
  const move = (slot: number, ...states: number[]): void => {
    for (let step = 1; step < states.length; step++)
      control.moveHandler(slot, states[step - 1], states[step]);
  };
  move(1, HANDLER_EMPTY, HANDLER_STARTING);
  move(2, HANDLER_EMPTY, HANDLER_STARTING, HANDLER_READY);
  move(3, HANDLER_EMPTY, HANDLER_STARTING, HANDLER_READY, HANDLER_RETIRING);
  control.declareDead(4);
  control.setOpenRequests(2, 3);
  control.markRunning(2, 1);
  const counters = handlerCounters(memory, 2);
  counters[HandlerCounter.tasksStarted] = 8;
  counters[HandlerCounter.busyMs] = 1.5;
  const stats = readStats(memory, control) as {
    threads: object;
    handlers: { slot: number; state: string }[];
  };
  expect(stats.threads).toMatchObject({ alive: 1, starting: 1 });
  expect(stats.handlers.map(({ slot, state }) => [slot, state])).toEqual([
    [1, "starting"],
    [2, "running"],
    [3, "stopping"],
  ]);
  expect(stats.handlers[1]).toMatchObject({ requests: 8, inFlight: 4, busyMs: 1.5 });
});
