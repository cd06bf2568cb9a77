/** Handlers in a dispatcher, over real sockets: kinds are promoted by hand, then the answers are those of the handler. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { QUICK } from "../../src/channel/messages.ts";
import { installResponseNotes } from "../../src/fetch/response-notes.ts";
import { HandlerRuntime } from "../../src/fetch/runtime.ts";
import { InlineHost } from "../../src/roles/inline-host.ts";
import { DispatcherCounter } from "../../src/shm/counters.ts";
import { parseRequest } from "../channel/link-pair.ts";
import type { Peer } from "./peer.ts";
import { Serving } from "./serving.ts";

installResponseNotes();
const folder = mkdtempSync(join(tmpdir(), "epollo-inline-"));
writeFileSync(join(folder, "file.txt"), "of a file");

const LONG = "0123456789".repeat(100_000);
const LONGEST = LONG.repeat(5);
let run: Serving;
let inline: InlineHost;
let gate: PromiseWithResolvers<string>;
let aborted: number;
let cancelled: number;

async function fetch(request: Request): Promise<Response> {
  const path = new URL(request.url).pathname;
  if (path === "/echo") return new Response(await request.text());
  if (path === "/bytes") {
    const bytes = await request.bytes();
    return new Response(`${bytes.length} ${bytes.buffer.byteLength} ${bytes[0]}`);
  }
  if (path === "/busy") {
    const end = performance.now() + 20;
    while (performance.now() < end);
  }
  if (path === "/long") return new Response(LONG);
  if (path === "/longest") return new Response(LONGEST);
  if (path === "/file") return new Response(Bun.file(join(folder, "file.txt")));
  if (path === "/throw") throw new Error("on purpose");
  if (path === "/wait") {
    request.signal.addEventListener("abort", () => aborted++);
    return new Response(await gate.promise);
  }
  if (path === "/stream") {
    let rest = 40;
    const pull = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
      if (rest-- === 0) controller.close();
      else controller.enqueue(Buffer.alloc(50_000, "~"));
    };
    return new Response(new ReadableStream({ pull, cancel: () => void cancelled++ }));
  }
  return new Response(`at ${path}`);
}

beforeEach(() => {
  run = new Serving({ isInlineAllowed: true });
  inline = run.clients.host(InlineHost);
  const runtime = { fetch, routes: [], responder: null, error: null, isDevelopment: false, server: {} };
  inline.use(new HandlerRuntime(runtime as never));
  gate = Promise.withResolvers();
  aborted = 0;
  cancelled = 0;
  for (const method of ["GET", "POST", "HEAD"]) {
    for (const path of [
      "a",
      "b",
      "echo",
      "bytes",
      "long",
      "longest",
      "file",
      "throw",
      "wait",
      "stream",
      "busy",
    ])
      promote(method, path);
  }
});
afterEach(() => run.close());
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

function kindOf(method: string, path: string): number {
  const { head, bytes, headStart } = parseRequest(`${method} /${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  return inline.kinds.find(head, bytes, headStart);
}

function promote(method: string, path: string): void {
  const kind = kindOf(method, path);
  while (!inline.kinds.isInline(kind, 0)) inline.kinds.ranInPool(kind, inline.kinds.parent, QUICK);
}

const get = (path: string, fields = ""): string => `GET /${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
const post = (path: string, body: string): string =>
  `POST /${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const ranInline = (): number => run.scheduling.counters[DispatcherCounter.requestsInline]!;
const bodiesOf = (text: string): string[] =>
  text
    .split("HTTP/1.1 ")
    .slice(1)
    .map((answer) => answer.slice(answer.indexOf("\r\n\r\n") + 4));

/** A pause of the machine during a run must not send a kind back to the pool where that is not the point. */
const pinKinds = (): void => {
  inline.kinds.ranInline = () => {};
};

describe("whole answers", () => {
  beforeEach(pinKinds);

  test("pipelined requests are answered in order, without a task", async () => {
    const peer = await run.connect();
    peer.send(get("a") + get("b") + post("echo", "body") + get("a"));
    await run.until(() => bodiesOf(peer.received).length === 4);
    expect(bodiesOf(peer.received)).toEqual(["at /a", "at /b", "body", "at /a"]);
    expect([ranInline(), run.inFlight, inline.open]).toEqual([4, 0, 0]);
    expect(run.handler.started).toHaveLength(0);
  });

  test("behind a request that a handler thread has, they wait for their turn", async () => {
    const peer = await run.connect();
    peer.send(get("a") + get("deep/pooled") + get("b"));
    await run.until(() => run.handler.started.length === 1 && ranInline() === 2);
    expect(bodiesOf(peer.received)).toEqual(["at /a"]);
    run.handler.started[0]!.answer("HTTP/1.1 200 OK\r\n\r\npooled");
    await run.until(() => peer.received.endsWith("at /b"));
    expect(bodiesOf(peer.received)).toEqual(["at /a", "pooled", "at /b"]);
  });

  test("long ones arrive whole at a client that reads slowly", async () => {
    const peer = await run.connect(true);
    peer.send(get("a") + get("long") + get("b"));
    await run.until(() => peer.received.endsWith("at /b"));
    expect(bodiesOf(peer.received)).toEqual(["at /a", LONG, "at /b"]);
  });

  test("nobody else may answer for one that hangs after its long answer has left", async () => {
    const { control } = run.scheduling;
    const answered: boolean[] = [];
    const sent = run.clients.sent.bind(run.clients);
    run.clients.sent = (client, sequence) => {
      answered.push(control.inlineClient(0) === client.fd);
      sent(client, sequence);
    };
    const peer = await run.connect();
    for (const path of ["a", "long"]) {
      peer.send(get(path));
      await run.until(() =>
        bodiesOf(peer.received)
          .join("")
          .endsWith(path === "a" ? "at /a" : LONG),
      );
    }
    expect(answered).toEqual([true, false]);
  });

  test("files, errors, HEAD and Connection: close", async () => {
    const peer = await run.connect();
    const head = `HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n`;
    peer.send(get("file") + get("throw") + head + get("b", "Connection: close\r\n"));
    await run.until(() => peer.state === "end" || peer.received.endsWith("at /b"));
    expect(bodiesOf(peer.received)).toEqual(["of a file", "Something went wrong!", "", "at /b"]);
    await run.until(() => run.clients.count === 0);
  });

  test("a client's requests give way after their share of a turn, and go on", async () => {
    const peer = await run.connect();
    peer.send(get("a").repeat(60));
    await run.until(() => bodiesOf(peer.received).length === 60);
    expect(ranInline()).toBe(60);
  });
});

describe("bodies", () => {
  beforeEach(pinKinds);

  test("a chunked one, even of a GET, is complete before its handler runs", async () => {
    const peer = await run.connect();
    peer.send(get("a", "Transfer-Encoding: chunked\r\n") + "zz\r\n");
    await run.until(() => peer.received.includes("\r\n\r\n"));
    expect(peer.received).toStartWith("HTTP/1.1 400 ");
    expect([ranInline(), peer.received.split("HTTP/1.1").length - 1]).toEqual([0, 1]);
  });

  test("in pieces, chunked, and long ones received in place", async () => {
    const peer = await run.connect();
    const first = post("echo", "in pieces");
    peer.send(first.slice(0, -4));
    await run.turns(3);
    peer.send(first.slice(-4));
    peer.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    await run.until(() => bodiesOf(peer.received).length === 2);
    expect(bodiesOf(peer.received)).toEqual(["in pieces", "abc"]);
    const bytes = Buffer.from(
      post("bytes", "x".repeat(300_000)) + post("echo", "y".repeat(200_000)) + get("a"),
    );
    let at = 0;
    await run.until(() => {
      at += peer.sendSome(bytes, at);
      return peer.received.endsWith("at /a");
    });
    expect(bodiesOf(peer.received).slice(2)).toEqual(["300000 300000 120", "y".repeat(200_000), "at /a"]);
    expect([ranInline(), run.inFlight]).toEqual([5, 0]);
  });

  test("may take 5 us for each 1,000 bytes, of the answer too, up to 2 MiB", async () => {
    const judged: { ms: number; bytes: number }[] = [];
    inline.kinds.ranInline = (_kind, _parent, ms, _isSettled, bytes) => void judged.push({ ms, bytes });
    const peer = await run.connect();
    // What a run itself takes comes on top; one of many is short.
    const leastOf = async (request: string, allowedMs: number): Promise<void> => {
      judged.length = 0;
      for (let round = 1; round <= 50; round++) {
        peer.send(request);
        // Whoever does not read answers is not read either.
        await run.until(() => peer.received.endsWith("y") && judged.length === round);
        if (judged.at(-1)!.ms < -allowedMs * 0.75) break;
      }
      const least = Math.min(...judged.map(({ ms }) => ms));
      expect([least >= -allowedMs, least < -allowedMs * 0.75]).toEqual([true, true]);
    };
    await leastOf(post("echo", "y".repeat(200_000)), 2.01);
    expect(judged.every(({ bytes }) => bytes >= 400_000 && bytes < 401_000)).toBe(true);
    judged.length = 0;
    peer.send(get("longest"));
    await run.until(() => judged.length === 1);
    expect([judged[0]!.bytes >= 5_000_000, judged[0]!.ms >= -10.49]).toEqual([true, true]);
  });

  test("past 1 MiB, or past 64 MiB of all together, handler threads read them as they come", async () => {
    const MIB = 1 << 20;
    const begin = async (bytes: number): Promise<Peer> => {
      const peer = await run.connect();
      peer.send(`POST /bytes HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes}\r\n\r\nx`);
      await run.turns(2);
      return peer;
    };
    await begin(MIB + 1);
    expect(run.handler.started).toHaveLength(1);
    const peers: Peer[] = [];
    for (let count = 0; count < 64; count++) peers.push(await begin(MIB));
    expect(run.handler.started).toHaveLength(1);
    await begin(MIB);
    expect(run.handler.started).toHaveLength(2);
    const clients = run.clients.count;
    peers[0]!.close();
    await run.until(() => run.clients.count === clients - 1);
    await begin(MIB);
    expect(run.handler.started).toHaveLength(2);
  });

  test("one whose client leaves is dropped", async () => {
    const peer = await run.connect();
    peer.send(post("bytes", "x".repeat(100_000)).slice(0, 50_000));
    await run.turns();
    expect(run.inFlight).toBe(1);
    peer.close();
    await run.until(() => run.clients.count === 0);
    expect([run.inFlight, ranInline()]).toEqual([0, 0]);
  });
});

describe("what outlives the call of its handler", () => {
  test("is a task until it is answered, and counts against its kind", async () => {
    const peer = await run.connect();
    peer.send(get("wait") + get("a"));
    await run.until(() => ranInline() === 2);
    expect([inline.open, run.inFlight, peer.received]).toEqual([1, 1, ""]);
    gate.resolve("late");
    await run.until(() => peer.received.endsWith("at /a"));
    expect(bodiesOf(peer.received)).toEqual(["late", "at /a"]);
    expect([inline.open, run.inFlight]).toEqual([0, 0]);
    peer.send(get("wait"));
    await run.until(() => run.handler.started.length === 1);
    run.handler.started[0]!.answer("HTTP/1.1 200 OK\r\n\r\n");
    await run.until(() => run.inFlight === 0);
  });

  test("is aborted when its client leaves", async () => {
    const peer = await run.connect();
    peer.send(get("wait"));
    await run.until(() => inline.open === 1);
    peer.close(true);
    await run.until(() => aborted === 1);
    expect([inline.open, run.inFlight, run.clients.count]).toEqual([0, 0, 0]);
    gate.resolve("to nobody");
    await run.turns(3);
  });

  test("streams go on as the client takes them, and are cancelled when it leaves", async () => {
    const peer = await run.connect(true);
    peer.send(get("stream"));
    await run.until(() => peer.received.endsWith("0\r\n\r\n"));
    expect(peer.received.split("~").length - 1).toBe(2_000_000);
    expect([inline.open, run.inFlight, cancelled]).toEqual([0, 0, 0]);
    promote("GET", "stream");
    promote("GET", "stream");
    peer.send(get("stream"));
    await run.until(() => inline.open === 1);
    peer.close(true);
    await run.until(() => cancelled === 1);
    expect([inline.open, run.inFlight]).toEqual([0, 0]);
  });
});

describe("a target that is slow", () => {
  const slow = async (request: string): Promise<void> => {
    const peer = await run.connect();
    peer.send(request.slice(0, -1));
    await run.turns(3);
    peer.send(request.slice(-1));
    await run.until(() => bodiesOf(peer.received).length === 1);
    expect(ranInline()).toBe(1);
  };

  test.each(["GET", "POST"])("is a kind of its own (%s)", async (method) => {
    await slow(method === "GET" ? get("busy?all") : post("busy?all", "body"));
    expect(kindOf(method, "busy?all")).not.toBe(kindOf(method, "busy"));
  });

  test("is of its kind as before where that was forgiven", async () => {
    pinKinds();
    await slow(get("busy?all"));
    expect(kindOf("GET", "busy?all")).toBe(kindOf("GET", "busy"));
  });
});

test("without a runtime everything goes to handler threads", async () => {
  inline.use(null);
  const peer = await run.connect();
  peer.send(get("a"));
  await run.until(() => run.handler.started.length === 1);
  run.handler.started[0]!.answer("HTTP/1.1 200 OK\r\n\r\n");
  await run.until(() => run.inFlight === 0);
  expect(ranInline()).toBe(0);
});
