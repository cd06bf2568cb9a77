import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { SLAB_BLOCKS } from "../../src/channel/pair-memory.ts";
import { DEFAULT_TIMES, LINGER_MS } from "../../src/roles/deadlines.ts";
import { DispatcherCounter } from "../../src/shm/counters.ts";
import { openDescriptors, openedSince } from "../support/process-info.ts";
import type { Peer } from "./peer.ts";
import { Serving, type ServingOptions } from "./serving.ts";

const GET = (target: string) => `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`;
const IDLE_MS = 10_000;

let run: Serving;
let peer: Peer;
let before: ReadonlySet<string>;

async function open(options: ServingOptions = {}): Promise<void> {
  run = new Serving(options);
  peer = await run.connect();
  run.turn();
}
beforeEach(async () => {
  before = openDescriptors();
  await open();
});
afterEach(() => {
  run.close();
  expect([run.inFlight, openedSince(before)]).toEqual([0, []]);
  expect(run.scheduling.links[0].slab.countFree()).toBe(SLAB_BLOCKS);
});

/** Has a request reach the handler. */
async function request(text = GET("/"), from = peer) {
  const count = run.handler.started.length;
  from.send(text);
  await run.until(() => run.handler.started.length > count);
  return run.handler.last;
}
const counter = (name: keyof typeof DispatcherCounter) => run.scheduling.counters[DispatcherCounter[name]];

describe("requests", () => {
  test("of a connection that is kept, one after the other", async () => {
    for (let count = 0; count < 5; count++) {
      const started = await request(GET(`/${count}`));
      expect([started.target, run.inFlight]).toEqual([`/${count}`, 1]);
      started.answer(`[${count}]`);
      await run.until(() => peer.received.endsWith(`[${count}]`));
      expect([run.inFlight, run.clients.count]).toEqual([0, 1]);
    }
    expect([counter("clientsOpened"), counter("requests"), counter("responses")]).toEqual([1, 5, 5]);
  });

  test("sent together are answered in their order, however the handler takes them", async () => {
    peer.send(Array.from({ length: 8 }, (_, index) => GET(`/${index}`)).join(""));
    await run.until(() => run.handler.started.length === 8);
    expect(run.inFlight).toBe(8);
    for (const index of [7, 3, 1, 0, 2, 6, 4, 5]) {
      run.handler.started[index].answer(`[${index}]`);
      run.turn();
    }
    await run.until(() => run.inFlight === 0);
    expect(peer.received).toBe("[0][1][2][3][4][5][6][7]");
  });

  test("more than may be in flight are read as answers make room", async () => {
    peer.send(Array.from({ length: 200 }, (_, index) => GET(`/${index}`)).join(""));
    let answered = 0;
    await run.until(() => {
      expect(run.inFlight).toBeLessThanOrEqual(64);
      for (const started of run.handler.started.slice(answered)) started.answer(`[${answered++}]`);
      return answered === 200 && run.inFlight === 0;
    });
    expect(peer.received).toBe(Array.from({ length: 200 }, (_, index) => `[${index}]`).join(""));
  });

  test("of many clients do not mix", async () => {
    const peers = [peer, ...(await Promise.all(Array.from({ length: 20 }, () => run.connect())))];
    for (const [index, each] of peers.entries()) each.send(GET(`/${index}`));
    await run.until(() => run.handler.started.length === peers.length);
    for (const started of run.handler.started) started.answer(`answer ${started.target}`);
    await run.until(() => run.inFlight === 0);
    expect(peers.map((each) => each.received)).toEqual(peers.map((_, index) => `answer /${index}`));
  });

  test("that wait for a handler are handed out when there is one", async () => {
    run.close();
    await open({ hasHandler: false });
    peer.send(GET("/waits"));
    await run.until(() => run.scheduling.scheduler.backlog === 1);
    run.scheduling.ready([0], 0.00001);
    await run.until(() => run.handler.started.length === 1);
    run.handler.last.answer("done");
    await run.until(() => peer.received === "done");
  });
});

describe("bodies", () => {
  test("longer than the handler reads wait in the kernel, and arrive whole", async () => {
    const body = Buffer.alloc(3_000_000, "0123456789");
    const started = await request(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`);
    let sent = 0;
    await run.turns();
    expect([started.body, started.isBodyComplete]).toEqual(["", false]);
    let allowed = 0;
    await run.until(() => {
      sent += peer.sendSome(body, sent);
      // No more comes than was allowed, and nothing is lost when it stops in between.
      expect(started.body.length).toBeLessThanOrEqual(allowed);
      if (started.body.length === allowed) {
        started.allow(100_000);
        allowed += 100_000;
      }
      return started.isBodyComplete;
    });
    expect(started.body === body.toString("latin1")).toBe(true);
    started.answer("thanks");
    await run.until(() => peer.received === "thanks");
    (await request(GET("/next"))).answer(" next");
    await run.until(() => peer.received === "thanks next");
  });

  test("that nobody reads are let through after the answer, and the next request is served", async () => {
    const body = Buffer.alloc(1_000_000, "x");
    const started = await request(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`);
    started.answer("early");
    let sent = 0;
    await run.until(() => {
      sent += peer.sendSome(body, sent);
      return sent === body.length;
    });
    (await request(GET("/next"))).answer(" next");
    await run.until(() => peer.received === "early next");
  });

  test("that end too early take their request with them: it is aborted, its handler told", async () => {
    const started = await request("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\npart");
    started.allow(1000);
    await run.until(() => started.body === "part");
    peer.endSending();
    await run.until(() => started.bodyFailure === 0 && started.aborts.includes(0));
    expect([run.inFlight, run.scheduling.links[0].open]).toEqual([0, 1]);
    started.cut();
    await run.until(() => run.scheduling.links[0].open === 0 && peer.state === "end");
  });
});

describe("a client that leaves", () => {
  test("aborts its requests; the handler's last word frees the entry", async () => {
    const started = await request();
    peer.close(true);
    await run.until(() => started.aborts.length > 0 && run.clients.count === 0);
    expect([started.aborts, run.inFlight, run.scheduling.links[0].open]).toEqual([[0], 0, 1]);
    started.answer("nobody reads this");
    await run.until(() => run.scheduling.links[0].open === 0);
  });

  test("by closing its half gets the answer that it waits for, then the end", async () => {
    const started = await request();
    peer.endSending();
    await run.until(() => started.aborts.length > 0);
    expect([started.aborts, run.clients.count]).toEqual([[1], 1]);
    started.answer("still");
    await run.until(() => peer.received === "still" && peer.state === "end");
    await run.until(() => run.clients.count === 0);
  });

  test("while it is idle is closed", async () => {
    peer.close();
    await run.until(() => run.clients.count === 0);
  });

  test("is found by nobody's event: its slot has another generation", async () => {
    const started = await request();
    peer.close(true);
    await run.until(() => run.clients.count === 0);
    const next = await run.connect();
    await run.until(() => run.clients.count === 1);
    started.answer("to the former client");
    await run.turns();
    expect(next.received).toBe("");
    run.clients.onEvent(0, 0, -1);
    expect([run.clients.count, next.state]).toEqual([1, "open"]);
  });
});

describe("time", () => {
  test("a client that sends no head is closed", () => {
    run.pass(DEFAULT_TIMES.headTimeoutMs - 1000);
    expect(run.clients.count).toBe(1);
    run.pass(DEFAULT_TIMES.headTimeoutMs + 1000);
    expect([run.clients.count, peer.state, counter("timeouts")]).toEqual([0, "end", 1]);
  });

  test("an idle client is closed after the idle timeout, counted from its last answer", async () => {
    const started = await request();
    run.pass(IDLE_MS - 2000);
    started.answer("late");
    await run.until(() => peer.received === "late");
    run.pass(2 * IDLE_MS - 3000);
    expect(run.clients.count).toBe(1);
    run.pass(2 * IDLE_MS);
    expect(run.clients.count).toBe(0);
  });

  test("server.timeout() holds for one request", async () => {
    const started = await request();
    started.setIdleTimeout(60);
    run.turn();
    run.pass(50_000);
    expect(run.clients.count).toBe(1);
    started.answer("done");
    await run.until(() => peer.received === "done");
    run.pass(50_000 + IDLE_MS + 1000);
    expect(run.clients.count).toBe(0);
  });

  test("a client that is refused may read its answer for a while, then it is closed", async () => {
    peer.send("no request\r\n\r\n");
    await run.until(() => peer.received.startsWith("HTTP/1.1 400") && peer.state === "end");
    peer.send("more");
    await run.turns();
    expect(run.clients.count).toBe(1);
    run.pass(LINGER_MS - 500);
    expect(run.clients.count).toBe(1);
    run.pass(LINGER_MS + 1000);
    expect(run.clients.count).toBe(0);
  });
});
