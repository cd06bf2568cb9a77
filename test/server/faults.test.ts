/**
 * The kernel says no: each call that a server makes while it serves fails now and then with each errno that it can give, on
 * all threads (../support/faults.ts). What must not be seen is not seen; what must be seen is an answer or the end of the
 * connection, soon. Nothing hangs, nothing spins, nothing is left, and afterwards the server is as it was.
 */
import { afterEach, describe, expect, test } from "bun:test";
import type { ERRNO } from "../../ffi/errno.ts";
import type { FaultCall } from "../../ffi/faults.ts";
import { exchange, requestBytes } from "../support/exchange.ts";
import type { Faults } from "../support/faults.ts";
import {
  CLIENTS,
  endFaults,
  expectAsBefore,
  load,
  makeFaults,
  type Outcome,
  REQUESTS,
  settledFds,
  startFaulty,
  type Target,
} from "../support/faulty-server.ts";
import { cpuTicks, eventually } from "../support/process-info.ts";
import { RawClient } from "../support/raw-client.ts";
import { type Mode, type RunningServer, startInChild } from "../support/servers.ts";

afterEach(endFaults);

/** Threads that take or serve clients; each may log a line a second. */
const LOGGING_THREADS = 2;

/** How many lines they may have written since `begun`, a time of `performance.now()`. */
function mostLines(begun: number): number {
  return LOGGING_THREADS * (1 + Math.ceil((performance.now() - begun) / 1000));
}

const modes: readonly Mode[] = ["pool", "main"];

/** Asks until the handler of `target` runs on the dispatcher. */
async function untilInline(server: RunningServer, target: string): Promise<void> {
  await eventually(
    `${target} to run inline`,
    async () => {
      for (let i = 0; i < 50; i++) await exchange(server.port, target);
      return (await server.stats())!.requestsInline;
    },
    (count) => count > 0,
  );
}

type Fault = [call: FaultCall, code: keyof typeof ERRNO];
/** What fails, every how often, and for what to be called at all: what else fails half of the time. */
type Case = [...fault: Fault, every: number, besides?: Fault];

describe.each(modes)("%s mode: nobody notices", (mode) => {
  const cases: Case[] = [
    ["accept4", "EINTR", 2],
    ["accept4", "ECONNABORTED", 2],
    ["accept4", "EPERM", 2],
    ["accept4", "EAGAIN", 3],
    ["recv", "EINTR", 2],
    ["recv", "EAGAIN", 3],
    ["send", "EINTR", 2],
    ["send", "EAGAIN", 3],
    ["epoll_wait", "EINTR", 2],
    ["write", "EINTR", 2],
    ["write", "EAGAIN", 2],
    // Who finds a waker full empties it.
    ["read", "EINTR", 1, ["write", "EAGAIN"]],
    ["close", "EINTR", 2],
  ];
  test("that calls were interrupted or had to be made again", async () => {
    const { server, faults } = await startFaulty(mode);
    await load(server);
    const fds = await settledFds(server);
    for (const [call, code, every, besides] of cases) {
      if (besides !== undefined) faults.fail(...besides, { every: 2 });
      faults.fail(call, code, { every });
      // Threads that are busy wake each other (write) so seldom that one load may not meet the fault.
      for (let loads = 0; loads < 20; loads++) {
        expect([call, code, await load(server)]).toEqual([
          call,
          code,
          { answered: CLIENTS * REQUESTS, ended: 0 },
        ]);
        if (faults.counts(call).failed > 0) break;
      }
      faults.stop();
      expect([call, code, faults.counts(call).failed > 0]).toEqual([call, code, true]);
    }
    await expectAsBefore(server, fds);
    expect(server.errorOutput()).toBe("");
  }, 120_000);
});

describe.each(modes)("%s mode: the connection ends, and nothing else", (mode) => {
  const cases: Case[] = [
    ["accept4", "EMFILE", 3],
    ["accept4", "ENFILE", 3],
    ["accept4", "ENOBUFS", 3],
    ["accept4", "ENOMEM", 3],
    ["epoll_ctl", "ENOMEM", 3],
    ["epoll_ctl", "ENOSPC", 3],
    ["recv", "ENOMEM", 7],
    ["recv", "ECONNRESET", 7],
    ["send", "EPIPE", 7],
    ["send", "ECONNRESET", 7],
    ["send", "ENOBUFS", 7],
    ["send", "ENOMEM", 7],
    ["recv", "ENOBUFS", 7],
  ];
  test("when a call fails for good", async () => {
    const { server, faults } = await startFaulty(mode);
    await load(server);
    const fds = await settledFds(server);
    const begun = performance.now();
    for (const [call, code, every] of cases) {
      faults.fail(call, code, { every });
      const { answered, ended } = await load(server);
      faults.stop();
      expect([call, code, ended > 0, answered > 0]).toEqual([call, code, true, true]);
    }
    await expectAsBefore(server, fds);
    const lines = server.errorOutput().trimEnd().split("\n");
    expect(lines.some((line) => line.includes("out of descriptors or memory"))).toBe(true);
    expect(lines.some((line) => line.includes("out of memory or of watches"))).toBe(true);
    expect(lines.length).toBeLessThanOrEqual(mostLines(begun));
  }, 120_000);

  test("and nothing spins while every call fails", async () => {
    const { server, faults } = await startFaulty(mode);
    const fds = await settledFds(server);
    const begun = performance.now();
    for (const code of ["EMFILE", "ECONNABORTED", "ENOMEM", "EPERM"] as const) {
      faults.fail("accept4", code);
      const clients = await Promise.all(Array.from({ length: 8 }, () => RawClient.connect(server.port)));
      for (const client of clients) await client.send("GET /hello HTTP/1.1\r\n");
      const before = cpuTicks(server.pid);
      await Bun.sleep(1000);
      // In ticks of 10 ms; a thread that spins takes about 100 even beside others.
      expect([code, cpuTicks(server.pid) - before < 30]).toEqual([code, true]);
      expect([code, faults.counts("accept4").failed > 0]).toEqual([code, true]);
      faults.stop();
      for (const client of clients) client.close();
    }
    const lines = server.errorOutput().trimEnd().split("\n");
    expect(lines.some((line) => line.includes("more like this were not logged"))).toBe(true);
    expect(lines.length).toBeLessThanOrEqual(mostLines(begun));
    await expectAsBefore(server, fds);
  }, 60_000);
});

describe("a long answer that a dispatcher makes itself, which leaves with its head by sendmsg", () => {
  // The static route is one each time; the handler's is one while its kind runs inline.
  const targets: readonly Target[] = [
    { target: "/text/70000", text: "t".repeat(70_000) },
    { target: "/fixed", text: "f".repeat(70_000) },
  ];
  const start = async () => {
    const started = await startFaulty("pool", { fixedBytes: 70_000 });
    await untilInline(started.server, "/text/70000");
    return started;
  };
  const all = { answered: CLIENTS * REQUESTS, ended: 0 };

  /** Loads until the call has been made to fail. */
  const loadUntilFailed = (server: RunningServer, faults: Faults, check: (outcome: Outcome) => void) =>
    eventually(
      "sendmsg to fail",
      async () => {
        check(await load(server, targets));
        return faults.counts("sendmsg").failed;
      },
      (failed) => failed > 0,
      20_000,
    );

  test("is whole though the call was interrupted or found the socket full", async () => {
    const { server, faults } = await start();
    const fds = await settledFds(server);
    for (const [code, every] of [
      ["EINTR", 2],
      ["EAGAIN", 3],
    ] as const) {
      faults.fail("sendmsg", code, { every });
      await loadUntilFailed(server, faults, (outcome) => expect([code, outcome]).toEqual([code, all]));
      faults.stop();
    }
    await expectAsBefore(server, fds);
    expect(server.errorOutput()).toBe("");
  }, 60_000);

  test("ends its connection, and nothing else, when the call fails for good", async () => {
    const { server, faults } = await start();
    const fds = await settledFds(server);
    for (const code of ["EPIPE", "ENOBUFS", "ENOMEM"] as const) {
      faults.fail("sendmsg", code, { every: 3 });
      let [answered, ended] = [0, 0];
      await loadUntilFailed(server, faults, (outcome) => {
        answered += outcome.answered;
        ended += outcome.ended;
      });
      faults.stop();
      // Every failure ends one connection, and one connection ends by one failure.
      expect([code, ended, answered > 0]).toEqual([code, faults.counts("sendmsg").failed, true]);
    }
    await expectAsBefore(server, fds);
    expect(server.errorOutput()).toBe("");
  }, 90_000);
});

describe("an idle dispatcher that hosts handlers", () => {
  test("does not spin without a descriptor to sleep with, and serves", async () => {
    const { server, faults } = await startFaulty("pool");
    await untilInline(server, "/hello");
    faults.fail("fcntl", "EMFILE");
    await exchange(server.port, "/hello");
    await eventually(
      "a dispatcher to fall asleep",
      () => faults.counts("fcntl").failed,
      (count) => count > 0,
    );
    const before = faults.counts("fcntl").failed;
    await Bun.sleep(1000);
    // 40 times a second for each dispatcher, where it was 400.
    expect(faults.counts("fcntl").failed - before).toBeLessThan(200);
    expect((await exchange(server.port, "/hello")).text).toBe("hello");
    faults.stop();
    expect((await exchange(server.port, "/hello")).text).toBe("hello");
  }, 20_000);
});

describe("a socket that breaks while a request is taken", () => {
  test("leaves nothing in flight: pipelined behind an answer of the dispatcher's own", async () => {
    const { server, faults } = await startFaulty("pool", { entry: "features-entry.ts" });
    const expecting = requestBytes("/echo", {
      method: "POST",
      fields: ["Expect: 100-continue"],
      body: "hello",
    });
    for (let round = 0; round < 4; round++) {
      const client = await RawClient.connect(server.port);
      // The first answer is sent when room is made for the 100 of the second request.
      faults.fail("send", "EPIPE", { times: 1 });
      await client.send(Buffer.concat([requestBytes("/static"), expecting]));
      expect((await client.readUntilClose()).length).toBe(0);
    }
    faults.stop();
    await eventually(
      "nothing to be in flight",
      async () => (await server.stats())!.inFlight,
      (count) => count === 0,
      1000,
    );
    await Bun.sleep(100);
    expect((await server.stats())!.inFlight).toBe(0);
  });
});

describe("a pool that is to grow", () => {
  test("does not without descriptors, for which Bun would end the process; it grows when there are some", async () => {
    const faults = makeFaults();
    const server = await startInChild("pool", {
      environment: faults.environment,
      development: false,
      threads: { min: 1, max: 3 },
    });
    expect((await exchange(server.port, "/hello")).text).toBe("hello");
    const work = async (): Promise<number[]> =>
      (await Promise.all(Array.from({ length: 8 }, () => exchange(server.port, "/cpu?ms=30")))).map(
        ({ status }) => status,
      );
    faults.fail("open", "EMFILE");
    expect(await work()).toEqual(new Array(8).fill(200));
    expect((await server.stats())!.threads.alive).toBe(1);
    expect(server.errorOutput()).toContain("the process is out of descriptors (RLIMIT_NOFILE)");
    faults.stop();
    await eventually(
      "a thread to be started",
      async () => {
        await work();
        return (await server.stats())!.threads.alive;
      },
      (count) => count > 1,
      15_000,
    );
  }, 30_000);
});

describe("serve()", () => {
  test("throws when a call of its start fails, and leaves no descriptor", async () => {
    const faults = makeFaults();
    const child = Bun.spawn(
      [process.execPath, "run", new URL("../fixtures/fault-start.ts", import.meta.url).pathname],
      {
        env: { ...process.env, ...faults.environment },
        stdout: "pipe",
        stderr: "pipe",
      },
    );
    const [output, errors] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    expect([await child.exited, errors]).toEqual([0, ""]);
    const { "setsockopt ENOBUFS": options, ...outcomes } = JSON.parse(output);
    const each = (code: string, times: number) => ({ failed: times, thrown: new Array(times).fill(code) });
    expect(outcomes).toEqual({
      "socket EMFILE": each("EMFILE", 1),
      "socket ENFILE": each("ENFILE", 1),
      "socket ENOBUFS": each("ENOBUFS", 1),
      "socket ENOMEM": each("ENOMEM", 1),
      "bind ENOMEM": each("ENOMEM", 1),
      "listen ENOBUFS": each("ENOBUFS", 1),
      "getsockname ENOBUFS": each("ENOBUFS", 1),
      "eventfd EMFILE": each("EMFILE", 3),
      "eventfd ENFILE": each("ENFILE", 3),
      "eventfd ENOMEM": each("ENOMEM", 3),
    });
    // It listens all the same, only slower.
    expect(options).toEqual({ failed: 3, thrown: [] });
  }, 30_000);
});
