/**
 * `threads.handlerTimeout`: a handler that hangs is answered for with 503, and its thread replaced if it does not react. All in
 * child processes: what hangs in main mode is the main thread. Not for Bun.serve, which has no such thing.
 */
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { OUTSIDE } from "../../src/roles/blocked-report.ts";
import { exchange, requestBytes } from "../support/exchange.ts";
import { notesOf, uniqueMark } from "../support/journal.ts";
import { eventually, fdCount, threadNames } from "../support/process-info.ts";
import { RawClient } from "../support/raw-client.ts";
import { MODES, type Mode, type RunningServer, startInChild, stopAll } from "../support/servers.ts";
import { isBunTarget } from "../support/target.ts";

const LIMIT_MS = 150;
/** Longer than any test: a loop that does not end. */
const FOR_EVER = 600_000;
const THREADED: readonly Mode[] = MODES.filter((mode) => mode !== "main");

afterEach(stopAll);
afterAll(stopAll);

const start = (mode: Mode, threads: object = {}): Promise<RunningServer> =>
  startInChild(mode, { threads: { min: 1, max: 4, inline: false, handlerTimeout: LIMIT_MS, ...threads } });
const killed = async (server: RunningServer): Promise<number> => (await server.stats())!.threads.killed;

describe.skipIf(isBunTarget).each(MODES)("%s", (mode) => {
  test("a handler that waits for ever: 503, an aborted signal, the connection and the thread go on", async () => {
    const server = await start(mode, { max: 1 });
    const mark = uniqueMark();
    await using client = await RawClient.connect(server.port);
    const threadBefore = mode === "main" ? "" : (await exchange(server.port, "/thread")).text;
    await client.send(requestBytes(`/abort?mark=${mark}`));
    const response = await client.readResponse();
    expect([response.status, response.body.length]).toEqual([503, 0]);
    await eventually(
      "the handler to be told",
      () => notesOf(`aborted ${mark} TimeoutError`).length,
      (count) => count === 1,
    );
    await client.send(requestBytes("/hello"));
    expect((await client.readResponse()).text).toBe("hello");
    // Levels are published once a turn, which may end after the answer is here.
    const stats = (await eventually(
      "no request in flight",
      () => server.stats(),
      (now) => now!.inFlight === 0,
    ))!;
    expect([stats.threads.killed, stats.handlerTimeouts]).toEqual([0, 1]);
    if (mode !== "main") expect((await exchange(server.port, "/thread")).text).toBe(threadBefore);
  });

  test("answers that began in time may take as long as they like; those that are in time are not touched", async () => {
    const server = await start(mode, { max: 1 });
    await using client = await RawClient.connect(server.port);
    await client.send(requestBytes("/stream-long"));
    expect((await exchange(server.port, "/slow?ms=20&id=in-time")).text).toBe("in-time");
    await Bun.sleep(2 * LIMIT_MS);
    expect((await exchange(server.port, "/hello")).text).toBe("hello");
    expect(client.ending).toBe("open");
    expect((await server.stats())!.handlerTimeouts).toBe(0);
  });

  test("pipelined: the 503 has its place among the answers", async () => {
    const server = await start(mode);
    await using client = await RawClient.connect(server.port);
    await client.send(
      Buffer.concat([requestBytes("/id?id=1"), requestBytes("/never"), requestBytes("/id?id=3")]),
    );
    const answers = [await client.readResponse(), await client.readResponse(), await client.readResponse()];
    expect(answers.map(({ status, text }) => `${status} ${text}`)).toEqual(["200 1", "503 ", "200 3"]);
  });
});

describe.skipIf(isBunTarget).each([...THREADED])("%s", (mode) => {
  test.each(["/cpu", "/cpu-later"])("%s that never ends: 503, and the thread is replaced", async (path) => {
    const server = await start(mode, { max: 1 });
    const response = await exchange(server.port, `${path}?ms=${FOR_EVER}`);
    expect(response.status).toBe(503);
    // With one thread at most this is its successor's answer.
    expect((await exchange(server.port, "/hello")).text).toBe("hello");
    const stats = (await server.stats())!;
    expect([stats.threads.killed, stats.threads.spawned, stats.threads.retired]).toEqual([1, 2, 0]);
    const what = path === "/cpu" ? "GET /cpu" : OUTSIDE;
    expect(server.errorOutput()).toContain(`is replaced: ${what} ran for more than handlerTimeout`);
    expect(server.errorOutput()).not.toContain("has ended");
  });

  test("several that hang at once are each named when their threads are replaced", async () => {
    const server = await start(mode);
    const METHODS = ["GET", "PUT", "DELETE"];
    const answers = METHODS.map((method) => exchange(server.port, `/cpu?ms=${FOR_EVER}`, { method }));
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([503, 503, 503]);
    const named = await eventually(
      "all to be logged",
      () => server.errorOutput().match(/\w+(?= \/cpu ran for more than handlerTimeout)/g) ?? [],
      (found) => found.length >= METHODS.length,
    );
    expect([...named].sort()).toEqual([...METHODS].sort());
  });

  test("what the thread had not started runs elsewhere, its streams are cut, its other requests get 503", async () => {
    const server = await start(mode, { max: 1, balance: "random" });
    await using stream = await RawClient.connect(server.port);
    await stream.send(requestBytes("/stream-long"));
    await eventually(
      "the stream to begin",
      () => stream.unread.length,
      (length) => length > 0,
    );
    const waiting = exchange(server.port, "/never");
    await eventually(
      "both to be in flight",
      async () => (await server.stats())!.inFlight,
      (count) => count === 2,
    );
    const hanging = exchange(server.port, `/cpu?ms=${FOR_EVER}`);
    await Bun.sleep(LIMIT_MS / 3);
    const queued = exchange(server.port, "/id?id=queued");
    expect((await waiting).status).toBe(503);
    expect((await hanging).status).toBe(503);
    expect((await queued).text).toBe("queued");
    await eventually(
      "the stream to be cut",
      () => stream.ending,
      (ending) => ending !== "open",
    );
    expect(stream.ending).toBe("reset");
    expect(stream.unread.toString("latin1")).not.toEndWith("0\r\n\r\n");
  });

  test("a client that has left does not save the thread", async () => {
    const server = await start(mode, { max: 1 });
    await exchange(server.port, "/hello");
    const client = await RawClient.connect(server.port);
    await client.send(requestBytes(`/cpu?ms=${FOR_EVER}`));
    await eventually(
      "the handler to run",
      async () => (await server.stats())!.inFlight,
      (count) => count > 0,
    );
    client.reset();
    await eventually(
      "the thread to be killed",
      () => killed(server),
      (count) => count === 1,
    );
    expect((await exchange(server.port, "/hello")).text).toBe("hello");
  });

  test("stop() is not held up by a handler that hangs", async () => {
    const server = await start(mode);
    await exchange(server.port, "/hello");
    const answer = exchange(server.port, `/cpu?ms=${FOR_EVER}`);
    await eventually(
      "the handler to run",
      async () => (await server.stats())!.inFlight,
      (count) => count > 0,
    );
    await server.stop();
    expect((await answer).status).toBe(503);
  });

  test("without a deadline, threads that hang leave the others serving, and it is told which request hangs where", async () => {
    const server = await startInChild(mode, { idleTimeout: 60, threads: { min: 1, max: 3, inline: false } });
    await exchange(server.port, "/hello");
    const METHODS = ["GET", "PUT"];
    const hanging = METHODS.map(async (method) => {
      const client = await RawClient.connect(server.port);
      await client.send(requestBytes(`/cpu?ms=${FOR_EVER}&secret=1`, { method }));
      return client;
    });
    const runs = await eventually(
      "both to be told of",
      async () => {
        for (let round = 0; round < 5; round++)
          expect((await exchange(server.port, "/hello")).text).toBe("hello");
        const { handlers } = (await server.stats()) as unknown as {
          handlers: { running: { path: string } | null }[];
        };
        return handlers.flatMap(({ running }) => running ?? []);
      },
      (found) => found.length === 2,
    );
    expect(runs.map(({ path }) => path)).toEqual(["/cpu", "/cpu"]);
    await eventually(
      "both to be logged",
      () => server.errorOutput().match(/\w+ \/cpu has kept handler thread \d for [5-9]\.\d s/g) ?? [],
      (lines) => METHODS.every((method) => lines.some((line) => line.startsWith(method))),
    );
    expect(server.errorOutput()).not.toContain("secret");
    for (const client of await Promise.all(hanging)) client.reset();
  }, 30_000);

  test("without a deadline it is told that what a handler left behind hangs", async () => {
    const server = await startInChild(mode, { idleTimeout: 60, threads: { min: 1, max: 1, inline: false } });
    await exchange(server.port, "/hello");
    const clients = [1, 2].map(() => RawClient.connect(server.port));
    await (await clients[0]!).send(requestBytes(`/cpu-later?ms=${FOR_EVER}`));
    await eventually(
      "it to run",
      () => server.stats(),
      (stats) => stats!.inFlight > 0,
    );
    await Bun.sleep(100);
    // What nobody wants to tell it is not missed.
    await (await clients[1]!).send(requestBytes("/hello"));
    await eventually(
      "it to be logged",
      () => server.errorOutput(),
      (log) => /has kept handler thread 0 for [5-9]\.\d s/.test(log) && log.includes(OUTSIDE),
    );
    for (const client of await Promise.all(clients)) client.reset();
  }, 30_000);

  test("kill after kill leaves no thread, no descriptor and no block", async () => {
    const server = await start(mode, { min: 4, max: 4, handlerTimeout: 20 });
    const killFour = async (): Promise<void> => {
      const answers = await Promise.all(
        Array.from({ length: 4 }, () => exchange(server.port, `/cpu?ms=${FOR_EVER}`)),
      );
      expect(answers.map(({ status }) => status)).toEqual([503, 503, 503, 503]);
    };
    const four = (): Promise<unknown> =>
      eventually(
        "four threads",
        async () => (await server.stats())!.threads,
        ({ alive, starting }) => alive === 4 && starting === 0,
      );
    const held = async (): Promise<[threads: number, fds: number, blocks: number]> => [
      threadNames(server.pid).filter((name) => name.startsWith("epollo")).length,
      fdCount(server.pid),
      (await server.stats())!.blocks,
    ];
    // By then the server has what it keeps.
    await killFour();
    await four();
    await Bun.sleep(200);
    const before = await held();
    for (let round = 0; round < 3; round++) await killFour();
    expect((await exchange(server.port, "/hello")).text).toBe("hello");
    expect(await killed(server)).toBeGreaterThanOrEqual(16);
    await four();
    await eventually(
      `no more threads, descriptors and blocks than ${before}`,
      held,
      ([threads, fds, blocks]) => threads <= before[0] && fds <= before[1] && blocks === 0,
    );
  });
});
