/**
 * A connection for each request, at a rate at which dispatchers accept themselves, and the way there and back. In the process
 * of the test, so that it can see who watches the listener; not for Bun.serve.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { close } from "../../ffi/calls.ts";
import { type Server, serve } from "../../src/index.ts";
import { connectTcp, receiveText, sendText } from "../net/raw-client.ts";
import { eventually, fdCount } from "../support/process-info.ts";
import { isBunTarget } from "../support/target.ts";

const REQUEST = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
/** EPOLLEXCLUSIVE in the events of an epoll instance, proc_pid_fdinfo(5). */
const EXCLUSIVE = 1 << 28;

let server: Server | null = null;
afterEach(async () => {
  await server?.stop(true);
  server = null;
});

function start(options: object = {}): Server {
  server = serve({
    port: 0,
    hostname: "127.0.0.1",
    handlers: "main",
    routes: { "/": new Response("static") },
    fetch: () => new Response("handled"),
    threads: { dispatchers: 2 },
    ...options,
  } as never) as unknown as Server;
  return server;
}

/** How many epoll instances of this process watch a descriptor together with others. */
function sharedWatches(): number {
  let count = 0;
  for (const fd of readdirSync("/proc/self/fdinfo")) {
    let text = "";
    try {
      text = readFileSync(`/proc/self/fdinfo/${fd}`, "latin1");
    } catch {
      // Closed meanwhile.
    }
    for (const [, events] of text.matchAll(/^tfd:.*events:\s*([0-9a-f]+)/gm)) {
      if ((Number.parseInt(events!, 16) & EXCLUSIVE) !== 0) count++;
    }
  }
  return count;
}

/** Asks once; gives all that comes until the connection ends. */
function ask(port: number, request = REQUEST): string {
  const fd = connectTcp(port);
  let text = "";
  try {
    sendText(fd, request);
    for (let part = receiveText(fd); part !== ""; part = receiveText(fd)) text += part;
  } finally {
    close(fd);
  }
  return text;
}

/** Opens and ends connections until dispatchers accept; gives how many. */
function load(port: number): number {
  let count = 0;
  for (const untilMs = performance.now() + 25_000; performance.now() < untilMs; ) {
    // Several at once, so that the rate is high on a busy machine too.
    for (let round = 0; round < 10; round++) {
      const fds = Array.from({ length: 16 }, () => connectTcp(port));
      for (const fd of fds) sendText(fd, REQUEST);
      for (const fd of fds) {
        expect(receiveText(fd)).toEndWith("static");
        expect(receiveText(fd)).toBe("");
        close(fd);
        count++;
      }
    }
    if (sharedWatches() > 0) return count;
  }
  throw new Error("dispatchers have not begun to accept");
}

describe.skipIf(isBunTarget)("a connection for each request", () => {
  test("all are answered, and counted, whoever accepts them; then the acceptor accepts again", async () => {
    const { port, stats } = start() as unknown as { port: number; stats(): { accepted: number } };
    let count = load(port);
    const before = stats.call(server).accepted;
    expect(before).toBe(count);
    for (let again = 0; again < 50; again++, count++) expect(ask(port)).toEndWith("static");
    await eventually(
      "watches",
      () => {
        expect(ask(port)).toEndWith("static");
        count++;
        return sharedWatches();
      },
      (watches) => watches === 0,
    );
    expect(stats.call(server).accepted).toBe(count);
  }, 60_000);

  test("a stop meanwhile answers all that have connected", async () => {
    const before = fdCount();
    const { port } = start() as unknown as { port: number };
    load(port);
    const fds = Array.from({ length: 100 }, () => connectTcp(port));
    for (const fd of fds) sendText(fd, REQUEST);
    const stopped = server!.stop();
    for (const fd of fds) {
      expect(receiveText(fd)).toEndWith("static");
      close(fd);
    }
    await stopped;
    expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
    await eventually("descriptors", fdCount, (count) => count <= before);
  }, 60_000);

  test("a listener with limits stays the acceptor's", () => {
    const { port } = start({ limits: { connections: 1000 } }) as unknown as { port: number };
    for (let index = 0; index < 400; index++) expect(ask(port)).toEndWith("static");
    expect(sharedWatches()).toBe(0);
  });
});
