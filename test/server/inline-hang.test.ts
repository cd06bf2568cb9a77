/**
 * A handler that hangs on a dispatcher, with no option set: which request it is, is told while it hangs; clients of the other dispatcher
 * are served all the time, and the dispatcher's own after 10 s at most. Not for Bun.serve, which serves nobody any more.
 */
import { afterEach, describe, expect, test } from "bun:test";
import type { Server } from "../../src/index.ts";
import type { LogRecord } from "../../src/log/log.ts";
import { exchange, requestBytes } from "../support/exchange.ts";
import { serveHosting } from "../support/hosting-server.ts";
import { eventually } from "../support/process-info.ts";
import { RawClient } from "../support/raw-client.ts";
import { isBunTarget } from "../support/target.ts";

const BURST = 40;
/** As long as a dispatcher may hang without `handlerTimeout`, in ms; and the time between two looks of main. */
const LIMIT_MS = 10_000;
const LOOK_MS = 1000;

let server: Server | null = null;
let log: LogRecord[] = [];
const clients: RawClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server?.stop(true);
  server = null;
}, 2 * LIMIT_MS);
const logged = (event: string): LogRecord[] => log.filter((record) => record.event === event);
const HANG = requestBytes("/report?secret=1", { fields: ["X-Do: hang"] });

const REPORT = requestBytes("/report?secret=1");

async function ask(client: RawClient): Promise<void> {
  await client.send(REPORT);
  expect((await client.readResponse()).text).toBe("fine");
}

/** Those that are served: a dispatcher that hangs answers none of its clients. */
async function servedOf(all: readonly RawClient[]): Promise<RawClient[]> {
  for (const client of all) await client.send(REPORT);
  await Bun.sleep(300);
  return all.filter((client) => client.unread.length > 0);
}

/** Starts a server with so many dispatchers, each of which has clients and runs what they ask for. */
async function start(dispatchers: number): Promise<number> {
  log = [];
  server = serveHosting({ dispatchers, min: 1, max: 3 }, log);
  const port = server.port!;
  await eventually(
    "all dispatchers to have clients",
    async () => {
      clients.push(await RawClient.connect(port));
      await ask(clients.at(-1)!);
      return server!.stats().dispatchers.every(({ connections }) => connections > 0);
    },
    (areThere) => areThere,
  );
  // Many at once: of requests that come one by one, on threads that sleep in between, too many take long while the code is cold.
  await eventually(
    "requests to run there, on all",
    async () => {
      const before = server!.stats();
      for (const client of [...clients, clients[0]!]) {
        await client.send(Buffer.concat(Array.from({ length: BURST }, () => REPORT)));
        for (let count = 0; count < BURST; count++) await client.readResponse();
      }
      const now = server!.stats();
      return now.dispatchers.map((dispatcher, index) => {
        const { requests, requestsInline } = before.dispatchers[index]!;
        return dispatcher.requests - requests - (dispatcher.requestsInline - requestsInline);
      });
    },
    (handedOver) => handedOver.every((count) => count === 0),
    20_000,
  );
  return port;
}

/** Has the first client's request hang on its dispatcher. */
async function hang(): Promise<void> {
  await clients[0]!.send(HANG);
  const runs = await eventually(
    "it to be told of",
    () => server!.stats().dispatchers.flatMap(({ running }) => running ?? []),
    (found) => found.length === 1,
  );
  expect(runs).toEqual([{ method: "GET", path: "/report", ms: expect.any(Number) as never }]);
}

describe.skipIf(isBunTarget)("a handler that hangs on a dispatcher, with the options as they are", () => {
  test("is named while it hangs, others are served, and all are after 10 s", async () => {
    const port = await start(2);
    const hanging = clients[0]!;
    const sentMs = performance.now();
    await hang();
    const others = await servedOf(clients.slice(1));
    expect(others.length).toBe(server!.stats().dispatchers.find(({ running }) => !running)!.connections);
    for (const client of others) await client.readResponse();
    // The same request again, and it does not come to the other dispatcher: that one's clients are served all the time.
    // Main has looked twice by then: only between two looks does it see a second without a turn.
    await Bun.sleep(2 * LOOK_MS);
    const again = await RawClient.connect(port);
    clients.push(again);
    await again.send(HANG);
    while (logged("dispatcher-blocks").length === 0 && performance.now() - sentMs < LIMIT_MS) {
      for (const client of others) await ask(client);
      expect((await exchange(port, "/")).text).toBe("fine");
      await Bun.sleep(50);
    }
    const fields = { dispatcher: expect.any(Number), ms: expect.any(Number), method: "GET", path: "/report" };
    expect(logged("dispatcher-blocks")).toMatchObject([fields]);
    expect(server!.stats().handlers.flatMap(({ running }) => running?.path ?? [])).toEqual(["/report"]);
    expect((await hanging.readResponse({ timeoutMs: 2 * LIMIT_MS })).status).toBe(503);
    expect(logged("dispatcher-hangs")).toMatchObject([fields]);
    for (const client of others) await ask(client);
    for (let round = 0; round < 20; round++) expect((await exchange(port, "/")).text).toBe("fine");
    expect(log.map(({ message }) => message).join("\n")).not.toContain("secret");
  }, 40_000);

  test("does not hold up stop(true) as long", async () => {
    await start(1);
    await hang();
    const calledMs = performance.now();
    await server!.stop(true);
    expect(performance.now() - calledMs).toBeLessThan(LIMIT_MS / 2);
    expect(logged("dispatcher-hangs").length).toBe(1);
    expect((await clients[0]!.readResponse()).status).toBe(503);
  }, 40_000);
});
