/**
 * The Server object beside a real Bun.Server: the same members in the same form, and for the same wrong call the same
 * error. What is expected is what the real one does in this run, so nothing is written down here but the calls.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { FetchHandler } from "../../src/fetch/registration.ts";
import { HTTPServer } from "../../src/fetch/server-object.ts";
import { allocateServerMemory, controlOf } from "../../src/roles/server-memory.ts";
import { ThreadServerState } from "../../src/roles/thread-server-state.ts";
import { SERVER_DRAINING } from "../../src/shm/control-block.ts";

type AnyServer = Record<string, unknown> & object;

const fetch = (): Response => new Response("answer");

function makeOurs(port: number, isDevelopment: boolean, handler: unknown = fetch) {
  const memory = allocateServerMemory(1, 1);
  const control = controlOf(memory);
  const state = new ThreadServerState(memory, {
    port,
    hostname: "127.0.0.1",
    url: `http://127.0.0.1:${port}/`,
    address: { address: "127.0.0.1", family: "IPv4", port },
    isDevelopment,
    id: "",
  });
  state.fetch = handler as FetchHandler | null;
  return { server: new HTTPServer(state) as unknown as AnyServer, control };
}

const makeNative = (isDevelopment: boolean, handlers: object = { fetch }): AnyServer =>
  Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    development: isDevelopment,
    ...handlers,
  } as never) as unknown as AnyServer;

/** A call's outcome in words that two servers can share: what it gives, or all that shows of the error. */
async function outcomeOf(call: () => unknown): Promise<unknown> {
  try {
    const value = await call();
    return value instanceof Response ? `Response ${await value.text()}` : value;
  } catch (error) {
    const { name, message, code } = error as Error & { code?: string };
    return { name, message, code, text: String(error), keys: Object.keys(error as object) };
  }
}

describe.each([true, false])("development: %p", (isDevelopment) => {
  let native: AnyServer;
  let ours: AnyServer;
  beforeAll(() => {
    native = makeNative(isDevelopment);
    ours = makeOurs(native.port as number, isDevelopment).server;
  });
  afterAll(() => (native.stop as (isForced: boolean) => Promise<void>)(true));

  test("the prototype has the same members in the same form, and stats() and metrics()", () => {
    const shapeOf = (server: AnyServer) =>
      Reflect.ownKeys(Object.getPrototypeOf(server))
        .filter(
          (key) => key !== "stats" && key !== "metrics" && key !== Symbol.for("nodejs.util.inspect.custom"),
        )
        .map((key) => {
          const { value, get, set, ...flags } = Object.getOwnPropertyDescriptor(
            Object.getPrototypeOf(server),
            key,
          )!;
          const form = typeof value === "function" ? [value.name, value.length] : value;
          return [key, form, get && [get.name, get.length], set, flags];
        });
    expect(shapeOf(ours)).toEqual(shapeOf(native));
    expect([typeof ours.stats, typeof ours.metrics]).toEqual(["function", "function"]);
  });

  test("nothing is its own; name, constructor and what a loop finds are the same", () => {
    const seen = (server: AnyServer) => {
      const names: string[] = [];
      for (const name in server) if (name !== "stats" && name !== "metrics") names.push(name);
      return [
        Reflect.ownKeys(server),
        String(server),
        server.constructor === Object,
        names,
        JSON.stringify(server),
        Object.prototype.toString.call(Object.getPrototypeOf(server)),
      ];
    };
    expect(seen(ours)).toEqual(seen(native));
  });

  test("values are the same", () => {
    for (const name of ["url", "address"]) {
      const first = ours[name];
      expect(ours[name]).toBe(first);
    }
    const values = (server: AnyServer) => [
      server.port,
      server.hostname,
      (server.url as URL).href,
      server.protocol,
      server.address,
      Object.keys(server.address as object),
      server.development,
      server.id,
      server.pendingRequests,
      server.pendingWebSockets,
    ];
    expect(values(ours)).toEqual(values(native));
  });

  test("console.log shows values", () => {
    const lines = (server: AnyServer) =>
      Bun.inspect(server).match(/^ {2}(?:port|hostname|development|id): .*$/gm);
    expect(lines(ours)).toEqual(lines(native));
    expect(Bun.inspect(ours).split("\n", 1)).toEqual(Bun.inspect(native).split("\n", 1));
  });

  test.each([
    "address",
    "development",
    "hostname",
    "id",
    "pendingRequests",
    "pendingWebSockets",
    "port",
    "protocol",
    "url",
    Symbol.toStringTag,
  ])("%p cannot be set", async (name) => {
    const set = (server: AnyServer) => () => {
      (server as Record<PropertyKey, unknown>)[name] = 5;
    };
    expect(await outcomeOf(set(ours))).toEqual(await outcomeOf(set(native)));
  });

  const members = (): string[] =>
    Reflect.ownKeys(Object.getPrototypeOf(native)).filter((key) => typeof key === "string");

  test("every member refuses a `this` that is no server", async () => {
    class Other {}
    const others = [
      undefined,
      null,
      {},
      [],
      5,
      -0,
      "it's",
      "x".repeat(30),
      true,
      5n,
      Symbol("a"),
      Other,
      new Other(),
    ];
    others.push(Object.create(null), new Date(), () => {});
    const use = (server: AnyServer, key: PropertyKey, other: unknown) => () => {
      const { get, value } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(server), key)!;
      return Reflect.apply(get ?? value, other, []);
    };
    for (const key of [...members(), Symbol.dispose]) {
      for (const other of others) {
        expect([key, await outcomeOf(use(ours, key, other))]).toEqual([
          key,
          await outcomeOf(use(native, key, other)),
        ]);
      }
    }
  });

  const foreign = new Request("http://a/");
  const CALLS: Readonly<Record<string, readonly (readonly unknown[])[]>> = {
    fetch: [[], [undefined], [null], [0], [""], [{}], [[]], [true], [5n], [Symbol("a")], [() => {}], ["/"]],
    reload: [[], [undefined], [null], [0], ["x"], [Symbol("a")]],
    requestIP: [[], [undefined], [null], ["x"], [{}], [new Response()], [foreign]],
    timeout: [
      [],
      [foreign],
      [foreign, "5"],
      [foreign, null],
      [{}, 5],
      [undefined, 5],
      [foreign, 5],
      [{}, "5"],
    ],
    upgrade: [[], [undefined], [{}], [foreign], [foreign, 5]],
    publish: [
      [],
      [undefined],
      [null],
      ["a"],
      [""],
      [5],
      [Symbol("a")],
      [Symbol("a"), "b"],
      [null, "b"],
      ["a", "b"],
      ["", "b"],
      ["a", undefined],
      [5, {}],
      ["a", "b", "c"],
    ],
    subscriberCount: [[], [undefined], [null], [""], ["a"], [5], [Symbol("a")], [{}]],
    closeIdleConnections: [[]],
  };

  test.each(Object.keys(CALLS))("%s answers wrong and unusual arguments alike", async (name) => {
    for (const given of CALLS[name]!) {
      const call = (server: AnyServer) => () => (server[name] as (...given: unknown[]) => unknown)(...given);
      const what = [name, ...given.map(String)];
      expect([what, await outcomeOf(call(ours))]).toEqual([what, await outcomeOf(call(native))]);
    }
  });

  test("fetch rejects, it does not throw; ref, unref give the server", () => {
    for (const server of [ours, native]) {
      const promise = (server.fetch as () => Promise<unknown>)();
      expect(promise).toBeInstanceOf(Promise);
      promise.catch(() => {});
      for (const name of ["ref", "unref"]) expect((server[name] as () => unknown)()).toBe(server);
    }
  });
});

describe("what the handler gives", () => {
  const HANDLERS: readonly [what: string, handler: () => unknown][] = [
    ["a number", () => 5],
    ["nothing", () => {}],
    ["a promise of null", async () => null],
    [
      "an error",
      () => {
        throw new RangeError("out of it");
      },
    ],
  ];
  test.each(HANDLERS)("%s comes out of fetch()", async (_what, handler) => {
    const native = makeNative(true, { fetch: handler });
    const ours = makeOurs(1, true, handler).server;
    const call = (server: AnyServer) => () => (server.fetch as (path: string) => unknown)("/");
    expect(await outcomeOf(call(ours))).toEqual(await outcomeOf(call(native)));
    await (native.stop as (isForced: boolean) => Promise<void>)(true);
  });

  test("without a fetch handler", async () => {
    const native = makeNative(true, { routes: { "/": fetch } });
    const ours = makeOurs(1, true, null).server;
    for (const given of [[], ["/"], [{}]]) {
      const call = (server: AnyServer) => () => (server.fetch as (...given: unknown[]) => unknown)(...given);
      expect(await outcomeOf(call(ours))).toEqual(await outcomeOf(call(native)));
    }
    await (native.stop as (isForced: boolean) => Promise<void>)(true);
  });
});

describe("after stop", () => {
  test.each([true, false])("when url and address were looked at before: %p", async (isSeen) => {
    const native = makeNative(true);
    const { port } = native;
    const { server: ours, control } = makeOurs(port as number, true);
    const look = (server: AnyServer) => [
      (server.url as URL).href,
      server.address,
      server.port,
      server.hostname,
    ];
    if (isSeen) expect(look(ours)).toEqual(look(native));
    await (native.stop as () => Promise<void>)();
    control.serverState = SERVER_DRAINING;
    expect(look(ours)).toEqual(look(native));
  });
});
