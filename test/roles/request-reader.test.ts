import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { INLINE_BODY_BYTES } from "../../src/channel/messages.ts";
import {
  TASK_CLOSES,
  TASK_HAS_BODY,
  TASK_HTTP_1_0,
  TASK_STREAMS_BODY,
} from "../../src/channel/task-record.ts";
import { DEFAULT_LIMITS } from "../../src/http/limits.ts";
import { closeSocket } from "../../src/net/stream-socket.ts";
import { CLIENT_ENDING, CLIENT_LINGERING, CLIENT_OPEN, Client, NO_REQUEST } from "../../src/roles/client.ts";
import { CHUNK_SIZE, DEFAULT_PIPELINED, MAX_QUEUED_BYTES } from "../../src/roles/request-reader.ts";
import { DispatcherCounter } from "../../src/shm/counters.ts";
import { SocketPair } from "../net/raw-client.ts";
import { Peer } from "./peer.ts";
import { Reading, type ReadingOptions } from "./reading.ts";

const get = (target: string, ...fields: string[]) =>
  `GET ${target} HTTP/1.1\r\n${["Host: a", ...fields].join("\r\n")}\r\n\r\n`;
const post = (target: string, length: number, ...fields: string[]) =>
  `POST ${target} HTTP/1.1\r\n${["Host: a", `Content-Length: ${length}`, ...fields].join("\r\n")}\r\n\r\n`;
const CHUNKED = "POST /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

let run: Reading;
async function open(options: ReadingOptions = {}): Promise<void> {
  run = await Reading.open(options);
}
beforeEach(() => open());
afterEach(() => run.close());
/** Opens with other options in the middle of a test. */
async function reopen(options: ReadingOptions): Promise<void> {
  run.close();
  await open(options);
}

const counter = (name: keyof typeof DispatcherCounter) => run.scheduling.counters[DispatcherCounter[name]];

describe("the parser", () => {
  test("is lent from the first byte of a request to its last, to several clients at once; idle ones have none", async () => {
    const sockets = await SocketPair.open();
    const other = new Client(1, 0, sockets.server);
    const peer = new Peer(sockets.client);
    const sendOther = async (text: string): Promise<void> => {
      peer.send(text);
      await Bun.sleep(0);
      other.isReadable = true;
      run.reader.read(other);
    };
    await run.send(get("/one"));
    expect(run.client.parser).toBe(NO_REQUEST);
    await run.send(`${post("/two", 4)}ab`);
    const { parser } = run.client;
    await sendOther("GET /three HTTP/1.1\r\nHo");
    expect(new Set([NO_REQUEST, parser, other.parser]).size).toBe(3);
    expect([parser.isInBody, other.parser.isInHead]).toEqual([true, true]);
    await run.send("cd");
    // An empty line before the next request (RFC 9112 section 2.2) is part of it.
    await run.send("\r\n");
    expect([run.client.parser, other.parser === parser]).toEqual([parser, false]);
    await sendOther(`st: a\r\n\r\n${get("/four")}`);
    await run.send(get("/five"));
    expect([run.client.parser, other.parser]).toEqual([NO_REQUEST, NO_REQUEST]);
    run.play();
    expect(run.handler.targets).toEqual(["/one", "/two", "/three", "/four", "/five"]);
    closeSocket(other.fd);
    peer.close();
  });
});

describe("heads", () => {
  test("that come byte by byte, with the next one close behind", async () => {
    const text = get("/one", "X: y") + get("/two");
    for (let at = 0; at < text.length; at++) {
      await run.send(text[at]);
      if (at === 20)
        expect([run.client.held !== null, run.handler.targets, run.inFlight]).toEqual([true, [], 0]);
    }
    expect([run.handler.targets, run.inFlight, run.client.held]).toEqual([["/one", "/two"], 2, null]);
    expect([counter("requests"), counter("bytesReceived")]).toEqual([2, text.length]);
  });

  test("of several requests that come at once, cut anywhere", async () => {
    const targets = Array.from({ length: 12 }, (_, index) => `/${index}`);
    const text = targets.map((target) => get(target)).join("");
    for (const cut of [1, 40, 100, 101, 200, text.length - 1]) {
      await reopen({});
      await run.send(text.slice(0, cut));
      await run.send(text.slice(cut));
      expect(run.handler.targets).toEqual(targets);
    }
  });

  test("as long as the limit allows, in pieces", async () => {
    const text = get("/long", ...Array.from({ length: 4 }, (_, index) => `X-${index}: ${"v".repeat(4000)}`));
    expect(text.length).toBeLessThan(DEFAULT_LIMITS.headBytes);
    for (let at = 0; at < text.length; at += 3001) await run.send(text.slice(at, at + 3001));
    expect([run.handler.targets, run.client.held]).toEqual([["/long"], null]);
  });

  test("say by their flags what was in them", async () => {
    await run.send(`${get("/")}${post("/", 1)}x${get("/", "Connection: close")}`);
    expect(run.handler.started.map(({ flags }) => flags)).toEqual([0, TASK_HAS_BODY, TASK_CLOSES]);
    // The server keeps no connection of HTTP/1.0.
    await reopen({});
    await run.send("GET / HTTP/1.0\r\n\r\n");
    expect(run.handler.last.flags).toBe(TASK_HTTP_1_0 | TASK_CLOSES);
  });

  test("with 100-continue are told to go on before their body is there, in turn", async () => {
    await run.send(get("/") + post("/", 4, "Expect: 100-continue"));
    expect(run.events).toEqual(["interim 1 HTTP/1.1 100 Continue"]);
    await run.send("body");
    expect([run.handler.last.body, run.events.length]).toEqual(["body", 1]);
  });
});

describe("bodies", () => {
  const body = (length: number) => "0123456789".repeat(Math.ceil(length / 10)).slice(0, length);

  test.each([1, 100, INLINE_BODY_BYTES])(
    "of %d bytes travel with their head, cut anywhere",
    async (length) => {
      const text = post("/", length) + body(length);
      const headBytes = text.length - length;
      for (const cut of [headBytes - 1, headBytes, headBytes + 1, text.length - 1, text.length]) {
        await reopen({});
        await run.send(text.slice(0, cut));
        if (cut < text.length) expect(run.handler.started).toEqual([]);
        await run.send(text.slice(cut) + get("/next"));
        expect(run.handler.targets).toEqual(["/", "/next"]);
        const [{ body: received, flags }] = run.handler.started;
        expect([received === body(length), flags]).toEqual([true, TASK_HAS_BODY]);
      }
    },
  );

  test("longer than that follow their head under credit, and pause the client", async () => {
    const length = 3 * CHUNK_SIZE;
    await run.send(post("/", length));
    expect([run.handler.last.flags, run.handler.last.body]).toEqual([TASK_HAS_BODY | TASK_STREAMS_BODY, ""]);
    const started = run.handler.last;
    const bytes = Buffer.from(body(length));
    const [task] = run.client.tasks;
    let sent = 0;
    for (let turn = 0; turn < 200 && !started.isBodyComplete; turn++) {
      sent += run.peer.sendSome(bytes, sent);
      await run.readAll();
      if (!started.isBodyComplete) {
        expect(run.reader.isPaused(run.client)).toBe(true);
        // At most what was read at once waits.
        expect(task.upload!.pieceBytes).toBeLessThanOrEqual(CHUNK_SIZE);
      }
      run.uploads.credit(task, 50_000);
      run.play();
    }
    expect(started.body === body(length)).toBe(true);
    expect([run.reader.isPaused(run.client), run.client.receiving]).toEqual([false, null]);
    await run.send(get("/next"));
    expect(run.handler.targets).toEqual(["/", "/next"]);
  });

  test("in chunks are put together when short", async () => {
    for (const part of [CHUNKED, chunk("one "), "5;x=y\r", "\ntwo, ", "\r\n0\r\nTrailer: x\r\n", "\r\n"]) {
      expect(run.handler.started).toEqual([]);
      await run.send(part);
    }
    expect([run.handler.last.body, run.handler.last.flags]).toEqual(["one two, ", TASK_HAS_BODY]);
  });

  test("in chunks that grow long are streamed from there on, with nothing lost", async () => {
    await run.send(CHUNKED);
    const part = body(10_000);
    for (let count = 0; count < 3; count++) await run.send(chunk(part));
    expect(run.handler.started).toEqual([]);
    await run.send(chunk(part));
    expect(run.handler.last.flags).toBe(TASK_HAS_BODY | TASK_STREAMS_BODY);
    run.uploads.credit(run.client.tasks[0], 1 << 20);
    await run.send(`${chunk(part)}0\r\n\r\n${get("/next")}`);
    const [{ body: received, isBodyComplete }] = run.handler.started;
    expect([received === part.repeat(5), isBodyComplete]).toEqual([true, true]);
    expect(run.handler.targets).toEqual(["/chunked", "/next"]);
  });

  test("of GET and HEAD are read and dropped", async () => {
    await run.send(`${get("/", "Content-Length: 5")}hel`);
    expect([run.handler.last.body, run.handler.last.flags]).toEqual(["", 0]);
    await run.send(`lo${"HEAD /head HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"}`);
    await run.send(`${chunk("x".repeat(50_000))}0\r\n\r\n${get("/next")}`);
    expect(run.handler.targets).toEqual(["/", "/head", "/next"]);
  });

  test("whose request is answered early are let through", async () => {
    await run.send(post("/", 200_000));
    run.answered(0);
    await run.send(body(100_000));
    await run.send(body(100_000) + get("/next"));
    expect([run.handler.targets, run.handler.started[0].body]).toEqual([["/", "/next"], ""]);
  });
});

describe("a client is paused", () => {
  test("with as many requests in flight as may be, and then goes on where it was", async () => {
    const count = 3 * DEFAULT_PIPELINED;
    await run.send(Array.from({ length: count }, (_, index) => get(`/${index}`)).join(""));
    expect([run.handler.started.length, run.inFlight]).toEqual([DEFAULT_PIPELINED, DEFAULT_PIPELINED]);
    expect([run.reader.isPaused(run.client), run.client.mustParse]).toEqual([true, true]);
    for (let answered = 0; answered < count; answered++) {
      run.answered(0);
      await run.readAll();
      expect(run.inFlight).toBeLessThanOrEqual(DEFAULT_PIPELINED);
    }
    expect(run.handler.targets).toEqual(Array.from({ length: count }, (_, index) => `/${index}`));
    expect([run.client.held, run.client.mustParse, run.client.isIdle]).toEqual([null, false, true]);
  });

  test("with as many in flight as would fill its queue, reckoned by its last answer; short ones make room again", async () => {
    run.client.answerBytes = MAX_QUEUED_BYTES / 8;
    await run.send(Array.from({ length: 2 * DEFAULT_PIPELINED }, (_, index) => get(`/${index}`)).join(""));
    expect([run.inFlight, run.reader.isPaused(run.client)]).toEqual([8, true]);
    // Two of them wait for the socket.
    run.client.queuedBytes = MAX_QUEUED_BYTES / 4;
    for (let answered = 0; answered < 3; answered++) run.answered(0);
    await run.readAll();
    expect(run.inFlight).toBe(6);
    // However long one is, the next is read: a client that does not send ahead is to be seen when it leaves.
    run.client.queuedBytes = 0;
    run.client.answerBytes = 100 * MAX_QUEUED_BYTES;
    while (run.inFlight > 0) run.answered(0);
    await run.readAll();
    expect(run.inFlight).toBe(2);
    run.client.answerBytes = 100;
    await run.readAll();
    expect(run.inFlight).toBe(DEFAULT_PIPELINED);
  });

  test("when it ends or is gone, not while it lingers: then the rest is read and dropped", async () => {
    expect(run.reader.isPaused(run.client)).toBe(false);
    run.client.state = CLIENT_ENDING;
    expect(run.reader.isPaused(run.client)).toBe(true);
    run.client.state = CLIENT_LINGERING;
    expect(run.reader.isPaused(run.client)).toBe(false);
    await run.send(get("/dropped"));
    expect([run.handler.targets, run.client.held, run.inFlight]).toEqual([[], null, 0]);
  });
});

describe("refusals", () => {
  test("what is no request gets 400 behind the answers before it; nothing more is read", async () => {
    await run.send(`${get("/fine")}no request\r\n\r\n${get("/never")}`);
    expect(run.handler.targets).toEqual(["/fine"]);
    expect(run.events).toEqual(["reply 1 HTTP/1.1 400 Bad Request, closes"]);
    expect([run.client.state, run.client.mustLinger, run.inFlight]).toEqual([CLIENT_ENDING, true, 1]);
    expect([counter("parseErrors"), counter("requests")]).toEqual([1, 1]);
  });

  test("a head that is too long gets 431", async () => {
    await run.send(`GET / HTTP/1.1\r\nX: ${"x".repeat(20_000)}`);
    expect(run.events).toEqual(["reply 0 HTTP/1.1 431 Request Header Fields Too Large, closes"]);
  });

  test("a body that is announced too long gets 413 and no handler", async () => {
    await reopen({ maxBodyBytes: 1000 });
    await run.send(`${post("/", 1000)}${"x".repeat(1000)}`);
    expect(run.handler.last.body.length).toBe(1000);
    await run.send(`${post("/long", 1001)}part`);
    expect(run.events).toEqual(["abandon 1", "reply 1 HTTP/1.1 413 Request Entity Too Large, closes"]);
    expect([run.handler.targets, run.client.state, run.inFlight]).toEqual([["/"], CLIENT_ENDING, 1]);
  });

  test("a body that grows too long gets 413, before its handler was asked", async () => {
    await reopen({ maxBodyBytes: 1000 });
    await run.send(CHUNKED + chunk("x".repeat(999)));
    expect(run.events).toEqual([]);
    await run.send(chunk("xx"));
    expect(run.events).toEqual(["abandon 0", "reply 0 HTTP/1.1 413 Payload Too Large, closes"]);
    expect([run.handler.targets, run.inFlight, run.client.tasks]).toEqual([[], 0, []]);
  });

  test.each([false, true])("or after, and that handler is told; answered before: %p", async (isAnswering) => {
    await reopen({ maxBodyBytes: 100_000 });
    await run.send(CHUNKED + chunk("x".repeat(50_000)));
    const [task] = run.client.tasks;
    run.uploads.credit(task, 1 << 20);
    run.play();
    task.isAnswering = isAnswering;
    await run.send(chunk("x".repeat(50_001)));
    expect(run.handler.last.bodyFailure).toBe(413);
    expect(run.refusal).toEqual(
      isAnswering ? [] : ["abandon 0", "reply 0 HTTP/1.1 413 Payload Too Large, closes"],
    );
    expect([run.client.state, run.client.mustLinger]).toEqual([CLIENT_ENDING, true]);
  });

  test("a body that is malformed gets 400, and its handler is told", async () => {
    await run.send(CHUNKED + chunk("x".repeat(40_000)));
    run.uploads.credit(run.client.tasks[0], 1 << 20);
    run.play();
    await run.send("no chunk\r\n");
    expect(run.handler.last.bodyFailure).toBe(400);
    expect(run.refusal).toEqual(["abandon 0", "reply 0 HTTP/1.1 400 Bad Request, closes"]);
  });

  test("with a full backlog requests get 503 and the connection goes on", async () => {
    await reopen({ hasHandler: false, maxBacklog: 2 });
    const bodies = [
      post("/2", 5) + "short",
      post("/3", 40_000) + "x".repeat(40_000),
      CHUNKED + chunk("y") + "0\r\n\r\n",
    ];
    await run.send(
      get("/0") + get("/1") + bodies.join("") + CHUNKED + chunk("z".repeat(40_000)) + "0\r\n\r\n",
    );
    expect(run.events).toEqual(
      [2, 3, 4, 5].map((index) => `reply ${index} HTTP/1.1 503 Service Unavailable`),
    );
    expect([run.inFlight, counter("tasksRefused"), run.client.state]).toEqual([2, 4, CLIENT_OPEN]);
    run.scheduling.ready([0], 0.00001);
    run.scheduling.scheduler.drain(0);
    await run.send(get("/next"));
    expect(run.handler.targets).toEqual(["/0", "/1", "/next"]);
  });
});

describe("the end", () => {
  test("the last request is followed by nothing", async () => {
    await run.send(post("/last", 4, "Connection: close") + "bo");
    expect(run.client.state).toBe(CLIENT_OPEN);
    await run.send(`dy${get("/never")}`);
    expect([run.handler.targets, run.handler.last.body]).toEqual([["/last"], "body"]);
    expect([run.client.state, run.client.held]).toEqual([CLIENT_ENDING, null]);
  });

  test("of a peer that closes its half is told once all it sent was read", async () => {
    run.peer.send(get("/one"));
    run.peer.endSending();
    await Bun.sleep(1);
    run.client.isHungUp = true;
    while (run.client.isReadable) run.reader.read(run.client);
    run.play();
    expect([run.handler.targets, run.events]).toEqual([["/one"], ["input over"]]);
  });

  test("of a connection that is reset is told as broken", async () => {
    run.peer.close(true);
    await Bun.sleep(1);
    run.reader.read(run.client);
    expect([run.events, run.client.isReadable]).toEqual([["broken"], false]);
  });

  test("nothing to read is no end", () => {
    run.reader.read(run.client);
    expect([run.events, run.client.isReadable, run.client.isInputOver]).toEqual([[], false, false]);
  });
});
