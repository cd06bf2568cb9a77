import { afterEach, describe, expect, spyOn, test } from "bun:test";
import { DispatcherLink } from "../../src/channel/dispatcher-link.ts";
import { HandlerLink } from "../../src/channel/handler-link.ts";
import {
  ANSWER,
  ANSWER_BLOCK,
  CUT,
  HEAVY,
  LAST,
  LIGHT,
  PACE_MASK,
  QUICK,
  TYPE_MASK,
} from "../../src/channel/messages.ts";
import { TASK_MEASURED, TASK_STREAMS_BODY } from "../../src/channel/task-record.ts";
import type { FetchHandler } from "../../src/fetch/registration.ts";
import { installResponseNotes } from "../../src/fetch/response-notes.ts";
import { HandlerRuntime } from "../../src/fetch/runtime.ts";
import { HandlerLoop } from "../../src/roles/handler-loop.ts";
import { allocateServerMemory, controlOf, handlerCounters, pairOf } from "../../src/roles/server-memory.ts";
import { HANDLER_EMPTY, HANDLER_READY } from "../../src/shm/control-block.ts";
import { HandlerCounter } from "../../src/shm/counters.ts";
import { PEER, PEER_INDEX, parseRequest, pattern } from "../channel/link-pair.ts";

installResponseNotes();

interface Request {
  readonly path: string;
  text: string;
  isOver: boolean;
  isCut: boolean;
  /** The flags of the answer that say how the handler has run. */
  pace: number;
}

/** A loop on this thread and the dispatchers' ends of its links. */
class Run {
  readonly memory = allocateServerMemory(2, 1);
  readonly control = controlOf(this.memory);
  readonly counters = handlerCounters(this.memory, 0);
  readonly dispatchers: DispatcherLink<Request>[];
  readonly loop: HandlerLoop;
  retired = 0;

  constructor(fetch: FetchHandler) {
    this.control.moveHandler(0, HANDLER_EMPTY, HANDLER_READY);
    const pairs = [0, 1].map((index) => pairOf(this.memory, index, 0));
    this.dispatchers = pairs.map(
      (pair) => new DispatcherLink<Request>(0, pair, this.control.handlerParker(0)),
    );
    const links = pairs.map((pair, index) => {
      return new HandlerLink(pair, this.control.dispatcherParker(index), () => {});
    });
    const registration = {
      fetch,
      error: null,
      isDevelopment: false,
      server: {},
      routes: [],
      responder: null,
    };
    this.loop = new HandlerLoop(
      this.control,
      0,
      links,
      new HandlerRuntime(registration),
      this.counters,
      () => this.retired++,
    );
  }

  give(path: string, dispatcher = 0, flags = 0): { request: Request; entry: number } {
    const request: Request = { path, text: "", isOver: false, isCut: false, pace: 0 };
    const { head, bytes, headStart, bodyStart } = parseRequest(`POST ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const link = this.dispatchers[dispatcher];
    const entry = link.give(request, head, bytes, headStart, bodyStart, 0, flags, PEER, PEER_INDEX);
    link.flush();
    return { request, entry };
  }

  /** Reads results until `condition` holds; fails after 3 s. */
  async until(condition: () => boolean): Promise<void> {
    const deadline = Date.now() + 3000;
    for (;;) {
      for (const link of this.dispatchers) this.#collect(link);
      if (condition()) return;
      if (Date.now() > deadline) throw new Error("not within 3 s");
      await Bun.sleep(0);
    }
  }

  #collect(link: DispatcherLink<Request>): void {
    const { results, slab } = link;
    while (results.next()) {
      const { type, a: entry, b: serial, payloadOffset: at } = results;
      const request = link.taskOf(entry, serial);
      const kind = type & TYPE_MASK;
      if (kind === ANSWER_BLOCK) {
        const block = results.words[at >> 2];
        const length = results.words[(at >> 2) + 1];
        const start = slab.blockOffset(block);
        for (let end = block + Math.ceil(length / slab.blockBytes), next = block; next < end; next++)
          slab.accept(next);
        request!.text += slab.bytes.toString("latin1", start, start + length);
        for (let end = block + Math.ceil(length / slab.blockBytes), next = block; next < end; next++)
          slab.free(next);
      } else if (kind === ANSWER) {
        request!.text += results.bytes.toString("latin1", at, at + results.payloadBytes);
      }
      if (request === null || ((type & LAST) === 0 && kind !== CUT)) continue;
      request.isOver = true;
      request.pace = type & PACE_MASK;
      request.isCut = kind === CUT;
      link.finish(entry);
    }
    link.release();
  }
}

let run: Run | null = null;
afterEach(() => {
  run?.loop.stop();
  run = null;
});

function start(fetch: (request: globalThis.Request) => unknown): Run {
  run = new Run(fetch as FetchHandler);
  run.loop.start();
  return run;
}

const pathOf = (request: globalThis.Request) => new URL(request.url).pathname;
const echo = (request: globalThis.Request) => new Response(pathOf(request));

describe("tasks", () => {
  test("that are there at the start and that come while it sleeps, from all dispatchers", async () => {
    run = new Run(echo as FetchHandler);
    const early = run.give("/early", 1).request;
    run.loop.start();
    await run.until(() => early.isOver && run!.dispatchers[0].isHandlerAsleep);
    for (let round = 0; round < 20; round++) {
      const { request } = run.give(`/${round}`, round % 2);
      await run.until(() => request.isOver);
      expect(request.text).toEndWith(`\r\n\r\n/${round}`);
    }
    expect(run.counters[HandlerCounter.tasksStarted]).toBe(21);
    expect(run.counters[HandlerCounter.tasksFinished]).toBe(21);
    expect(run.counters[HandlerCounter.sleeps]).toBeGreaterThan(1);
  });

  test("thousands, more than a turn takes, each answered once and right", async () => {
    const loop = start(echo);
    const requests: Request[] = [];
    for (let batch = 0; batch < 15; batch++) {
      for (let index = 0; index < 200; index++) {
        requests.push(loop.give(`/${requests.length}`, index % 2).request);
      }
      await loop.until(() => requests.every(({ isOver }) => isOver));
    }
    expect(requests.every(({ path, text }) => text.endsWith(`\r\n\r\n${path}`))).toBe(true);
  });

  test("taken back are skipped", async () => {
    run = new Run(echo as FetchHandler);
    const { request, entry } = run.give("/taken");
    expect(run.dispatchers[0].tryTakeBack(entry)).toBe(true);
    const next = run.give("/next").request;
    run.loop.start();
    await run.until(() => next.isOver);
    expect([request.text, run.counters[HandlerCounter.tasksSkipped], run.control.isRunning(0)]).toEqual([
      "",
      1,
      false,
    ]);
  });

  test("run with the event loop turning: timers and others in between", async () => {
    const order: string[] = [];
    const loop = start(async (request) => {
      order.push(`in ${pathOf(request)}`);
      if (pathOf(request) === "/slow") await Bun.sleep(10);
      order.push(`out ${pathOf(request)}`);
      return new Response();
    });
    const slow = loop.give("/slow").request;
    const fast = loop.give("/fast").request;
    await loop.until(() => fast.isOver);
    expect(slow.isOver).toBe(false);
    expect([loop.loop.openRequests, loop.control.openRequests(0)]).toEqual([1, 1]);
    await loop.until(() => slow.isOver);
    expect(order).toEqual(["in /slow", "in /fast", "out /fast", "out /slow"]);
    expect([loop.loop.openRequests, loop.control.openRequests(0)]).toEqual([0, 0]);
  });

  test("are announced while they run, and their time is averaged", async () => {
    let wasRunning = false;
    const loop = start(() => {
      wasRunning = loop.control.isRunning(0);
      Bun.sleepSync(5);
      return new Response();
    });
    const { request } = loop.give("/");
    await loop.until(() => request.isOver);
    expect([wasRunning, loop.control.isRunning(0)]).toEqual([true, false]);
    expect(loop.control.serviceMs(0)).toBeGreaterThan(0.3);
    expect(loop.counters[HandlerCounter.busyMs]).toBeGreaterThanOrEqual(4);
  });

  test("a handler that throws harms no other", async () => {
    const print = spyOn(console, "error").mockImplementation(() => {});
    const loop = start((request) => {
      if (pathOf(request) === "/bad") throw new Error("bad");
      return echo(request);
    });
    const all = ["/bad", "/good", "/bad"].map((path) => loop.give(path).request);
    await loop.until(() => all.every(({ isOver }) => isOver));
    expect(all.map(({ text }) => text.slice(9, 12))).toEqual(["500", "200", "500"]);
    print.mockRestore();
  });
});

describe("the pace of a task that is measured", () => {
  const compute = async (request: globalThis.Request): Promise<Response> => {
    const ms = Number(pathOf(request).slice(1));
    if (ms < 0) await Bun.sleep(0);
    const end = performance.now() + ms;
    while (performance.now() < end);
    return new Response("");
  };

  // Whatever else this machine does, one of many runs is not disturbed.
  test.each([
    ["0", QUICK],
    ["0.4", LIGHT],
    ["0.8", LIGHT | HEAVY],
    ["3", HEAVY],
  ])("after %s ms of computing", async (ms, pace) => {
    const loop = start(compute);
    const paces = new Set<number>();
    for (let round = 0; round < 200 && !paces.has(pace); round++) {
      const { request } = loop.give(`/${ms}`, 0, TASK_MEASURED);
      await loop.until(() => request.isOver);
      paces.add(request.pace);
    }
    expect([...paces]).toContain(pace);
  });

  test("is none where it waited, or where nobody asks", async () => {
    const loop = start(compute);
    for (const { request } of [loop.give("/-1", 0, TASK_MEASURED), loop.give("/0")]) {
      await loop.until(() => request.isOver);
      expect(request.pace).toBe(0);
    }
  });
});

describe("messages about a task", () => {
  test("its body in pieces", async () => {
    const loop = start(async (request) => new Response(String((await request.bytes()).length)));
    const { request, entry } = loop.give("/", 0, TASK_STREAMS_BODY);
    const link = loop.dispatchers[0];
    for (let piece = 0; piece < 4; piece++) link.sendBody(entry, pattern(10_000), 0, 10_000, piece === 3);
    link.flush();
    await loop.until(() => request.isOver);
    expect(request.text).toEndWith("\r\n\r\n40000");
  });

  test("a failed body", async () => {
    const loop = start((request) => request.text().catch((error) => new Response(error.message)));
    const { request, entry } = loop.give("/", 0, TASK_STREAMS_BODY);
    loop.dispatchers[0].failBody(entry, 413);
    loop.dispatchers[0].flush();
    await loop.until(() => request.isOver);
    expect(request.text).toEndWith("Request body exceeded maxRequestBodySize");
  });

  test("credit for an answer of 2 MB", async () => {
    const loop = start(() => new Response("x".repeat(2 << 20)));
    const { request, entry } = loop.give("/");
    let credited = 0;
    await loop.until(() => {
      if (!request.isOver && request.text.length > credited) {
        loop.dispatchers[0].credit(entry, request.text.length - credited);
        credited = request.text.length;
        loop.dispatchers[0].flush();
      }
      return request.isOver;
    });
    expect(request.text.length).toBeGreaterThan(2 << 20);
    expect(request.text.endsWith("x")).toBe(true);
  });

  test("an abort is confirmed and a half-close is not", async () => {
    const reasons: string[] = [];
    const loop = start((request) => {
      const { promise, resolve } = Promise.withResolvers<Response>();
      request.signal.addEventListener("abort", () => {
        reasons.push(pathOf(request));
        resolve(new Response("after"));
      });
      return promise;
    });
    const gone = loop.give("/gone");
    const half = loop.give("/half");
    loop.dispatchers[0].abort(gone.entry, false);
    loop.dispatchers[0].abort(half.entry, true);
    loop.dispatchers[0].flush();
    await loop.until(() => gone.request.isOver && half.request.isOver);
    expect([gone.request.isCut, gone.request.text]).toEqual([true, ""]);
    expect([half.request.isCut, half.request.text.endsWith("after")]).toEqual([false, true]);
    expect(reasons).toEqual(["/gone", "/half"]);
    expect(loop.loop.openRequests).toBe(0);
  });

  test("about a request that is over are dropped", async () => {
    const loop = start(echo);
    const { request, entry } = loop.give("/one");
    await loop.until(() => request.isOver);
    loop.dispatchers[0].credit(entry, 5);
    loop.dispatchers[0].abort(entry, false);
    loop.dispatchers[0].sendBody(entry, pattern(1), 0, 1, true);
    loop.dispatchers[0].flush();
    const next = loop.give("/two").request;
    await loop.until(() => next.isOver);
    expect([next.isCut, next.text.endsWith("/two")]).toEqual([false, true]);
  });
});
