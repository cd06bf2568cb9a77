import { beforeEach, describe, expect, test } from "bun:test";
import { Waker } from "../../src/net/waker.ts";
import {
  allocateServerMemory,
  controlOf,
  poolCounters,
  type ServerMemory,
} from "../../src/roles/server-memory.ts";
import { type ServerFacts, ThreadServerState } from "../../src/roles/thread-server-state.ts";
import {
  type ControlBlock,
  DISPATCHER_ENDED,
  SERVER_CLOSED,
  SERVER_DRAINING,
  SERVER_RUNNING,
} from "../../src/shm/control-block.ts";
import { PoolCounter } from "../../src/shm/counters.ts";
import { PEER, PEER_INDEX } from "../channel/link-pair.ts";

const FACTS: ServerFacts = {
  port: 4321,
  hostname: "localhost",
  url: "http://localhost:4321/",
  address: { address: "127.0.0.1", family: "IPv4", port: 4321 },
  isDevelopment: true,
  id: "the id",
};

let memory: ServerMemory;
let control: ControlBlock;
let state: ThreadServerState;
beforeEach(() => {
  memory = allocateServerMemory(2, 2);
  control = controlOf(memory);
  state = new ThreadServerState(memory, FACTS, []);
});

test("shows the facts that it was started with", () => {
  expect([state.port, state.hostname, state.isDevelopment, state.id]).toEqual([
    4321,
    "localhost",
    true,
    "the id",
  ]);
  expect(state.address).toEqual(FACTS.address);
  expect(state.url.href).toBe("http://localhost:4321/");
  expect(state.url).toBe(state.url);
  expect(state.fetch).toBeNull();
});

test("of a unix server has no port, also when that has stopped", () => {
  const unix = { ...FACTS, port: undefined, hostname: undefined, url: "unix:///tmp/x", address: "/tmp/x" };
  state = new ThreadServerState(memory, unix, []);
  expect([state.port, state.hostname, state.address, state.url.href]).toEqual([
    undefined,
    undefined,
    "/tmp/x",
    "unix:///tmp/x",
  ]);
  control.serverState = SERVER_CLOSED;
  expect(state.port).toBeUndefined();
});

test("has port 0 once the server has stopped", () => {
  control.serverState = SERVER_DRAINING;
  expect(state.port).toBe(0);
});

test("adds up the requests in flight of all dispatchers, as they are now", () => {
  expect(state.pendingRequests).toBe(0);
  control.setInFlight(0, 3);
  control.setInFlight(1, 4);
  expect(state.pendingRequests).toBe(7);
});

test("reads the same counters as the main thread", () => {
  control.setInFlight(1, 4);
  poolCounters(memory)[PoolCounter.spawned] = 1;
  expect(state.stats()).toMatchObject({ inFlight: 4, threads: { spawned: 1 }, dispatchers: { length: 2 } });
});

describe("stop", () => {
  test.each([
    [false, SERVER_DRAINING],
    [true, SERVER_CLOSED],
  ])(
    "(%p) asks the supervisor, wakes it, and resolves when the last client is gone",
    async (isForced, wanted) => {
      const supervisor = control.supervisorParker();
      supervisor.announce();
      let isOver = false;
      const stopped = state.stop(isForced).then(() => {
        isOver = true;
      });
      expect([supervisor.isAsleep, control.serverState]).toEqual([false, SERVER_RUNNING]);
      expect(control.takeStopRequest()).toBe(wanted);
      await Bun.sleep(2);
      expect(isOver).toBe(false);
      control.serverState = SERVER_DRAINING;
      await Bun.sleep(2);
      expect(isOver).toBe(false);
      control.serverState = SERVER_CLOSED;
      await stopped;
      expect(isOver).toBe(true);
    },
  );

  test("of a server that has stopped resolves at once", async () => {
    control.serverState = SERVER_CLOSED;
    await state.stop(false);
  });

  test("gives the same promise each time", () => {
    expect(state.stop(false)).toBe(state.stop(true));
  });
});

test("reload asks the supervisor for new handler threads, once for many calls", () => {
  const supervisor = control.supervisorParker();
  supervisor.announce();
  state.reload({});
  state.reload({});
  expect([supervisor.isAsleep, control.takeReloadRequest(), control.takeReloadRequest()]).toEqual([
    false,
    true,
    false,
  ]);
});

test("reload of what the server does not take throws, and nothing is reloaded", () => {
  state.checkReload = (options) => {
    if (options === "nonsense") throw new TypeError("not that");
  };
  expect(() => state.reload("nonsense")).toThrow("not that");
  expect(control.takeReloadRequest()).toBe(false);
  state.reload({});
  expect(control.takeReloadRequest()).toBe(true);
});

test("closeIdle wakes the dispatchers; those that have ended close nothing", () => {
  const wakers = [Waker.create(), Waker.create()];
  state = new ThreadServerState(
    memory,
    FACTS,
    wakers.map(({ fd }) => fd),
  );
  for (const index of [0, 1]) control.setDispatcherState(index, DISPATCHER_ENDED);
  expect([state.closeIdle(), control.isCloseIdleRequested(0), control.isCloseIdleRequested(1)]).toEqual([
    0,
    true,
    true,
  ]);
  for (const waker of wakers) waker.close();
});

test("ref and unref ask the supervisor, but not while the program is being loaded", () => {
  const supervisor = control.supervisorParker();
  supervisor.announce();
  state.unref();
  expect([supervisor.isAsleep, control.takeReferenceRequest()]).toEqual([true, null]);
  state.isLoaded = true;
  state.unref();
  expect([supervisor.isAsleep, control.takeReferenceRequest()]).toEqual([false, false]);
  state.ref();
  expect(control.takeReferenceRequest()).toBe(true);
});

test("reads addresses as they lie in task records", () => {
  expect(state.formatPeer(PEER, PEER_INDEX)).toEqual({ address: "127.0.0.1", family: "IPv4", port: 8080 });
});
