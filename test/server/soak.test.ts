/**
 * Many clients with random pipelining, splits, delays and kinds of requests: every answer right and in order, and
 * afterwards nothing in flight and no descriptor left. EPOLLO_SOAK_CLIENTS and EPOLLO_SOAK_REQUESTS set the size
 * (default 200 clients of 100 requests; the full one is 200 of 2,000); EPOLLO_SOAK_SEED repeats a run.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { requestBytes } from "../support/exchange.ts";
import { eventually, socketCount } from "../support/process-info.ts";
import { randomFrom } from "../support/random.ts";
import { RawClient } from "../support/raw-client.ts";
import { MODES, startInChild, stopAll } from "../support/servers.ts";
import { runSoakClient } from "../support/soak-client.ts";
import { isBunTarget } from "../support/target.ts";

const CLIENTS = Number(process.env.EPOLLO_SOAK_CLIENTS ?? 200);
const REQUESTS = Number(process.env.EPOLLO_SOAK_REQUESTS ?? 100);
const SEED = Number(process.env.EPOLLO_SOAK_SEED ?? Date.now() % 1_000_000);
// The real server closes a connection that pipelines behind a pending answer.
const MOST_PIPELINED = isBunTarget ? 1 : 16;

afterEach(stopAll);

describe.each(MODES)("%s", (mode) => {
  test(`${CLIENTS} clients of ${REQUESTS} requests (seed ${SEED})`, async () => {
    const server = await startInChild(mode, { idleTimeout: 0, development: false });
    const warm = await RawClient.connect(server.port);
    await warm.send(requestBytes("/hello"));
    await warm.readResponse();
    warm.close();
    await Bun.sleep(50);
    const socketsBefore = socketCount(server.pid);
    const counts = await Promise.all(
      Array.from({ length: CLIENTS }, (_, index) =>
        runSoakClient(server.port, {
          name: String(index),
          random: randomFrom(SEED * 1000 + index),
          requests: REQUESTS,
          mostPipelined: MOST_PIPELINED,
        }),
      ),
    );
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(CLIENTS * REQUESTS);
    await eventually(
      "no pending request",
      () => server.pendingRequests(),
      (count) => count === 0,
    );
    if (!isBunTarget) {
      const left = async (): Promise<number> => {
        const stats = (await server.stats())!;
        return stats.inFlight + stats.backlog + stats.connections;
      };
      await eventually("nothing in flight", left, (count) => count === 0);
    }
    await eventually(
      "the sockets to be closed",
      () => socketCount(server.pid),
      (count) => count <= socketsBefore,
    );
  }, 600_000);
});
