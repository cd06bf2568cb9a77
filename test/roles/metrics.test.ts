import { expect, test } from "bun:test";
import { PARSE_ERROR } from "../../src/http/parse-error.ts";
import { metricsText } from "../../src/roles/metrics.ts";
import {
  acceptorCounters,
  allocateServerMemory,
  controlOf,
  dispatcherCounters,
  handlerCounters,
  poolCounters,
} from "../../src/roles/server-memory.ts";
import {
  DISPATCHER_RUN,
  HANDLER_WAIT,
  PARSE_ERROR_AT,
  recordTime,
  STATUS_AT,
} from "../../src/shm/buckets.ts";
import {
  HANDLER_EMPTY,
  HANDLER_READY,
  HANDLER_RETIRING,
  HANDLER_STARTING,
} from "../../src/shm/control-block.ts";
import { AcceptorCounter, DispatcherCounter, HandlerCounter, PoolCounter } from "../../src/shm/counters.ts";
import { metric, parseMetrics } from "../support/metrics-text.ts";

test("a new server has all metrics, and has counted nothing", () => {
  const memory = allocateServerMemory(2, 3);
  const families = parseMetrics(metricsText(memory, controlOf(memory)));
  expect([...families.keys()].every((name) => name.startsWith("epollo_"))).toBe(true);
  for (const [name, { samples, type, help }] of families) {
    expect(["counter", "gauge", "histogram"]).toContain(type);
    expect(help).toEndWith(".");
    expect(type === "counter").toBe(name.endsWith("_total"));
    for (const value of samples.values()) expect(value).toBe(name === "epollo_dispatchers" ? 2 : 0);
  }
});

test("counters of all threads are added up", () => {
  const memory = allocateServerMemory(2, 1);
  const control = controlOf(memory);
  for (const index of [0, 1]) {
    const counters = dispatcherCounters(memory, index);
    counters[DispatcherCounter.requests] = 10 + index;
    counters[DispatcherCounter.bytesSent] = 2 ** 40;
    counters[DispatcherCounter.promotions] = 6 + index;
    counters[DispatcherCounter.demotions] = 4 + index;
    counters[STATUS_AT + 200] = 5;
    counters[STATUS_AT + 503 + index] = 1;
    counters[PARSE_ERROR_AT + PARSE_ERROR.BAD_HOST] = 3;
    recordTime(counters, DISPATCHER_RUN, 2);
    control.setClients(index, 7);
    control.setInFlight(index, 8);
    control.setBacklog(index, 9);
  }
  acceptorCounters(memory)[AcceptorCounter.accepted] = 4;
  poolCounters(memory)[PoolCounter.killed] = 6;
  poolCounters(memory)[PoolCounter.startedAtMs] = 1_500_000_000_250;
  handlerCounters(memory, 0)[HandlerCounter.busyMs] = 1500;
  recordTime(handlerCounters(memory, 1), HANDLER_WAIT, 2);
  const families = parseMetrics(metricsText(memory, control));
  const expected: Record<string, number> = {
    epollo_requests_total: 21,
    epollo_sent_bytes_total: 2 ** 41,
    epollo_kind_promotions_total: 13,
    epollo_kind_demotions_total: 9,
    'epollo_responses_total{status="200"}': 10,
    'epollo_responses_total{status="503"}': 1,
    'epollo_responses_total{status="504"}': 1,
    'epollo_parse_errors_total{kind="bad_host"}': 6,
    epollo_connections: 14,
    epollo_requests_in_flight: 16,
    epollo_backlog_requests: 18,
    epollo_connections_accepted_total: 4,
    epollo_handler_threads_killed_total: 6,
    epollo_start_time_seconds: 1_500_000_000.25,
    epollo_handler_busy_seconds_total: 1.5,
    'epollo_run_seconds_count{placement="inline"}': 2,
    'epollo_run_seconds_sum{placement="inline"}': 0.004,
    'epollo_run_seconds_bucket{placement="inline",le="0.001"}': 0,
    'epollo_run_seconds_bucket{placement="inline",le="0.0025"}': 2,
    'epollo_run_seconds_count{placement="thread"}': 0,
    'epollo_queue_wait_seconds_bucket{placement="thread",le="+Inf"}': 1,
  };
  const found = Object.fromEntries(Object.keys(expected).map((name) => [name, metric(families, name)]));
  expect(found).toEqual(expected);
});

test("handler threads are counted by state", () => {
  const memory = allocateServerMemory(1, 6);
  const control = controlOf(memory);
  const move = (slot: number, ...states: number[]): void => {
    for (let step = 1; step < states.length; step++)
      control.moveHandler(slot, states[step - 1]!, states[step]!);
  };
  move(0, HANDLER_EMPTY, HANDLER_STARTING);
  for (const slot of [1, 2, 3]) move(slot, HANDLER_EMPTY, HANDLER_STARTING, HANDLER_READY);
  move(4, HANDLER_EMPTY, HANDLER_STARTING, HANDLER_READY, HANDLER_RETIRING);
  control.declareDead(5);
  control.markRunning(1, 1);
  control.setOpenRequests(2, 3);
  const { samples } = parseMetrics(metricsText(memory, control)).get("epollo_handler_threads")!;
  expect(Object.fromEntries(samples)).toEqual({
    'epollo_handler_threads{state="starting"}': 1,
    'epollo_handler_threads{state="idle"}': 1,
    'epollo_handler_threads{state="busy"}': 2,
    'epollo_handler_threads{state="stopping"}': 1,
  });
});
