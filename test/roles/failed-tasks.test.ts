import { afterEach, beforeEach, expect, test } from "bun:test";
import { ABORT_EXPIRED, FIRST } from "../../src/channel/messages.ts";
import { DispatcherCounter } from "../../src/shm/counters.ts";
import { openDescriptors, openedSince } from "../support/process-info.ts";
import type { Peer } from "./peer.ts";
import { Serving } from "./serving.ts";

const GET = (target: string) => `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`;
const UNAVAILABLE = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";

let run: Serving;
let peer: Peer;
let before: ReadonlySet<string>;
beforeEach(async () => {
  before = openDescriptors();
  run = new Serving();
  peer = await run.connect();
  run.turn();
});
afterEach(() => {
  run.close();
  expect([run.inFlight, openedSince(before)]).toEqual([0, []]);
});

/** Sends a request and gives the handler's end of it and the dispatcher's. */
async function request(text: string) {
  const count = run.handler.started.length;
  peer.send(text);
  await run.until(() => run.handler.started.length > count);
  const started = run.handler.last;
  return { started, task: run.scheduling.links[0]!.taskOf(started.entry, started.serial)! };
}

test("one that takes too long is answered for with 503, its handler is told, and the client goes on", async () => {
  const { started, task } = await request(GET("/hangs"));
  run.clients.failed.timedOut(task);
  await run.until(() => peer.received === UNAVAILABLE && started.aborts.length > 0);
  expect([started.aborts, run.inFlight, peer.state]).toEqual([[ABORT_EXPIRED], 0, "open"]);
  started.cut();
  const { started: next } = await request(GET("/next"));
  next.answer("next");
  await run.until(() => peer.received.endsWith("next"));
});

test("an answer that comes too late is dropped", async () => {
  const { started, task } = await request(GET("/late"));
  run.clients.failed.timedOut(task);
  started.answer("late");
  const { started: next } = await request(GET("/next"));
  next.answer("next");
  await run.until(() => peer.received === `${UNAVAILABLE}next`);
});

test("the rest of a body that its handler will not read is let through", async () => {
  const { started, task } = await request(
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\nbegin",
  );
  run.clients.failed.timedOut(task);
  await run.until(() => peer.received === UNAVAILABLE);
  peer.send("x".repeat(199_995));
  const { started: next } = await request(GET("/next"));
  next.answer("next");
  await run.until(() => peer.received.endsWith("next"));
  started.cut();
});

test.each([
  [true, "HTTP/1.1 503 ", 1],
  [false, "HTTP/1.1 500 ", 0],
])("one whose thread has ended (killed: %p) gets %p, and is counted", async (wasKilled, status, timeouts) => {
  const { started, task } = await request(GET("/"));
  run.clients.failed.lost(task, wasKilled);
  await run.until(() => peer.received.startsWith(status));
  expect([run.inFlight, peer.state]).toEqual([0, "open"]);
  expect(run.scheduling.counters[DispatcherCounter.handlerTimeouts]).toBe(timeouts);
  started.cut();
  await run.until(() => true);
});

test("one that was being answered is cut", async () => {
  const { started, task } = await request(GET("/"));
  started.answer("half", FIRST);
  await run.until(() => peer.received === "half");
  run.clients.failed.lost(task, true);
  await run.until(() => peer.state === "reset");
  started.cut();
  run.turn();
});
