/** `health`: liveness and readiness through the life of a server. */
import { afterAll, describe, expect, test } from "bun:test";
import { exchange, requestBytes } from "../support/exchange.ts";
import { eventually } from "../support/process-info.ts";
import { RawClient } from "../support/raw-client.ts";
import { MODES, type RunningServer, startInChild, startServer, stopAll } from "../support/servers.ts";
import { isBunTarget } from "../support/target.ts";

afterAll(stopAll);

const HEALTH = { live: "/healthz", ready: "/readyz" };
const statusOf = async (server: RunningServer, path: string): Promise<number> =>
  (await exchange(server.port, path)).status;

async function whenReady(server: RunningServer): Promise<void> {
  await eventually(
    "it to be ready",
    () => statusOf(server, "/readyz"),
    (status) => status === 200,
  );
}

describe.skipIf(isBunTarget).each(MODES)("%s", (mode) => {
  test("alive at once, and ready once handlers can run", async () => {
    await using server = await startServer(mode, { health: HEALTH });
    expect(await statusOf(server, "/healthz")).toBe(200);
    await whenReady(server);
    const { text, headers } = await exchange(server.port, "/readyz?probe=1");
    expect([text, headers["cache-control"]]).toEqual(["ready\n", "no-store"]);
    // The paths beside them are the handler's.
    expect((await exchange(server.port, "/readyz/x")).text).toBe("no route /readyz/x");
  });

  test("from stop() on it is alive and not ready, and serves all until the delay is over", async () => {
    await using server = await startServer(mode, { health: { ...HEALTH, delay: 400 } });
    await whenReady(server);
    await using idle = await RawClient.connect(server.port);
    await idle.send(requestBytes("/hello"));
    await idle.readResponse();
    let hasStopped = false;
    const stopped = server.stop().then(() => {
      hasStopped = true;
    });
    await eventually(
      "it to be unready",
      () => statusOf(server, "/readyz"),
      (status) => status === 503,
    );
    expect([await statusOf(server, "/healthz"), await statusOf(server, "/hello")]).toEqual([200, 200]);
    expect((await exchange(server.port, "/readyz")).text).toBe("stopping\n");
    // Kept connections go on as if nothing were.
    await idle.send(requestBytes("/hello"));
    expect((await idle.readResponse()).headers.connection).toBeUndefined();
    expect(hasStopped).toBe(false);
    await stopped;
    expect((await idle.readUntilClose()).length).toBe(0);
  });

  test("stop(true) does not wait", async () => {
    await using server = await startServer(mode, { health: { delay: 60_000 } });
    void server.stop();
    await server.stop(true);
  });
});

test.skipIf(isBunTarget)("handlers that hang change nothing", async () => {
  await using server = await startInChild("pool", { health: HEALTH, threads: { min: 1, max: 1 } });
  await whenReady(server);
  await using client = await RawClient.connect(server.port);
  await client.send(requestBytes("/cpu?ms=1500"));
  const start = performance.now();
  expect([await statusOf(server, "/healthz"), await statusOf(server, "/readyz")]).toEqual([200, 200]);
  expect(performance.now() - start).toBeLessThan(1200);
});

test.skipIf(isBunTarget)(
  "without handler threads that are kept it is ready before the first of them",
  async () => {
    await using server = await startInChild("pool", { health: HEALTH, threads: { min: 0, max: 1 } });
    expect(await statusOf(server, "/readyz")).toBe(200);
    expect((await server.stats())?.threads.spawned).toBe(0);
  },
);
