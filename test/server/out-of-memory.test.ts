/**
 * Handlers that run out of memory: what the engine throws is an error of the handler like any other. Where it cannot throw it ends the
 * process, under Bun.serve too; then nobody is left waiting.
 */
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { exchange, requestBytes } from "../support/exchange.ts";
import { RawClient } from "../support/raw-client.ts";
import { MODES, startInChild, stopAll } from "../support/servers.ts";
import { isBunTarget } from "../support/target.ts";

/** Bytes of private memory that a server may have: it starts with some 1.5 GB, most of it never touched. */
const DATA_BYTES = 3_000_000_000;
const PREFIX = ["prlimit", `--data=${DATA_BYTES}`];

/** Handlers cut off after 300 ms: together they would take more than there is. */
const ROUNDS = 16;

afterEach(stopAll);
afterAll(stopAll);

describe.each(MODES)("%s", (mode) => {
  test("values that are too large: 500, the connection and the thread go on", async () => {
    const server = await startInChild(mode, { threads: { min: 1, max: 1 } });
    await using client = await RawClient.connect(server.port);
    await client.send(requestBytes("/thread"));
    const thread = (await client.readResponse()).text;
    for (const way of ["string", "array", "buffer", "bytes"]) {
      await client.send(requestBytes(`/exhaust?way=${way}`));
      expect([way, (await client.readResponse()).status]).toEqual([way, 500]);
    }
    await client.send(requestBytes("/thread"));
    expect((await client.readResponse()).text).toBe(thread);
  });

  test("a handler that takes memory until there is none: 500, and others are served", async () => {
    const server = await startInChild(mode, { prefix: PREFIX, threads: { min: 2, max: 2 } });
    await exchange(server.port, "/hello");
    for (let round = 0; round < 3; round++) {
      expect((await exchange(server.port, "/exhaust?way=buffers")).status).toBe(500);
      expect((await exchange(server.port, "/hello")).text).toBe("hello");
    }
  }, 20_000);

  test.skipIf(mode !== "pool" || isBunTarget)(
    "one that handlerTimeout cuts off before gives its memory back",
    async () => {
      const threads = { min: 2, max: 2, inline: false, handlerTimeout: 300 };
      const server = await startInChild(mode, { prefix: PREFIX, threads });
      await exchange(server.port, "/hello");
      for (let round = 0; round < ROUNDS; round++) {
        expect((await exchange(server.port, "/exhaust?way=list")).status).toBe(503);
        expect((await exchange(server.port, "/hello")).text).toBe("hello");
      }
      expect((await server.stats())!.threads.killed).toBe(ROUNDS);
    },
    30_000,
  );

  test.skipIf(mode !== MODES.at(-1))(
    "where the engine cannot throw, the process ends and clients hear of it",
    async () => {
      const server = await startInChild(mode, {
        prefix: PREFIX,
        idleTimeout: 60,
        threads: { min: 2, max: 2 },
      });
      await exchange(server.port, "/hello");
      const clients = [await RawClient.connect(server.port), await RawClient.connect(server.port)];
      await clients[0]!.send(requestBytes("/exhaust?way=list"));
      const code = await server.exited;
      expect(code).not.toBe(0);
      for (const client of clients) {
        expect(await client.readUntilClose()).toHaveLength(0);
        client.close();
      }
    },
    30_000,
  );
});
