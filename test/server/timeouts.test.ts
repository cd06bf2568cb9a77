/**
 * Deadlines (BUN-SERVE.md section 10.1): what ends and what stays, not when exactly. Bun's ticks are of 4 s and epollo may
 * be more precise, so a test waits for the end, up to a generous bound, and checks the other side of the rule meanwhile.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { exchange, requestBytes } from "../support/exchange.ts";
import { notesOf, uniqueMark } from "../support/journal.ts";
import { eventually } from "../support/process-info.ts";
import { RawClient } from "../support/raw-client.ts";
import {
  MODES,
  type Mode,
  type RunningServer,
  startInChild,
  startServer,
  stopAll,
} from "../support/servers.ts";

const WAIT_MS = 12_000;
const HEAD_WAIT_MS = 25_000;
const TEST_MS = 40_000;

afterAll(stopAll);

const brief: Partial<Record<Mode, RunningServer>> = {};
const endless: Partial<Record<Mode, RunningServer>> = {};
beforeAll(async () => {
  for (const mode of MODES) {
    brief[mode] = await startServer(mode, { idleTimeout: 2, development: false });
    endless[mode] = await startServer(mode, { idleTimeout: 0, development: false });
    // The time that a handler thread takes to start is none of a first request's idle time.
    for (const { port } of [brief[mode], endless[mode]]) await exchange(port, "/hello");
  }
});

// One flat list of concurrent tests: they wait for seconds, all modes at the same time.
for (const mode of MODES) {
  test.concurrent(
    `${mode}: in development the first request that times out by default is told of, once`,
    async () => {
      await using server = await startInChild(mode, { development: true });
      const ask = async (): Promise<string> => {
        await using client = await RawClient.connect(server.port, HEAD_WAIT_MS);
        await client.send(requestBytes("/never"));
        return (await client.readUntilClose()).toString("latin1");
      };
      expect(await Promise.all([ask(), ask(), ask()])).toEqual(["", "", ""]);
      const said = (): string[] =>
        server.errorOutput().match(/timed out.*after 10 seconds.*idleTimeout/g) ?? [];
      await eventually("the line", said, ({ length }) => length === 1);
    },
    TEST_MS,
  );

  test.concurrent(
    `${mode}: an idle connection gets FIN and no bytes`,
    async () => {
      await using client = await RawClient.connect(brief[mode]!.port, WAIT_MS);
      await client.send(requestBytes("/hello"));
      await client.readResponse();
      expect((await client.readUntilClose()).length).toBe(0);
      expect(client.ending).toBe("fin");
    },
    TEST_MS,
  );

  test.concurrent(
    `${mode}: a pending handler's connection gets FIN, and its signal aborts`,
    async () => {
      const mark = uniqueMark();
      await using client = await RawClient.connect(brief[mode]!.port, WAIT_MS);
      await client.send(requestBytes(`/abort?mark=${mark}`));
      expect((await client.readUntilClose()).length).toBe(0);
      await eventually(
        "the signal",
        () => notesOf(`aborted ${mark}`).length,
        (count) => count === 1,
      );
    },
    TEST_MS,
  );

  test.concurrent(
    `${mode}: a body that stops coming ends the connection`,
    async () => {
      await using client = await RawClient.connect(brief[mode]!.port, WAIT_MS);
      await client.send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
      expect((await client.readUntilClose()).toString("latin1")).not.toContain("200 OK");
    },
    TEST_MS,
  );

  test.concurrent(
    `${mode}: a client that does not read a large answer is cut`,
    async () => {
      const before = await brief[mode]!.pendingRequests();
      await using client = await RawClient.connect(brief[mode]!.port, WAIT_MS);
      client.pause();
      await client.send(requestBytes("/bytes/20000000"));
      await Bun.sleep(WAIT_MS);
      client.resume();
      expect((await client.readUntilClose()).length).toBeLessThan(20_000_000);
      expect(await brief[mode]!.pendingRequests()).toBeLessThanOrEqual(before);
    },
    TEST_MS,
  );
  {
    test.concurrent(
      `${mode}: idle and pending connections stay`,
      async () => {
        await using idle = await RawClient.connect(endless[mode]!.port);
        await idle.send(requestBytes("/hello"));
        await idle.readResponse();
        await using pending = await RawClient.connect(endless[mode]!.port, WAIT_MS);
        await pending.send(requestBytes("/slow?ms=5500&id=done"));
        expect((await pending.readResponse()).text).toBe("done");
        await idle.send(requestBytes("/hello"));
        expect((await idle.readResponse()).text).toBe("hello");
      },
      TEST_MS,
    );

    const HEADS: readonly [name: string, bytes: string][] = [
      ["half a request line", "GET /hel"],
      ["half a head", "GET /hello HTTP/1.1\r\nHost: a\r\n"],
    ];
    for (const [name, bytes] of HEADS) {
      test.concurrent(
        `${mode}: a head of which ${name} came ends within the head's deadline`,
        async () => {
          await using client = await RawClient.connect(endless[mode]!.port, HEAD_WAIT_MS);
          await client.send(bytes);
          expect((await client.readUntilClose()).toString("latin1")).not.toContain("200 OK");
        },
        TEST_MS,
      );
    }

    test.concurrent(
      `${mode}: a head that drips ends all the same`,
      async () => {
        await using client = await RawClient.connect(endless[mode]!.port, HEAD_WAIT_MS);
        const drip = client.send(`GET /hello HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(200)}`, {
          splits: "bytes",
          delayMs: 100,
          untilAnswered: true,
        });
        expect((await client.readUntilClose()).toString("latin1")).not.toContain("200 OK");
        await drip;
      },
      TEST_MS,
    );
  }
}

test.each([...MODES])("%s: a connection in use lives longer than its idle timeout", async (mode) => {
  await using client = await RawClient.connect(brief[mode]!.port);
  for (let index = 0; index < 12; index++) {
    await client.send(requestBytes(`/id?id=${index}`));
    expect((await client.readResponse()).text).toBe(String(index));
    await Bun.sleep(250);
  }
  expect((await exchange(brief[mode]!.port, "/hello")).text).toBe("hello");
});
