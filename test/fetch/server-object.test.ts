import { describe, expect, test } from "bun:test";
import { makeRequest } from "../../src/fetch/make-request.ts";
import type { FetchHandler } from "../../src/fetch/registration.ts";
import { HTTPServer } from "../../src/fetch/server-object.ts";
import { allocateServerMemory, controlOf } from "../../src/roles/server-memory.ts";
import { ThreadServerState } from "../../src/roles/thread-server-state.ts";
import { SERVER_CLOSED, SERVER_DRAINING, SERVER_RUNNING } from "../../src/shm/control-block.ts";
import { GET, makeExchange } from "./recorder.ts";

function open(fetch: unknown = null, isDevelopment = false) {
  const memory = allocateServerMemory(1, 1);
  const control = controlOf(memory);
  const state = new ThreadServerState(memory, {
    port: 4321,
    hostname: "localhost",
    url: "http://localhost:4321/",
    address: { address: "127.0.0.1", family: "IPv4", port: 4321 },
    isDevelopment,
    id: "the id",
  });
  state.fetch = fetch as FetchHandler | null;
  return { server: new HTTPServer(state), control };
}

/** The name, code and message of what a call throws or rejects with. */
async function failureOf(call: () => unknown): Promise<[string, string | undefined, string]> {
  try {
    await call();
  } catch (error) {
    const { name, code, message } = error as Error & { code?: string };
    return [name, code, message];
  }
  throw new Error("it did not fail");
}

const request = () => {
  const { exchange, view, recorder } = makeExchange(GET);
  return { request: makeRequest(exchange, view) as unknown as Request, exchange, recorder };
};

describe("properties", () => {
  test("are those of the server", () => {
    const { server, control } = open();
    expect([server.port, server.hostname, server.url.href, server.protocol]).toEqual([
      4321,
      "localhost",
      "http://localhost:4321/",
      "http",
    ]);
    expect(server.url).toBe(server.url);
    expect([server.development, server.id, server.pendingWebSockets]).toEqual([false, "the id", 0]);
    expect(server.address).toEqual({ address: "127.0.0.1", family: "IPv4", port: 4321 });
    control.setInFlight(0, 3);
    expect(server.pendingRequests).toBe(3);
    control.serverState = SERVER_DRAINING;
    expect(server.port).toBe(0);
  });

  test("cannot be set, and there are none of its own", () => {
    const { server } = open();
    expect(() => {
      (server as { port: unknown }).port = 5;
    }).toThrow(TypeError);
    expect([Object.keys(server), server.constructor]).toEqual([[], Object as unknown as typeof HTTPServer]);
  });

  test("its name tells development", () => {
    expect([String(open().server), String(open(null, true).server)]).toEqual([
      "[object HTTPServer]",
      "[object DebugHTTPServer]",
    ]);
  });
});

describe("requestIP", () => {
  test("is the address of a request's client while it is in flight", () => {
    const { server } = open();
    const { request: asked, exchange } = request();
    const expected = { address: "127.0.0.1", family: "IPv4", port: 8080 } as const;
    expect(server.requestIP(asked)).toEqual(expected);
    expect(Object.keys(server.requestIP(asked)!)).toEqual(["address", "family", "port"]);
    exchange.keep();
    expect(server.requestIP(asked)).toEqual(expected);
    exchange.answer("done", null, 0);
    expect(server.requestIP(asked)).toBeNull();
  });

  test("is null for others, clones and those whose client has left", () => {
    const { server } = open();
    const { request: asked, exchange } = request();
    for (const other of [new Request("http://a/"), asked.clone() as Request, new Request(asked)]) {
      expect(server.requestIP(other)).toBeNull();
    }
    exchange.halfClose();
    expect(server.requestIP(asked)).toBeNull();
  });

  test("needs a request", async () => {
    const { server } = open();
    expect(await failureOf(() => (server.requestIP as unknown as () => void)())).toEqual([
      "TypeError",
      "ERR_INVALID_ARG_TYPE",
      "Missing Request object",
    ]);
  });
});

describe("timeout", () => {
  test("reaches the client in whole seconds from 0 to 255", () => {
    const { server } = open();
    const { request: asked, recorder } = request();
    for (const seconds of [0, 1, 2.1, 255, 256, 1e9, -5, Number.NaN]) {
      expect(server.timeout(asked, seconds)).toBeUndefined();
    }
    expect(recorder.idleTimeouts).toEqual([0, 1, 3, 255, 255, 255, 0, 0]);
  });

  test("of foreign and finished requests is ignored", () => {
    const { server } = open();
    const { request: asked, exchange, recorder } = request();
    server.timeout(new Request("http://a/"), 5);
    exchange.answer("done", null, 0);
    server.timeout(asked, 5);
    expect(recorder.idleTimeouts).toEqual([]);
  });

  test("says what is wrong with its arguments", async () => {
    const { server } = open();
    const timeout = server.timeout.bind(server) as (...given: unknown[]) => void;
    expect(await failureOf(() => timeout())).toEqual([
      "TypeError",
      "ERR_MISSING_ARGS",
      "Not enough arguments to 'timeout'. Expected 2, got 0.",
    ]);
    expect(await failureOf(() => timeout(request().request, "5"))).toEqual([
      "Error",
      undefined,
      "timeout() requires a number",
    ]);
  });
});

describe("fetch", () => {
  test("calls the handler with a request from no client: a Request, a url, a path", async () => {
    const { server } = open((given: Request) => new Response(given.url));
    const texts: string[] = [];
    for (const given of [new Request("http://x/a"), "http://y/b", "/c?d", "e?f", "//g/h"]) {
      texts.push(await ((await server.fetch(given)) as Response).text());
    }
    expect(texts).toEqual(["http://x/a", "http://y/b", "http://localhost:4321/c?d", "e?f", "//g/h"]);
  });

  test("passes the very Request on, and errors out", async () => {
    const { server } = open((given: unknown) => given);
    const asked = new Request("http://x/");
    expect(await server.fetch(asked)).toBe(asked);
    const failing = open(() => {
      throw new RangeError("out");
    }).server;
    expect((await failureOf(() => failing.fetch("/")))[0]).toBe("RangeError");
  });

  test("says what is missing", async () => {
    expect(await failureOf(() => open().server.fetch("/"))).toEqual([
      "Error",
      undefined,
      "fetch() requires the server to have a fetch handler",
    ]);
    const { server } = open(() => new Response());
    expect(await failureOf(() => server.fetch({} as Request))).toEqual([
      "TypeError",
      "ERR_INVALID_ARG_TYPE",
      "fetch() expects a string, but received Object",
    ]);
  });

  test("takes method, headers and body for a url, and gives the handler one argument", async () => {
    const { server } = open(async function (this: unknown, asked: Request) {
      const seen = [
        asked.method,
        asked.headers.get("a"),
        await asked.text(),
        arguments.length,
        this === server,
      ];
      return Response.json(seen);
    });
    const answer = await server.fetch("/", { method: "POST", body: "text", headers: { a: "b" } });
    expect(await (answer as Response).json()).toEqual(["POST", "b", "text", 1, true]);
  });
});

describe("what there is no WebSocket for", () => {
  test("upgrade, publish and subscriberCount say so as Bun.serve's do", async () => {
    const { server } = open();
    expect((await failureOf(() => (server.upgrade as unknown as () => void)())).slice(1)).toEqual([
      "ERR_INVALID_ARG_TYPE",
      "Missing argument",
    ]);
    expect((await failureOf(() => server.upgrade(request().request)))[2]).toBe(
      'To enable websocket support, set the "websocket" object in Bun.serve({})',
    );
    expect([server.publish("topic", "data"), server.subscriberCount("topic")]).toEqual([0, 0]);
  });
});

describe("stop", () => {
  test.each([
    [undefined, SERVER_DRAINING],
    [true, SERVER_CLOSED],
  ])("stop(%p) on a handler thread asks main, and waits for it", async (isForced, state) => {
    const { server, control } = open();
    const stopped = server.stop(isForced as boolean);
    expect([control.serverState, control.takeStopRequest()]).toEqual([SERVER_RUNNING, state]);
    control.serverState = state;
    control.serverState = SERVER_CLOSED;
    expect(await stopped).toBeUndefined();
  });

  test("`using` stops at once", () => {
    const { server, control } = open();
    server[Symbol.dispose]();
    expect(control.takeStopRequest()).toBe(SERVER_CLOSED);
  });

  test("ref, unref give the server; reload needs an argument", async () => {
    const { server } = open();
    expect([server.ref(), server.unref()]).toEqual([server, server]);
    expect((await failureOf(() => (server.reload as unknown as () => void)())).slice(1)).toEqual([
      "ERR_MISSING_ARGS",
      "Not enough arguments to 'reload'. Expected 1, got 0.",
    ]);
  });
});
