/** `threads.gracefulSignals` with real processes: SIGTERM and SIGINT while requests are in flight. */
import { afterAll, describe, expect, test } from "bun:test";
import { requestBytes } from "../support/exchange.ts";
import { notesOf, uniqueMark } from "../support/journal.ts";
import { eventually } from "../support/process-info.ts";
import { RawClient } from "../support/raw-client.ts";
import { MODES, type Mode, type RunningServer, startInChild, stopAll } from "../support/servers.ts";
import { isBunTarget } from "../support/target.ts";

afterAll(stopAll);

async function start(mode: Mode, gracefulSignals: unknown): Promise<RunningServer> {
  return await startInChild(mode, { threads: { gracefulSignals } });
}

/** Sends a request that takes `ms`, and waits until its handler has started. */
async function sendSlow(server: RunningServer, ms: number): Promise<RawClient> {
  const mark = uniqueMark();
  const client = await RawClient.connect(server.port);
  await client.send(requestBytes(`/finish?ms=${ms}&mark=${mark}`));
  await eventually(
    "it to start",
    () => notesOf(`started ${mark}`).length,
    (count) => count === 1,
  );
  return client;
}

async function eventuallyRefused(port: number): Promise<void> {
  const isRefused = (): Promise<boolean> =>
    RawClient.connect(port).then(
      (other) => {
        other.close();
        return false;
      },
      () => true,
    );
  await eventually("connections to be refused", isRefused, (refused) => refused);
}

describe.skipIf(isBunTarget).each(MODES)("%s", (mode) => {
  test("SIGTERM: no new client, what is in flight is answered, exit 0", async () => {
    const server = await start(mode, { idle: 0 });
    await using idle = await RawClient.connect(server.port);
    await idle.send(requestBytes("/hello"));
    await idle.readResponse();
    await using busy = await sendSlow(server, 300);
    process.kill(server.pid, "SIGTERM");
    expect((await idle.readUntilClose()).length).toBe(0);
    const [answer] = await busy.readResponsesUntilClose();
    expect([answer?.text, answer?.headers.connection, busy.ending]).toEqual(["finished", "close", "fin"]);
    expect(await server.exited).toBe(0);
    expect(server.errorOutput()).toBe("");
  });

  test("a client without a request gets one more answer, of whatever kind", async () => {
    const server = await start(mode, { idle: 20_000 });
    const body = "x".repeat(100_000);
    const requests: [Buffer, string][] = [
      [requestBytes("/hello"), "hello"],
      [requestBytes("/stream"), "chunk 0\nchunk 1\nchunk 2\nchunk 3\nchunk 4\n"],
      [requestBytes("/body", { method: "POST", body }), body],
      [requestBytes("/unknown-route"), "no route /unknown-route"],
    ];
    const clients: RawClient[] = [];
    for (const _ of requests) {
      const client = await RawClient.connect(server.port);
      clients.push(client);
      await client.send(requestBytes("/hello"));
      expect((await client.readResponse()).headers.connection).toBeUndefined();
    }
    process.kill(server.pid, "SIGINT");
    await eventuallyRefused(server.port);
    for (const [index, [bytes, text]] of requests.entries()) {
      await clients[index]!.send(bytes);
      const [answer] = await clients[index]!.readResponsesUntilClose();
      expect([answer?.text, answer?.headers.connection]).toEqual([text, "close"]);
    }
    // Nobody is left to wait for.
    expect(await server.exited).toBe(0);
  });

  test("a second signal ends it at once", async () => {
    const server = await start(mode, true);
    await using client = await sendSlow(server, 60_000);
    process.kill(server.pid, "SIGTERM");
    await eventuallyRefused(server.port);
    process.kill(server.pid, "SIGINT");
    expect(await server.exited).toBe(130);
    expect((await client.readUntilClose()).length).toBe(0);
  });

  test("what is in flight after the grace period is cut, and that is said", async () => {
    const server = await start(mode, { grace: 200 });
    await using client = await sendSlow(server, 60_000);
    process.kill(server.pid, "SIGTERM");
    expect(await server.exited).toBe(0);
    expect((await client.readUntilClose()).length).toBe(0);
    expect(server.errorOutput()).toContain("1 requests were not answered within 200 ms and are cut off");
  });
});

test("without the option a signal does what it always does", async () => {
  const server = await startInChild("pool");
  process.kill(server.pid, "SIGTERM");
  expect(await server.exited).toBe(143);
});

test.skipIf(isBunTarget)(
  "a server that has stopped handles no signals, and its process ends by itself",
  async () => {
    const server = await start("pool", true);
    await server[Symbol.asyncDispose]();
    expect(await server.exited).toBe(0);
  },
);
