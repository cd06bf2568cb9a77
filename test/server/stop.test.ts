/** `stop()` and `stop(true)` (BUN-SERVE.md section 10.4), and what is left of a server afterwards. */
import { afterAll, describe, expect, test } from "bun:test";
import { exchange, requestBytes } from "../support/exchange.ts";
import { notesOf, uniqueMark } from "../support/journal.ts";
import { eventually, fdCount, threadCount } from "../support/process-info.ts";
import { RawClient } from "../support/raw-client.ts";
import { MODES, type Mode, startInChild, startServer, stopAll } from "../support/servers.ts";
import { isBunTarget, serve } from "../support/target.ts";

const IN_PROCESS: readonly Mode[] = MODES.filter((mode) => mode !== "pool");

afterAll(stopAll);

async function isRefused(port: number): Promise<boolean> {
  try {
    (await RawClient.connect(port)).close();
    return false;
  } catch {
    return true;
  }
}

describe.each(MODES)("%s", (mode) => {
  test("stop(): listener closed, idle clients get FIN, requests in flight finish", async () => {
    await using server = await startServer(mode);
    await using idle = await RawClient.connect(server.port);
    await idle.send(requestBytes("/hello"));
    await idle.readResponse();
    const mark = uniqueMark();
    await using busy = await RawClient.connect(server.port);
    await busy.send(requestBytes(`/finish?ms=200&mark=${mark}`));
    await eventually(
      "it to start",
      () => notesOf(`started ${mark}`).length,
      (count) => count === 1,
    );
    let hasStopped = false;
    const stopped = server.stop().then(() => {
      hasStopped = true;
    });
    expect((await idle.readUntilClose()).length).toBe(0);
    await eventually(
      "connections to be refused",
      () => isRefused(server.port),
      (refused) => refused,
    );
    expect(hasStopped).toBe(false);
    const responses = await busy.readResponsesUntilClose();
    expect(responses.map(({ text }) => text)).toEqual(["finished"]);
    expect(busy.ending).toBe("fin");
    await stopped;
  });

  test.skipIf(isBunTarget)("an answer in flight says that the connection ends after it", async () => {
    await using server = await startServer(mode);
    // Requests ahead of others are answered too, and only the last answer says so. All start together, and stop() comes long
    // before the first of them is answered.
    const pipelines = [["/finish?ms=1000"], ["/finish?ms=1000", "/finish?ms=1010"]];
    const begin = async (targets: readonly string[]): Promise<RawClient> => {
      const mark = uniqueMark();
      const client = await RawClient.connect(server.port);
      await client.send(Buffer.concat(targets.map((target) => requestBytes(`${target}&mark=${mark}`))));
      await eventually(
        "them to start",
        () => notesOf(mark).length,
        (count) => count >= targets.length,
      );
      return client;
    };
    const clients = await Promise.all(pipelines.map(begin));
    const stopped = server.stop();
    const fields: (string | undefined)[][] = [];
    for (const client of clients) {
      const responses = await client.readResponsesUntilClose();
      fields.push(responses.map(({ headers }) => headers.connection));
      expect(client.ending).toBe("fin");
    }
    expect(fields).toEqual([["close"], [undefined, "close"]]);
    await stopped;
  });

  test("stop(true): requests in flight get no bytes and their signal aborts", async () => {
    await using server = await startServer(mode);
    const mark = uniqueMark();
    await using client = await RawClient.connect(server.port);
    await client.send(requestBytes(`/abort?mark=${mark}`));
    await eventually(
      "it to start",
      () => notesOf(`started ${mark}`).length,
      (count) => count === 1,
    );
    const stopped = server.stop(true);
    expect((await client.readUntilClose()).length).toBe(0);
    await eventually(
      "the signal",
      () => notesOf(`aborted ${mark}`).length,
      (count) => count === 1,
    );
    await stopped;
    expect(await isRefused(server.port)).toBe(true);
  });

  test("stop() without a connection resolves, and so does a second one", async () => {
    await using server = await startServer(mode);
    await exchange(server.port, "/hello");
    await server.stop();
    await server.stop();
    await server.stop(true);
    expect(await isRefused(server.port)).toBe(true);
  });

  test("the port can be bound again at once", async () => {
    const first = await startServer(mode);
    await exchange(first.port, "/hello");
    await first.stop(true);
    await using second = await startServer(mode, { port: first.port });
    expect(second.port).toBe(first.port);
    expect((await exchange(second.port, "/hello")).text).toBe("hello");
  });
});

describe.each([...IN_PROCESS])("%s, in this process", (mode) => {
  test("ten servers started and stopped leave no descriptor and no thread", async () => {
    const turn = async (): Promise<void> => {
      const server = await startServer(mode);
      await exchange(server.port, "/slow?ms=1");
      await server[Symbol.asyncDispose]();
    };
    // The first turns load modules and start threads of Bun's own that stay.
    for (let index = 0; index < 3; index++) await turn();
    const idle = (): { fds: number; threads: number } => ({ fds: fdCount(), threads: threadCount() });
    await Bun.sleep(100);
    const before = idle();
    for (let index = 0; index < 10; index++) await turn();
    await eventually(
      `descriptors and threads to come back to ${JSON.stringify(before)}`,
      idle,
      (now) => now.fds <= before.fds + 2 && now.threads <= before.threads + 2,
    );
  }, 20_000);
});

test("after stop the server has port 0, and its hostname", async () => {
  const server = serve({ port: 0, hostname: "127.0.0.1", handlers: "main", fetch: () => new Response("x") });
  const { port } = server;
  expect(port).toBeGreaterThan(0);
  expect(server.url.href).toBe(`http://127.0.0.1:${port}/`);
  await server.stop(true);
  expect([server.port, server.hostname]).toEqual([0, "127.0.0.1"]);
});

test("a server in a using block is stopped at its end", async () => {
  let port = 0;
  {
    using server = serve({
      port: 0,
      hostname: "127.0.0.1",
      handlers: "main",
      fetch: () => new Response("x"),
    });
    port = server.port!;
    expect((await exchange(port, "/")).text).toBe("x");
  }
  await eventually(
    "connections to be refused",
    () => isRefused(port),
    (refused) => refused,
  );
});

test.skipIf(isBunTarget)("a child in pool mode ends by itself after stop", async () => {
  const server = await startInChild("pool");
  await exchange(server.port, "/hello");
  await server[Symbol.asyncDispose]();
  expect(await server.exited).toBe(0);
});
