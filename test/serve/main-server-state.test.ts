import { beforeEach, describe, expect, test } from "bun:test";
import type { Registration } from "../../src/fetch/registration.ts";
import {
  allocateServerMemory,
  controlOf,
  poolCounters,
  type ServerMemory,
} from "../../src/roles/server-memory.ts";
import type { Supervisor } from "../../src/roles/supervisor.ts";
import type { ServerFacts } from "../../src/roles/thread-server-state.ts";
import { MainServerState } from "../../src/serve/main-server-state.ts";
import { PoolCounter } from "../../src/shm/counters.ts";
import { PEER, PEER_INDEX } from "../channel/link-pair.ts";

const FACTS: ServerFacts = {
  port: 4321,
  hostname: "localhost",
  url: "http://localhost:4321/",
  address: { address: "127.0.0.1", family: "IPv4", port: 4321 },
  isDevelopment: false,
  id: "the id",
};
const fetch = () => new Response("first");

/** What a supervisor is asked, and whether it says that the server runs. */
class Asked {
  readonly calls: unknown[][] = [];
  isRunning = true;

  stop(isForced: boolean): Promise<void> {
    this.calls.push(["stop", isForced]);
    this.isRunning = false;
    return Promise.resolve();
  }

  closeIdle(): number {
    this.calls.push(["closeIdle"]);
    return 7;
  }

  ref(): void {
    this.calls.push(["ref"]);
  }

  unref(): void {
    this.calls.push(["unref"]);
  }

  replace(registration: Registration | null): void {
    this.calls.push(["replace", registration]);
  }
}

let memory: ServerMemory;
let asked: Asked;
let state: MainServerState;
function open(facts: ServerFacts = FACTS): void {
  memory = allocateServerMemory(2, 1);
  asked = new Asked();
  state = new MainServerState(facts, memory, fetch);
  state.supervisor = asked as unknown as Supervisor;
}
beforeEach(() => open());

test("shows the facts of the server, and port 0 once it has stopped", async () => {
  expect([state.port, state.hostname, state.url.href, state.isDevelopment, state.id]).toEqual([
    4321,
    "localhost",
    "http://localhost:4321/",
    false,
    "the id",
  ]);
  expect([state.address, state.fetch]).toEqual([FACTS.address, fetch]);
  await state.stop(true);
  expect([state.port, state.url.href]).toEqual([0, "http://localhost:0/"]);
  expect(state.url).toBe(state.url);
});

test("of a unix server there is neither port nor host, before and after its end", async () => {
  open({ ...FACTS, port: undefined, hostname: undefined, url: "unix:///tmp/x:80/", address: "/tmp/x:80/" });
  for (let look = 0; look < 2; look++) {
    expect([state.port, state.hostname, state.url.href, state.address]).toEqual([
      undefined,
      undefined,
      "unix:///tmp/x:80/",
      "/tmp/x:80/",
    ]);
    await state.stop(false);
  }
});

test("asks the supervisor to stop, to hold the process, to close idle clients", async () => {
  await state.stop(true);
  await state.stop(false);
  state.ref();
  state.unref();
  expect(state.closeIdle()).toBe(7);
  expect(asked.calls).toEqual([["stop", true], ["stop", false], ["ref"], ["unref"], ["closeIdle"]]);
});

test("counts what the dispatchers say", () => {
  const control = controlOf(memory);
  control.setInFlight(0, 2);
  control.setInFlight(1, 3);
  poolCounters(memory)[PoolCounter.spawned] = 1;
  expect(state.pendingRequests).toBe(5);
  const stats = state.stats() as { inFlight: number; threads: { spawned: number; retired: number } };
  expect([stats.inFlight, stats.threads.spawned, stats.threads.retired]).toEqual([5, 1, 0]);
});

test("reads addresses as they lie in task records", () => {
  expect(state.formatPeer(PEER, PEER_INDEX)).toEqual({ address: "127.0.0.1", family: "IPv4", port: 8080 });
});

describe("reload", () => {
  const next = () => new Response("next");
  const registration = { fetch: next } as unknown as Registration;

  test.each([{ fetch: next }, { routes: {} }, { static: {} }, {}, { port: 5 }])(
    "with %p gives the handlers a new registration",
    (given) => {
      const seen: unknown[] = [];
      state.register = (options) => {
        seen.push(options);
        return registration;
      };
      state.reload(given);
      expect([seen, asked.calls, state.fetch]).toEqual([[given], [["replace", registration]], next]);
    },
  );

  test("with options that are refused changes nothing", () => {
    state.register = () => {
      throw new TypeError("no");
    };
    expect(() => state.reload({ fetch: 5 })).toThrow("no");
    expect([asked.calls, state.fetch]).toEqual([[], fetch]);
  });
});
