/** One process takes over a port from another under load; the long version is `bun run drill rolling-deploy`. */
import { afterAll, expect, test } from "bun:test";
import { runSteadyClient, steadyCounts } from "../../bench/support/steady-client.ts";
import { startInChild, stopAll } from "../support/servers.ts";
import { isBunTarget } from "../support/target.ts";

afterAll(stopAll);

test.skipIf(isBunTarget)(
  "a port is handed over without an error",
  async () => {
    const options = { reusePort: true, threads: { gracefulSignals: true } };
    let server = await startInChild("pool", options);
    const { port } = server;
    const counts = steadyCounts();
    let isOver = false;
    const plain = { port, target: "/hello", body: "hello", requestsPerConnection: 1000, pauseMs: 0 };
    const kinds = [plain, { ...plain, requestsPerConnection: 1 }, { ...plain, pauseMs: 10 }];
    const load = Promise.all(
      [...kinds, ...kinds, ...kinds].map((kind) => runSteadyClient(kind, counts, () => isOver)),
    );
    for (let deploy = 0; deploy < 2; deploy++) {
      const next = await startInChild("pool", { ...options, port });
      const before = counts.answers;
      process.kill(server.pid, "SIGTERM");
      expect(await server.exited).toBe(0);
      expect(counts.answers).toBeGreaterThan(before);
      server = next;
    }
    isOver = true;
    await load;
    expect([...counts.errors]).toEqual([]);
  },
  40_000,
);
