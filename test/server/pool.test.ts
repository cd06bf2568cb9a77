/**
 * Elastic handler threads (DESIGN.md sections 3 and 4): they come with load and go without it, within their bounds; a
 * slow handler delays nobody; module state is per thread. Not for Bun.serve, which has none of this.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { exchange, requestBytes } from "../support/exchange.ts";
import { notesOf, uniqueMark } from "../support/journal.ts";
import { cpuTicks, eventually } from "../support/process-info.ts";
import { RawClient } from "../support/raw-client.ts";
import {
  MODES,
  type Mode,
  type RunningServer,
  type Stats,
  startInChild,
  stopAll,
} from "../support/servers.ts";
import { isBunTarget } from "../support/target.ts";

const THREADED: readonly Mode[] = MODES.filter((mode) => mode !== "main");

afterEach(stopAll);

const alive = async (server: RunningServer): Promise<number> => (await server.stats())!.threads.alive;

/** Keeps `count` handlers busy with computing, `ms` each, and returns their answers. */
const compute = (server: RunningServer, count: number, ms: number): Promise<unknown[]> =>
  Promise.all(Array.from({ length: count }, () => exchange(server.port, `/cpu?ms=${ms}`)));

describe.skipIf(isBunTarget).each([...THREADED])("%s", (mode) => {
  test("threads come under load, up to max, and go afterwards, down to min", async () => {
    const server = await startInChild(mode, { threads: { min: 1, max: 3, retireAfter: 200 } });
    let most = 0;
    const load = compute(server, 24, 50);
    const isLoaded = load.then(
      () => false,
      () => false,
    );
    while (await Promise.race([isLoaded, Bun.sleep(10).then(() => true)]))
      most = Math.max(most, await alive(server));
    await load;
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(3);
    await eventually(
      "threads to retire",
      () => alive(server),
      (count) => count === 1,
    );
    expect((await server.stats())!.threads.retired).toBeGreaterThan(0);
    expect((await exchange(server.port, "/hello")).text).toBe("hello");
  });

  test("min threads stay without work", async () => {
    const server = await startInChild(mode, { threads: { min: 2, max: 4, retireAfter: 100 } });
    await eventually(
      "two threads",
      () => alive(server),
      (count) => count === 2,
    );
    await Bun.sleep(500);
    expect(await alive(server)).toBe(2);
  });

  test("min 0: no thread without work, one when it comes", async () => {
    const server = await startInChild(mode, { threads: { min: 0, max: 2, retireAfter: 100, inline: false } });
    expect((await exchange(server.port, "/hello")).text).toBe("hello");
    await eventually(
      "the thread to retire",
      () => alive(server),
      (count) => count === 0,
    );
    expect((await exchange(server.port, "/hello")).text).toBe("hello");
  });

  test("max 1 serves many clients, one thread", async () => {
    const server = await startInChild(mode, { threads: { min: 1, max: 1 } });
    await compute(server, 10, 10);
    expect((await server.stats())!.threads.spawned).toBe(1);
  });

  test("a slow handler delays nobody: trivial requests finish while it runs", async () => {
    const server = await startInChild(mode, { threads: { min: 2, max: 8 } });
    await exchange(server.port, "/hello");
    const mark = uniqueMark();
    let hasAnswered = false;
    const slow = exchange(server.port, `/cpu?ms=1500&mark=${mark}`).then((response) => {
      hasAnswered = true;
      return response;
    });
    await eventually(
      "the slow handler to run",
      () => notesOf(mark).length,
      (count) => count > 0,
    );
    // Structural: all of these are answered before the slow one is, one after the other and on the same connection.
    await using client = await RawClient.connect(server.port);
    for (let index = 0; index < 50; index++) {
      await client.send(requestBytes(`/id?id=${index}`));
      expect((await client.readResponse()).text).toBe(String(index));
    }
    expect(hasAnswered).toBe(false);
    expect((await slow).text).toBe("cpu");
  });

  test("handlers that await do not hold a thread", async () => {
    const server = await startInChild(mode, { threads: { min: 1, max: 1 } });
    const marks = Array.from({ length: 20 }, uniqueMark);
    const responses = Promise.all(marks.map((mark) => exchange(server.port, `/finish?ms=800&mark=${mark}`)));
    await eventually(
      "all twenty to have started on one thread",
      () => marks.filter((mark) => notesOf(`started ${mark}`).length > 0).length,
      (count) => count === 20,
    );
    expect(marks.every((mark) => notesOf(`finished ${mark}`).length === 0)).toBe(true);
    expect((await responses).every(({ text }) => text === "finished")).toBe(true);
  });

  test("balance random answers every request", async () => {
    const server = await startInChild(mode, { threads: { min: 1, max: 4, balance: "random" } });
    const responses = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        exchange(server.port, index % 10 === 0 ? `/cpu?ms=5&id=${index}` : `/id?id=${index}`),
      ),
    );
    expect(responses.map(({ text }) => text)).toEqual(
      Array.from({ length: 200 }, (_, index) => String(index)),
    );
  });

  test("past maxBacklog the answer is 503 with Retry-After, and the server recovers", async () => {
    const server = await startInChild(mode, { threads: { min: 1, max: 1, maxBacklog: 4 } });
    await exchange(server.port, "/hello");
    const responses = await Promise.all(
      Array.from({ length: 40 }, () => exchange(server.port, "/cpu?ms=30")),
    );
    const refused = responses.filter(({ status }) => status === 503);
    expect(responses.every(({ status }) => status === 200 || status === 503)).toBe(true);
    expect(responses.some(({ status }) => status === 200)).toBe(true);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.every(({ headers }) => /^\d+$/.test(headers["retry-after"] ?? ""))).toBe(true);
    expect((await exchange(server.port, "/hello")).text).toBe("hello");
  });

  test("an idle server uses no CPU", async () => {
    const server = await startInChild(mode, { threads: { min: 1, max: 2, retireAfter: 100 } });
    await exchange(server.port, "/hello");
    // The engine's own threads tidy up after the start, once: what spins or polls does so in each of the stretches.
    const ticks: number[] = [];
    while (ticks.length < 3 && !ticks.some((count) => count <= 1)) {
      await Bun.sleep(1500);
      const before = cpuTicks(server.pid);
      await Bun.sleep(2000);
      ticks.push(cpuTicks(server.pid) - before);
    }
    expect(Math.min(...ticks)).toBeLessThanOrEqual(1);
  }, 20_000);

  test("counters come back to zero", async () => {
    const server = await startInChild(mode, { threads: { min: 1, max: 4 } });
    const before = (await server.stats())!.requests;
    await compute(server, 10, 5);
    await exchange(server.port, "/hello");
    const isIdle = (stats: Stats | null): boolean =>
      stats!.inFlight === 0 && stats!.backlog === 0 && stats!.connections === 0;
    const after = await eventually("idle counters", () => server.stats(), isIdle);
    expect(after!.requests - before).toBe(11);
  });
});
