/**
 * A server's counters as text that Prometheus reads: its text format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/).
 *
 * Any thread may make it: it reads shared memory and disturbs nobody. A new counter gets a row in one of the tables.
 */
import { allParseErrors } from "../http/parse-error.ts";
import {
  BUCKET_BOUNDS_MS,
  DISPATCHER_RUN,
  DISPATCHER_WAIT,
  HANDLER_RUN,
  HANDLER_WAIT,
  type Histogram,
  PARSE_ERROR_AT,
  readHistogram,
  STATUS_AT,
  STATUSES,
} from "../shm/buckets.ts";
import {
  type ControlBlock,
  HANDLER_READY,
  HANDLER_RETIRING,
  HANDLER_STARTING,
} from "../shm/control-block.ts";
import { AcceptorCounter, DispatcherCounter, HandlerCounter, PoolCounter, sum } from "../shm/counters.ts";
import {
  acceptedCount,
  acceptorCounters,
  dispatcherCounters,
  handlerCounters,
  poolCounters,
  type ServerMemory,
} from "./server-memory.ts";

/** Media type of the text. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

type Row = readonly [name: string, help: string, index: number];

const OF_POOL: readonly Row[] = [
  ["handler_threads_spawned_total", "Handler threads started.", PoolCounter.spawned],
  ["handler_threads_retired_total", "Handler threads ended because they were idle.", PoolCounter.retired],
  [
    "handler_threads_killed_total",
    "Handler threads ended because a handler took too long.",
    PoolCounter.killed,
  ],
  ["handler_threads_died_total", "Handler threads that ended unasked.", PoolCounter.died],
  ["handler_thread_start_failures_total", "Handler threads that failed to start.", PoolCounter.startFailures],
];

const OF_ACCEPTOR: readonly Row[] = [
  ["accept_errors_total", "Errors of accept.", AcceptorCounter.acceptErrors],
  ["connections_refused_total", "Connections refused for a limit on connections.", AcceptorCounter.refused],
];

const OF_DISPATCHERS: readonly Row[] = [
  ["requests_total", "Requests received.", DispatcherCounter.requests],
  [
    "requests_inline_total",
    "Requests whose handlers ran on dispatch threads.",
    DispatcherCounter.requestsInline,
  ],
  [
    "kind_promotions_total",
    "Kinds of requests that came to run on dispatch threads.",
    DispatcherCounter.promotions,
  ],
  [
    "kind_demotions_total",
    "Kinds of requests that went back to handler threads.",
    DispatcherCounter.demotions,
  ],
  [
    "requests_refused_total",
    "Requests answered with 503 because too many waited.",
    DispatcherCounter.tasksRefused,
  ],
  [
    "tasks_taken_back_total",
    "Requests taken back from a slow handler thread.",
    DispatcherCounter.tasksTakenBack,
  ],
  [
    "handler_timeouts_total",
    "Requests answered with 503 for threads.handlerTimeout.",
    DispatcherCounter.handlerTimeouts,
  ],
  ["timeouts_total", "Connections closed because they took too long.", DispatcherCounter.timeouts],
  ["access_log_dropped_total", "Lines of the access log that were lost.", DispatcherCounter.accessLogDropped],
  ["received_bytes_total", "Bytes received from clients.", DispatcherCounter.bytesReceived],
  ["sent_bytes_total", "Bytes sent to clients.", DispatcherCounter.bytesSent],
];

/** Makes the text. Costs about a tenth of a millisecond. */
export function metricsText(memory: ServerMemory, control: ControlBlock): string {
  const dispatchers = Array.from({ length: memory.dispatcherCount }, (_, i) => dispatcherCounters(memory, i));
  const handlers = Array.from({ length: memory.handlerCount }, (_, slot) => handlerCounters(memory, slot));
  const pool = [poolCounters(memory)];
  const text = new MetricsText();
  text.gauge(
    "start_time_seconds",
    "When the server was started, in Unix time.",
    pool[0]![PoolCounter.startedAtMs]! / 1000,
  );
  for (const [name, help, index] of OF_DISPATCHERS) text.counter(name, help, sum(dispatchers, index));
  text.counter("connections_accepted_total", "Connections accepted.", acceptedCount(memory)());
  for (const [name, help, index] of OF_ACCEPTOR) text.counter(name, help, acceptorCounters(memory)[index]!);
  for (const [name, help, index] of OF_POOL) text.counter(name, help, sum(pool, index));
  writeStatuses(text, dispatchers);
  writeParseErrors(text, dispatchers);
  writeLevels(text, control);
  writeThreads(text, control);
  const busyMs = sum(handlers, HandlerCounter.busyMs);
  text.counter("handler_busy_seconds_total", "Time for which handler threads ran handlers.", busyMs / 1000);
  text.histogram("queue_wait_seconds", "How long requests waited for their handler.", [
    ["inline", readHistogram(dispatchers, DISPATCHER_WAIT)],
    ["thread", readHistogram(handlers, HANDLER_WAIT)],
  ]);
  text.histogram("run_seconds", "How long handlers took, from their call to the end of the answer.", [
    ["inline", readHistogram(dispatchers, DISPATCHER_RUN)],
    ["thread", readHistogram(handlers, HANDLER_RUN)],
  ]);
  return text.toString();
}

function writeStatuses(text: MetricsText, dispatchers: readonly Float64Array[]): void {
  text.family("responses_total", "counter", "Answers by status.");
  for (let status = 0; status < STATUSES; status++) {
    const count = sum(dispatchers, STATUS_AT + status);
    if (count > 0) text.sample("responses_total", `status="${status}"`, count);
  }
}

function writeParseErrors(text: MetricsText, dispatchers: readonly Float64Array[]): void {
  text.family(
    "parse_errors_total",
    "counter",
    "Requests refused because they broke HTTP's grammar or a limit.",
  );
  for (const { code, name } of allParseErrors()) {
    text.sample(
      "parse_errors_total",
      `kind="${name.toLowerCase()}"`,
      sum(dispatchers, PARSE_ERROR_AT + code),
    );
  }
}

function writeLevels(text: MetricsText, control: ControlBlock): void {
  let connections = 0;
  let inFlight = 0;
  let backlog = 0;
  for (let index = 0; index < control.dispatcherCount; index++) {
    const load = control.load(index);
    connections += load.clients;
    inFlight += load.inFlight;
    backlog += load.backlog;
  }
  text.gauge("connections", "Open connections.", connections);
  text.gauge("requests_in_flight", "Requests that are not answered yet.", inFlight);
  text.gauge("backlog_requests", "Requests that wait for a handler thread with room.", backlog);
  text.gauge("dispatchers", "Dispatch threads.", control.dispatcherCount);
}

function writeThreads(text: MetricsText, control: ControlBlock): void {
  const states = { starting: 0, idle: 0, busy: 0, stopping: 0 };
  for (let slot = 0; slot < control.handlerCount; slot++) {
    const state = control.handlerState(slot);
    if (state === HANDLER_STARTING) states.starting++;
    else if (state === HANDLER_RETIRING) states.stopping++;
    else if (state === HANDLER_READY) states[isBusy(control, slot) ? "busy" : "idle"]++;
  }
  text.family("handler_threads", "gauge", "Handler threads by state.");
  for (const [state, count] of Object.entries(states))
    text.sample("handler_threads", `state="${state}"`, count);
}

function isBusy(control: ControlBlock, slot: number): boolean {
  return control.isRunning(slot) || control.openRequests(slot) > 0;
}

/** Puts the text together. */
class MetricsText {
  #text = "";

  toString(): string {
    return this.#text;
  }

  family(name: string, type: string, help: string): void {
    this.#text += `# HELP epollo_${name} ${help}\n# TYPE epollo_${name} ${type}\n`;
  }

  sample(name: string, labels: string, value: number): void {
    this.#text += labels === "" ? `epollo_${name} ${value}\n` : `epollo_${name}{${labels}} ${value}\n`;
  }

  counter(name: string, help: string, value: number): void {
    this.family(name, "counter", help);
    this.sample(name, "", value);
  }

  gauge(name: string, help: string, value: number): void {
    this.family(name, "gauge", help);
    this.sample(name, "", value);
  }

  histogram(name: string, help: string, parts: readonly (readonly [placement: string, Histogram])[]): void {
    this.family(name, "histogram", help);
    for (const [placement, { counts, count, sumMs }] of parts) {
      const label = `placement="${placement}"`;
      let below = 0;
      BUCKET_BOUNDS_MS.forEach((bound, bucket) => {
        below += counts[bucket]!;
        this.sample(`${name}_bucket`, `${label},le="${bound / 1000}"`, below);
      });
      this.sample(`${name}_bucket`, `${label},le="+Inf"`, count);
      this.sample(`${name}_sum`, label, sumMs / 1000);
      this.sample(`${name}_count`, label, count);
    }
  }
}
