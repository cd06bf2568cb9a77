/** How clients end that do not leave of themselves: lost handlers, cut answers, a server that stops. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { ANSWER_WINDOW, CLOSE, FIRST, LAST } from "../../src/channel/messages.ts";
import type { Task } from "../../src/roles/client.ts";
import { SERVER_DRAINING } from "../../src/shm/control-block.ts";
import { pattern } from "../channel/link-pair.ts";
import { openDescriptors, openedSince } from "../support/process-info.ts";
import type { Peer } from "./peer.ts";
import { Serving } from "./serving.ts";

const GET = (target: string) => `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`;

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

async function request(text = GET("/"), from = peer) {
  const count = run.handler.started.length;
  from.send(text);
  await run.until(() => run.handler.started.length > count);
  return run.handler.last;
}

describe("a handler that is lost", () => {
  /** What a dispatcher does when a handler thread has died. */
  function lose(): void {
    const [link] = run.scheduling.links;
    while (run.clients.results.collect(link));
    const again: Task[] = [];
    link.sweep(
      (task) => run.clients.failed.lost(task, false),
      (task, record) => {
        task.record = record;
        again.push(task);
      },
    );
    run.scheduling.scheduler.takeAgain(again, run.clients.nowMs);
    run.replaceHandler();
  }

  test("before it answers: the client gets a 500 and goes on", async () => {
    await request();
    lose();
    await run.until(() => peer.received.length > 0);
    expect(peer.received).toStartWith("HTTP/1.1 500 Internal Server Error\r\n");
    expect([run.inFlight, peer.state, run.clients.count]).toEqual([0, "open", 1]);
    (await request(GET("/next"))).answer("next");
    await run.until(() => peer.received.endsWith("next"));
  });

  test("within an answer: the client is reset", async () => {
    (await request()).answer("half", FIRST);
    await run.until(() => peer.received === "half");
    lose();
    expect([run.clients.count, run.inFlight, peer.state]).toEqual([0, 0, "reset"]);
  });

  test("before it has met a request: another gets that, the client notices nothing", async () => {
    peer.send(GET("/kept"));
    await run.until(() => run.scheduling.links[0].queued === 0 && run.handler.started.length === 1);
    run.handler.last.answer("one ");
    await run.until(() => peer.received === "one ");
    // Given and made visible, but its thread is dead before it looks.
    const { play } = run.handler;
    run.handler.play = () => {};
    peer.send(GET("/again"));
    await run.until(() => run.scheduling.links[0].queued === 1);
    run.handler.play = play;
    lose();
    await run.until(() => run.handler.targets.includes("/again"));
    run.handler.last.answer("two");
    await run.until(() => peer.received === "one two");
  });

  test("with a body on its way: the rest of that is let through", async () => {
    const body = Buffer.alloc(400_000, "x");
    await request(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`);
    let sent = peer.sendSome(body, 0);
    await run.turns();
    lose();
    await run.until(() => {
      sent += peer.sendSome(body, sent);
      return sent === body.length && peer.received.startsWith("HTTP/1.1 500");
    });
    (await request(GET("/next"))).answer("next");
    await run.until(() => peer.received.endsWith("next"));
  });
});

describe("an answer", () => {
  test("that is cut resets the client", async () => {
    const started = await request();
    started.answer("half", FIRST);
    await run.until(() => peer.received === "half");
    started.cut();
    await run.until(() => run.clients.count === 0);
    expect([peer.state, run.inFlight, run.scheduling.links[0].open]).toEqual(["reset", 0, 0]);
  });

  test("that closes is the last: requests behind it are aborted", async () => {
    peer.send(GET("/0") + GET("/1"));
    await run.until(() => run.handler.started.length === 2);
    const [first, second] = run.handler.started;
    first.answer("last", FIRST | LAST | CLOSE);
    await run.until(() => second.aborts.length > 0);
    expect([second.aborts, run.inFlight, peer.received, peer.state]).toEqual([[0], 0, "last", "end"]);
    second.cut();
    await run.until(() => run.scheduling.links[0].open === 0 && run.clients.count === 0);
  });

  test("longer than the kernel takes reaches a slow client whole, under credit", async () => {
    const slow = await run.connect(true);
    const started = await request(GET("/"), slow);
    const text = pattern(600_000).toString("latin1");
    for (let at = 0; at < text.length; at += 100_000) {
      started.answer(text.slice(at, at + 100_000), at === 0 ? FIRST : 0);
    }
    await run.turns();
    expect(started.credit).toBeLessThan(text.length);
    await run.until(() => slow.received.length === text.length);
    expect(slow.received === text).toBe(true);
    // What it took is told in steps; a rest that is small beside the window is not.
    await run.until(() => started.credit > text.length - ANSWER_WINDOW / 8);
    expect(started.credit).toBeLessThanOrEqual(text.length);
    started.answer(".", LAST);
    await run.until(() => run.inFlight === 0 && slow.received.endsWith("."));
  });
});

describe("a server that stops", () => {
  test("closes the clients without a request, and the others after their answer", async () => {
    const idle = await run.connect();
    const started = await request();
    run.clients.serverChanged(SERVER_DRAINING);
    expect([run.clients.count, idle.state, peer.state]).toEqual([1, "end", "open"]);
    started.answer("last");
    await run.until(() => run.clients.count === 0);
    expect([peer.received, peer.state]).toEqual(["last", "end"]);
  });

  test("at once closes all, those in the queue included", async () => {
    const started = await request();
    const untaken = await run.connect();
    run.clients.closeAll(run.incoming);
    for (const link of run.scheduling.links) link.flush();
    run.handler.play();
    expect([run.clients.count, run.inFlight, run.incoming.size]).toEqual([0, 0, 0]);
    expect(started.aborts).toEqual([0]);
    expect([peer.state, untaken.state].every((state) => state === "end" || state === "reset")).toBe(true);
  });

  test("or only wants to be rid of idle clients: those are closed and counted, no others", async () => {
    const [idle, another, begun] = [await run.connect(), await run.connect(), await run.connect()];
    const started = await request();
    begun.send("GET / HT");
    await run.turns();
    expect(run.clients.closeIdle()).toBe(2);
    expect([idle.state, another.state, begun.state, peer.state]).toEqual(["end", "end", "open", "open"]);
    started.answer("done");
    await run.until(() => peer.received === "done");
    expect([run.clients.closeIdle(), run.clients.count]).toEqual([1, 1]);
  });

  test("a client that lingers was closed before: it does not count", async () => {
    peer.send("no request\r\n\r\n");
    await run.until(() => peer.received.startsWith("HTTP/1.1 400") && peer.state === "end");
    expect([run.clients.count, run.clients.closeIdle()]).toEqual([1, 0]);
  });
});
