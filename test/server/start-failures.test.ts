/**
 * Handler threads that cannot be started, or that end as soon as they are: the server answers 503 instead of waiting, tries again
 * at growing intervals, and recovers. Not for Bun.serve, which has no such threads.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exchange, requestBytes } from "../support/exchange.ts";
import { eventually } from "../support/process-info.ts";
import { RawClient } from "../support/raw-client.ts";
import { type RunningServer, startInChild, stopAll } from "../support/servers.ts";
import { isBunTarget } from "../support/target.ts";

let folder: string;
let flag: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "epollo-start-"));
  flag = join(folder, "flag");
});
afterEach(async () => {
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
});

const start = (threads: object = {}): Promise<RunningServer> =>
  startInChild("pool", {
    entry: "breaking-entry.ts",
    environment: { BREAKING_FLAG: flag },
    threads: { min: 1, max: 2, inline: false, ...threads },
  });
const statusOf = async (server: RunningServer): Promise<number> => (await exchange(server.port, "/")).status;
const breakIt = (how = ""): void => writeFileSync(flag, how);
const repair = (): void => rmSync(flag);

async function recovers(server: RunningServer): Promise<void> {
  repair();
  await eventually(
    "an answer",
    () => statusOf(server),
    (status) => status === 200,
    10_000,
  );
}

describe.skipIf(isBunTarget)("handler threads that cannot be started", () => {
  test.each([0, 1])(
    "503 with Retry-After, at once, and as before once they can; min %p",
    async (min) => {
      breakIt();
      const server = await start({ min });
      await using client = await RawClient.connect(server.port);
      // The first one may have come before the first thread had failed: it waited for that, not for ever.
      for (let round = 0; round < 3; round++) {
        await client.send(requestBytes("/"));
        const response = await client.readResponse();
        expect([response.status, response.headers["retry-after"]]).toEqual([503, "1"]);
      }
      await recovers(server);
      await client.send(requestBytes("/"));
      expect((await client.readResponse()).text).toBe("fine");
      const log = server.errorOutput();
      expect(log).toContain("a handler thread could not be started (code");
      expect(log).toContain("broken on purpose");
      expect(log).toContain("handler threads can be started again");
    },
    20_000,
  );

  test("they are tried again at growing intervals", async () => {
    breakIt();
    const server = await start();
    await eventually(
      "the third pause",
      () => server.errorOutput(),
      (log) => log.includes("next try in 400 ms"),
    );
    expect((await server.stats())!.threads.spawned).toBeLessThanOrEqual(4);
  });

  test("a server that has run refuses from the moment on when its last thread has no successor", async () => {
    const server = await start({ max: 1 });
    expect(await statusOf(server)).toBe(200);
    breakIt();
    expect((await exchange(server.port, "/die")).status).toBe(500);
    await eventually(
      "requests to be refused",
      () => statusOf(server),
      (status) => status === 503,
    );
    await recovers(server);
  }, 20_000);

  test("while others run, nobody is refused", async () => {
    const server = await start({ min: 2, max: 2 });
    await eventually(
      "both threads",
      async () => (await server.stats())!.threads.alive,
      (count) => count === 2,
    );
    breakIt();
    await exchange(server.port, "/die");
    await eventually(
      "a failure",
      () => server.errorOutput(),
      (log) => log.includes("could not be started"),
    );
    for (let round = 0; round < 5; round++) expect(await statusOf(server)).toBe(200);
  });

  test("threads that end soon after their start are not replaced as fast as they come", async () => {
    writeFileSync(`${flag}-short`, "");
    const server = await start();
    await eventually(
      "a pause",
      () => server.errorOutput(),
      (log) => log.includes("end soon after they have started"),
    );
    const before = (await server.stats())!.threads.spawned;
    await Bun.sleep(1500);
    expect((await server.stats())!.threads.spawned - before).toBeLessThanOrEqual(6);
    rmSync(`${flag}-short`);
    await eventually(
      "an answer",
      () => statusOf(server),
      (status) => status === 200,
    );
  }, 20_000);
});

describe.skipIf(isBunTarget)("handler threads that never get done with their start", () => {
  const name = `fixtures/breaking-entry.ts within threads.startTimeout, 300 ms, and is terminated; next try in `;

  test.each(["loop", "await"])(
    "%s: given up after startTimeout, 503 from then on, and recovery",
    async (how) => {
      breakIt(how);
      const server = await start({ startTimeout: 300 });
      await using client = await RawClient.connect(server.port);
      for (let round = 0; round < 3; round++) {
        await client.send(requestBytes("/"));
        const response = await client.readResponse();
        expect([response.status, response.headers["retry-after"]]).toEqual([503, "1"]);
      }
      await eventually(
        "the second pause",
        () => server.errorOutput(),
        (log) => log.includes(`${name}200 ms`),
      );
      expect(server.errorOutput()).toContain(`${name}100 ms`);
      expect((await server.stats())!.threads.killed).toBe(0);
      await recovers(server);
      expect(server.errorOutput()).toContain("handler threads can be started again");
      await eventually(
        "those that were given up to be gone, and all that there are to run",
        async () => (await server.stats())!,
        // More than one when a request had to wait for the first.
        ({ threads: { starting, alive }, handlers }) =>
          starting === 0 &&
          alive >= 1 &&
          handlers.filter(({ state }) => state === "running").length === alive,
      );
    },
    20_000,
  );

  test("one that blocks in a native call does not keep others from being started", async () => {
    breakIt("block");
    const server = await start({ startTimeout: 300 });
    expect(await statusOf(server)).toBe(503);
    const began = performance.now();
    await recovers(server);
    expect(server.errorOutput()).toContain(name);
    expect(performance.now() - began).toBeLessThan(1000);
  }, 20_000);

  test("one that comes in time is no failure", async () => {
    const server = await start({ startTimeout: 20_000 });
    expect(await statusOf(server)).toBe(200);
    expect(server.errorOutput()).toBe("");
  });
});

describe.skipIf(isBunTarget)("a thread that ends without a word", () => {
  test("costs its running requests only", async () => {
    const server = await start({ max: 1 });
    await exchange(server.port, "/");
    const waiting = exchange(server.port, "/?ms=5000");
    await eventually(
      "the request to be in flight",
      async () => (await server.stats())!.inFlight,
      (count) => count === 1,
    );
    const dying = exchange(server.port, "/die");
    expect((await dying).status).toBe(500);
    expect((await waiting).status).toBe(500);
    expect((await exchange(server.port, "/")).text).toBe("fine");
    expect(server.errorOutput()).toContain("has ended (code 5) and is replaced");
  });
});
