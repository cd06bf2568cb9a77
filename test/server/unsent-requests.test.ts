/**
 * Clients that have not sent their requests whole hold no handler thread: with one such thread, which runs all handlers, everybody else is
 * served, and none of those requests is seen there. Of Bun.serve, which has one thread for all, only that others are served.
 */
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { exchange, requestBytes } from "../support/exchange.ts";
import { eventually } from "../support/process-info.ts";
import { RawClient } from "../support/raw-client.ts";
import { MODES, type RunningServer, startServer, stopAll } from "../support/servers.ts";
import { isBunTarget } from "../support/target.ts";

const post = (path: string, fields: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n\r\n`;
/** What is sent of each request, and the rest of it. */
const BEGINNINGS: readonly (readonly [string, string])[] = [
  ["GE", "T /hello HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["GET /hello HTTP/1.1\r\nHost: a\r\nX: y", "\r\n\r\n"],
  [post("/body-length", "Content-Length: 10"), "0123456789"],
  [`${post("/body-length", "Content-Length: 30000")}x`, "x".repeat(29_999)],
  [`${post("/body-length", "Transfer-Encoding: chunked")}5\r\nab`, "cde\r\n0\r\n\r\n"],
];
const EACH = 20;

afterEach(stopAll);
afterAll(stopAll);

/** Requests that handler threads have, and those that run on dispatchers and outlived their call. */
async function held(server: RunningServer): Promise<number> {
  const stats = (await server.stats()) as unknown as { handlers: { inFlight: number }[] } | null;
  return stats === null ? 0 : stats.handlers.reduce((sum, { inFlight }) => sum + inFlight, 0);
}

describe.each(MODES)("%s", (mode) => {
  test("heads and short bodies that have not come whole hold no handler thread", async () => {
    const server = await startServer(mode, { threads: { min: 1, max: 1, inline: false }, idleTimeout: 60 });
    const clients: RawClient[] = [];
    for (const [beginning] of BEGINNINGS) {
      for (let count = 0; count < EACH; count++) {
        const client = await RawClient.connect(server.port);
        clients.push(client);
        await client.send(beginning);
      }
    }
    for (let round = 0; round < 20; round++) {
      expect((await exchange(server.port, "/hello")).text).toBe("hello");
      await eventually(
        "none to be held",
        () => held(server),
        (count) => count === 0,
      );
    }
    for (const [index, client] of clients.entries()) {
      await client.send(BEGINNINGS[Math.floor(index / EACH)]![1]);
      expect((await client.readResponse()).status).toBe(200);
      client.close();
    }
  }, 20_000);

  test("a handler that reads a long body as it comes does not keep its thread from others", async () => {
    const server = await startServer(mode, { threads: { min: 1, max: 1, inline: false }, idleTimeout: 60 });
    const LENGTH = 100_000;
    const clients = await Promise.all(Array.from({ length: EACH }, () => RawClient.connect(server.port)));
    for (const client of clients) await client.send(`${post("/body-length", `Content-Length: ${LENGTH}`)}x`);
    const counted = await eventually(
      "all to be held, where that is counted",
      () => held(server),
      (count) => isBunTarget || count === EACH,
    );
    expect(counted).toBe(isBunTarget ? 0 : EACH);
    for (let round = 0; round < 20; round++)
      expect((await exchange(server.port, "/hello")).text).toBe("hello");
    for (const client of clients) {
      await client.send("x".repeat(LENGTH - 1));
      expect((await client.readResponse()).text).toBe(String(LENGTH));
      client.close();
    }
    await using last = await RawClient.connect(server.port);
    await last.send(requestBytes("/hello"));
    expect((await last.readResponse()).text).toBe("hello");
  }, 20_000);
});
