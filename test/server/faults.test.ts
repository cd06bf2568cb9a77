/**
 * The kernel says no: each call that a server makes while it serves fails now and then with each errno that it can give, on
 * all threads (../support/faults.ts). What must not be seen is not seen; what must be seen is an answer or the end of the
 * connection, soon. Nothing hangs, nothing spins, nothing is left, and afterwards the server is as it was.
 */
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ERRNO } from "../../ffi/errno.ts";
import type { FaultCall } from "../../ffi/faults.ts";
import { exchange, requestBytes } from "../support/exchange.ts";
import { Faults } from "../support/faults.ts";
import { cpuTicks, eventually, fdCount } from "../support/process-info.ts";
import { RawClient } from "../support/raw-client.ts";
import {
  type Mode,
  type RunningServer,
  type StartOptions,
  startInChild,
  stopAll,
} from "../support/servers.ts";

const CLIENTS = 24;
const REQUESTS = 4;
const all: Faults[] = [];

afterEach(async () => {
  for (const faults of all.splice(0)) {
    faults.stop();
    faults.remove();
  }
  await stopAll();
});

async function start(
  mode: Mode,
  options: StartOptions = {},
): Promise<{ server: RunningServer; faults: Faults }> {
  const faults = Faults.create();
  all.push(faults);
  const server = await startInChild(mode, {
    ...options,
    environment: { ...options.environment, ...faults.environment },
    development: false,
    // As many as there will be: each has descriptors of its own.
    threads: { min: 2, max: 2 },
  });
  await exchange(server.port, "/hello");
  return { server, faults };
}

/** What became of the requests: how many were answered right, and how many ended with the connection. */
interface Outcome {
  answered: number;
  ended: number;
}

const TARGETS: readonly { target: string; body?: string; text: string }[] = [
  { target: "/hello", text: "hello" },
  { target: "/body", body: "b".repeat(50_000), text: "b".repeat(50_000) },
  { target: "/text/300000", text: "t".repeat(300_000) },
  { target: "/slow?ms=2&id=7", text: "7" },
];

/** Requests on connections of their own, all at once. Throws on a wrong answer and on none. */
async function load(server: RunningServer): Promise<Outcome> {
  const outcome = { answered: 0, ended: 0 };
  const run = async (index: number): Promise<void> => {
    await using client = await RawClient.connect(server.port, 20_000);
    for (let request = 0; request < REQUESTS; request++) {
      const { target, text, ...parts } = TARGETS[(index + request) % TARGETS.length]!;
      const sending = client.send(
        requestBytes(target, parts.body === undefined ? {} : { method: "POST", ...parts }),
      );
      const response = await client.readResponse().catch((error: Error) => {
        // The whole of an answer, or the end of the connection: no silence, and nothing that is not HTTP.
        if (!error.message.startsWith("connection ended")) throw error;
        return null;
      });
      await sending;
      if (response === null) {
        outcome.ended++;
        return;
      }
      expect([response.status, response.text]).toEqual([200, text]);
      outcome.answered++;
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, index) => run(index)));
  return outcome;
}

/** The server is as it was: it answers, holds no more descriptors, has nothing in flight and sleeps. */
async function expectAsBefore(server: RunningServer, fdsBefore: number): Promise<void> {
  expect(await load(server)).toEqual({ answered: CLIENTS * REQUESTS, ended: 0 });
  await eventually(
    "descriptors to be closed",
    () => fdCount(server.pid),
    (count) => count <= fdsBefore,
  );
  await eventually(
    "nothing to be open",
    async () => {
      const { inFlight, connections, backlog } = (await server.stats())!;
      return inFlight + connections + backlog;
    },
    (count) => count === 0,
  );
}

const modes: readonly Mode[] = ["pool", "main"];

describe.each(modes)("%s mode: nobody notices", (mode) => {
  const cases: [FaultCall, keyof typeof ERRNO, number][] = [
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
    ["close", "EINTR", 2],
    ["setsockopt", "ENOBUFS", 1],
  ];
  test("that calls were interrupted or had to be made again", async () => {
    const { server, faults } = await start(mode);
    await load(server);
    const fds = await settledFds(server);
    for (const [call, code, every] of cases) {
      faults.fail(call, code, { every });
      // Threads that are busy wake each other (write) so seldom that one load may not meet the fault.
      for (let loads = 0; loads < 20; loads++) {
        expect([call, code, await load(server)]).toEqual([
          call,
          code,
          { answered: CLIENTS * REQUESTS, ended: 0 },
        ]);
        if (call === "setsockopt" || faults.counts(call).failed > 0) break;
      }
      faults.stop();
      if (call !== "setsockopt")
        expect([call, code, faults.counts(call).failed > 0]).toEqual([call, code, true]);
    }
    await expectAsBefore(server, fds);
    expect(server.errorOutput()).toBe("");
  }, 120_000);
});

describe.each(modes)("%s mode: the connection ends, and nothing else", (mode) => {
  const cases: [FaultCall, keyof typeof ERRNO, number][] = [
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
  ];
  test("when a call fails for good", async () => {
    const { server, faults } = await start(mode);
    await load(server);
    const fds = await settledFds(server);
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
    // A line a second at most from each thread.
    expect(lines.length).toBeLessThan(40);
  }, 120_000);

  test("and nothing spins while every call fails", async () => {
    const { server, faults } = await start(mode);
    const fds = await settledFds(server);
    for (const code of ["EMFILE", "ECONNABORTED", "ENOMEM", "EPERM"] as const) {
      faults.fail("accept4", code);
      const clients = await Promise.all(Array.from({ length: 8 }, () => RawClient.connect(server.port)));
      for (const client of clients) await client.send("GET /hello HTTP/1.1\r\n");
      const before = cpuTicks(server.pid);
      await Bun.sleep(1000);
      // In ticks of 10 ms; a thread that spins takes about 100 even beside others.
      expect([code, cpuTicks(server.pid) - before < 30]).toEqual([code, true]);
      faults.stop();
      for (const client of clients) client.close();
    }
    await expectAsBefore(server, fds);
  }, 60_000);
});

describe("files", () => {
  const cases: [FaultCall, keyof typeof ERRNO][] = [
    ["open", "EMFILE"],
    ["open", "ENFILE"],
    ["open", "ENOMEM"],
    ["openat2", "EMFILE"],
    ["openat2", "ENOMEM"],
    ["fstat", "ENOMEM"],
    ["pread", "EIO"],
    ["sendfile", "EIO"],
    ["sendfile", "ENOMEM"],
  ];
  const hidden: [FaultCall, keyof typeof ERRNO][] = [
    ["open", "EINTR"],
    ["openat2", "EINTR"],
    ["pread", "EINTR"],
    ["sendfile", "EINTR"],
    ["sendfile", "EAGAIN"],
    ["close", "EINTR"],
  ];
  const folder = mkdtempSync(join(tmpdir(), "epollo-faults-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  test("that cannot be opened or read are answered by 500, or the answer is cut; no descriptor is left", async () => {
    const large = "l".repeat(400_000);
    mkdirSync(join(folder, "pub"));
    for (const name of ["one.txt", "pub/small.txt"]) writeFileSync(join(folder, name), "small");
    for (const name of ["large.txt", "pub/large.txt"]) writeFileSync(join(folder, name), large);
    const { server, faults } = await start("pool", {
      entry: "features-entry.ts",
      environment: { EPOLLO_TEST_FOLDER: folder },
    });
    const targets: [string, string][] = [
      ["/pub/small.txt", "small"],
      ["/pub/large.txt", large],
      ["/one-file", "small"],
      ["/file/one.txt", "small"],
      ["/file/large.txt", large],
    ];
    const ask = async (target: string): Promise<string> => {
      const response = await exchange(server.port, target).catch((error: Error) => error.message);
      if (typeof response === "string") return response.startsWith("connection ended") ? "cut" : response;
      // The fixture's `error` answers 599 where a server without one answers 500.
      return response.status === 200
        ? response.text
        : response.status === 599
          ? "500"
          : String(response.status);
    };
    for (const [target, text] of targets) expect([target, await ask(target)]).toEqual([target, text]);
    const fds = await settledFds(server);
    for (const [call, code] of hidden) {
      faults.fail(call, code, { every: 2 });
      for (const [target, text] of targets) {
        expect([call, code, target, await ask(target)]).toEqual([call, code, target, text]);
      }
      faults.stop();
    }
    for (const [call, code] of cases) {
      faults.fail(call, code);
      const answers = [];
      for (const [target, text] of targets) {
        const answer = await ask(target);
        answers.push(answer === text ? "right" : answer);
      }
      faults.stop();
      expect([call, code, faults.counts(call).failed > 0]).toEqual([call, code, true]);
      const isHidden = answers.filter((answer) => !["right", "500", "cut"].includes(answer));
      expect([call, code, answers, isHidden]).toEqual([call, code, answers, []]);
      expect([call, code, answers.includes("500") || answers.includes("cut")]).toEqual([call, code, true]);
    }
    for (const [target, text] of targets) expect([target, await ask(target)]).toEqual([target, text]);
    await eventually(
      "descriptors to be closed",
      () => fdCount(server.pid),
      (count) => count <= fds,
    );
  }, 60_000);
});

describe("an idle dispatcher that hosts handlers", () => {
  test("does not spin without a descriptor to sleep with, and serves", async () => {
    const { server, faults } = await start("pool");
    await eventually(
      "handlers to run inline",
      async () => {
        for (let i = 0; i < 50; i++) await exchange(server.port, "/hello");
        return (await server.stats())!.requestsInline;
      },
      (count) => count > 0,
    );
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
    const { server, faults } = await start("pool", { entry: "features-entry.ts" });
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
    const faults = Faults.create();
    all.push(faults);
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
    const faults = Faults.create();
    all.push(faults);
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
    expect(JSON.parse(output)).toEqual({
      socket: ["EMFILE"],
      bind: ["ENOMEM"],
      listen: ["ENOBUFS"],
      getsockname: ["ENOBUFS"],
      eventfd: ["EMFILE", "EMFILE", "EMFILE"],
      setsockopt: [],
    });
  }, 30_000);
});

async function settledFds(server: RunningServer): Promise<number> {
  let last = fdCount(server.pid);
  for (let still = 0; still < 6; ) {
    await Bun.sleep(50);
    const now = fdCount(server.pid);
    still = now === last ? still + 1 : 0;
    last = now;
  }
  return last;
}
