import { afterEach, beforeAll, beforeEach, describe, expect, type Mock, spyOn, test } from "bun:test";
import type { ErrorHandler, FetchHandler, RouteHandler } from "../../src/fetch/registration.ts";
import { installResponseNotes } from "../../src/fetch/response-notes.ts";
import { HandlerRuntime } from "../../src/fetch/runtime.ts";
import { GET, makeExchange, type Recorder } from "./recorder.ts";

beforeAll(installResponseNotes);

let print: Mock<typeof console.error>;
const rejections: unknown[] = [];
const noteRejection = (error: unknown): void => {
  rejections.push(error);
};
beforeEach(() => {
  print = spyOn(console, "error").mockImplementation(() => {});
  rejections.length = 0;
  process.on("unhandledRejection", noteRejection);
});
afterEach(async () => {
  await Bun.sleep(1);
  process.off("unhandledRejection", noteRejection);
  print.mockRestore();
  expect(rejections).toEqual([]);
});

const SERVER = { name: "the server" };

function runtimeOf(fetch: unknown, error: unknown = null, isDevelopment = false): HandlerRuntime {
  return new HandlerRuntime({
    fetch: fetch as FetchHandler,
    routes: [],
    responder: null,
    error: error as ErrorHandler | null,
    isDevelopment,
    server: SERVER,
  });
}

/** Runs a handler once; the recorder after the call, before anything was waited for. */
function runNow(runtime: HandlerRuntime, text = GET): ReturnType<typeof makeExchange> {
  const made = makeExchange(text);
  runtime.run(made.exchange, made.view);
  // The record is used again as soon as `run` has returned.
  made.recorder.record.fill(0xff);
  return made;
}

async function run(runtime: HandlerRuntime, text = GET): Promise<Recorder> {
  const { recorder, exchange } = runNow(runtime, text);
  await recorder.until(() => exchange.isDone);
  expect(recorder.isWellFormed).toBe(true);
  return recorder;
}

const printed = () => print.mock.calls.map(([value]) => (value instanceof Error ? value.message : value));

describe("a handler that answers", () => {
  test("at once: the exchange is over when run returns and was never kept", () => {
    const { exchange, recorder } = runNow(runtimeOf(() => new Response("hi")));
    expect([exchange.isDone, exchange.isKept, recorder.released.length]).toEqual([true, false, 0]);
    expect(recorder.read().content).toBe("hi");
  });

  test("async without waiting for anything: the same", () => {
    const deep = async (depth: number): Promise<Response> =>
      depth === 0 ? new Response("deep") : await deep(depth - 1);
    for (const fetch of [async () => new Response("deep"), () => deep(10)]) {
      const { exchange, recorder } = runNow(runtimeOf(fetch));
      expect([exchange.isDone, exchange.isKept]).toEqual([true, false]);
      expect(recorder.read().content).toBe("deep");
    }
  });

  test("later: it is kept, has its headers still, and is released once", async () => {
    const fetch = async (request: Request) => {
      await Bun.sleep(1);
      return new Response(`${request.url} ${request.headers.get("x-a")}`);
    };
    const { exchange, recorder } = runNow(runtimeOf(fetch), "GET /p HTTP/1.1\r\nHost: h\r\nX-A: 1\r\n\r\n");
    expect([exchange.isDone, exchange.isKept]).toEqual([false, true]);
    await recorder.until(() => exchange.isDone);
    expect([recorder.read().content, recorder.released.length]).toEqual(["http://h/p 1", 1]);
  });

  test("gets the request, and the server as argument and as this", async () => {
    let seen: unknown[] = [];
    const fetch = function (this: unknown, ...given: unknown[]): Response {
      seen = [this, ...given];
      return new Response();
    };
    await run(runtimeOf(fetch));
    expect([seen.length, seen[0], seen[2]]).toEqual([3, SERVER, SERVER]);
    expect(seen[1]).toBeInstanceOf(Request);
  });

  test("of a route is called in place of fetch, which the others get; without fetch they get 404", async () => {
    const value = { run: () => new Response("route"), names: [], segments: [] } as unknown as RouteHandler;
    const registration = {
      routes: [value],
      responder: null,
      error: null,
      isDevelopment: false,
      server: SERVER,
    };
    for (const [fetch, route, status, content] of [
      [() => new Response("fetch"), 1, 200, "route"],
      [() => new Response("fetch"), 0, 200, "fetch"],
      [null, 1, 200, "route"],
      [null, 0, 404, ""],
    ] as const) {
      const runtime = new HandlerRuntime({ ...registration, fetch });
      const { exchange, view, recorder } = makeExchange(GET, undefined, { route });
      runtime.run(exchange, view);
      await recorder.until(() => exchange.isDone);
      expect([recorder.read().statusLine.split(" ")[1], recorder.read().content]).toEqual([
        String(status),
        content,
      ]);
    }
  });

  test("is the one that was given last", async () => {
    const runtime = runtimeOf(() => new Response("old"));
    const fetch = () => new Response("new");
    runtime.replace({
      fetch,
      routes: [],
      responder: null,
      error: null,
      isDevelopment: false,
      server: SERVER,
    });
    expect((await run(runtime)).read().content).toBe("new");
  });

  test("after the client has left: nothing is sent and nothing printed", async () => {
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const first = runNow(runtimeOf(() => promise));
    const second = runNow(runtimeOf(() => promise.then(() => Promise.reject(new Error("late")))));
    first.exchange.abort();
    second.exchange.abort();
    resolve(new Response("late"));
    reject(new Error("ignored"));
    await Bun.sleep(1);
    expect([first.recorder.pieces.length, second.recorder.pieces.length, printed()]).toEqual([0, 0, []]);
  });
});

/** Ways to fail, each with the same error. */
const FAILURES: readonly (readonly [string, (error: unknown) => FetchHandler])[] = [
  [
    "throws",
    (error) => () => {
      throw error;
    },
  ],
  ["rejects at once", (error) => async () => Promise.reject(error)],
  [
    "rejects later",
    (error) => async () => {
      await Bun.sleep(1);
      throw error;
    },
  ],
  ["returns a rejected promise", (error) => () => Promise.reject(error)],
];

describe.each(FAILURES)("a handler that %s", (_, failing) => {
  const fetch = failing(new Error("broken <b>"));

  test("is answered with 500 in production, the error is printed and counted", async () => {
    const runtime = runtimeOf(fetch);
    const answer = (await run(runtime)).read();
    expect([answer.statusLine, answer.field("content-type"), answer.content]).toEqual([
      "HTTP/1.1 500 Internal Server Error",
      "text/plain",
      "Something went wrong!",
    ]);
    expect([printed(), runtime.failures]).toEqual([["broken <b>"], 1]);
  });

  test("is answered with a page that shows the error in development", async () => {
    const answer = (await run(runtimeOf(fetch, null, true), "GET /x?y HTTP/1.1\r\nHost: a\r\n\r\n")).read();
    expect([answer.statusLine, answer.field("content-type")]).toEqual([
      "HTTP/1.1 500 Internal Server Error",
      "text/html;charset=utf-8",
    ]);
    expect(answer.content).toContain("broken &lt;b&gt;");
    expect(answer.content).not.toContain("<b>");
    expect(answer.content).toContain("GET - /x failed");
    expect(printed()).toEqual(["broken <b>", "GET - /x failed"]);
  });

  test("is answered by the error handler, and nothing is printed", async () => {
    const given: unknown[] = [];
    for (const isAsync of [false, true]) {
      const handler = function (this: unknown, error: Error): unknown {
        given.push(this, error.message);
        const response = new Response(`caught ${error.message}`, { status: 418 });
        return isAsync ? Bun.sleep(1).then(() => response) : response;
      };
      const runtime = runtimeOf(fetch, handler, isAsync);
      const answer = (await run(runtime)).read();
      expect([answer.statusLine, answer.content]).toEqual(["HTTP/1.1 418 I'm a Teapot", "caught broken <b>"]);
      expect([printed(), runtime.failures]).toEqual([[], 0]);
    }
    expect(given).toEqual([SERVER, "broken <b>", SERVER, "broken <b>"]);
  });

  test("and an error handler that fails too, or gives no Response", async () => {
    const second = new Error("second");
    const handlers: unknown[] = [...FAILURES.map(([, make]) => make(second)), () => "text", async () => null];
    for (const [index, handler] of handlers.entries()) {
      print.mockClear();
      const answer = (await run(runtimeOf(fetch, handler))).read();
      expect([answer.statusLine, answer.content]).toEqual([
        "HTTP/1.1 500 Internal Server Error",
        "Something went wrong!",
      ]);
      expect(printed()).toEqual(index < FAILURES.length ? ["second", "broken <b>"] : ["broken <b>"]);
    }
  });
});
