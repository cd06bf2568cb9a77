/**
 * Promise 6: new processes take over a port (`reusePort`), one after the other, while clients ask all the time. The old one is
 * told to stop by SIGTERM, and no request is lost. Clients that keep their connections, clients that open one for each
 * request, clients that pause, and clients with a slow handler.
 *
 *   --requests N   default 200000
 *   --every N      requests after which the next process is started, default 20000; counted, not timed: a slow machine is not to be
 *                  busy with starting processes
 *
 * Bun.serve's program calls `stop()` on SIGTERM and exits when its promise resolves.
 */
import { eventually } from "../../test/support/process-info.ts";
import type { RunningServer, StartOptions } from "../../test/support/servers.ts";
import type { Drill, DrillRun } from "../support/drill.ts";
import { startForDrill } from "../support/drill-server.ts";
import { runSteadyClient, type SteadyOptions, steadyCounts } from "../support/steady-client.ts";

const REQUESTS = 200_000;
const EVERY = 20_000;
const KEEPING = 24;
const OPENING = 8;
const PAUSING = 8;
const SLOW = 4;
const FOREVER = Number.POSITIVE_INFINITY;

/** Replaces a server under load, again and again. */
export const drill: Drill = {
  description: `a port handed from process to process under ${REQUESTS} requests: none is lost`,
  promise: 6,
  boundSeconds: 60,
  isShort: true,
  runsOnBun: true,
  run: async (run) => {
    const requests = run.option("requests", REQUESTS);
    const every = run.option("every", EVERY);
    const options: StartOptions = { reusePort: true, threads: { gracefulSignals: true } };
    let server = await startForDrill(run, options);
    const { port } = server;
    const counts = steadyCounts();
    const isOver = (): boolean => counts.answers >= requests;
    const plain = { port, target: "/hello", body: "hello", requestsPerConnection: FOREVER, pauseMs: 0 };
    const clients: SteadyOptions[] = [
      ...new Array<SteadyOptions>(KEEPING).fill(plain),
      ...new Array<SteadyOptions>(OPENING).fill({ ...plain, requestsPerConnection: 1 }),
      ...new Array<SteadyOptions>(PAUSING).fill({ ...plain, pauseMs: 20 }),
      ...new Array<SteadyOptions>(SLOW).fill({ ...plain, target: "/slow?ms=30", body: "slow" }),
    ];
    const start = performance.now();
    const load = Promise.all(clients.map((client) => runSteadyClient(client, counts, isOver)));
    const stops: Promise<number>[] = [];
    let deploys = 0;
    for (let due = every; due < requests && !isOver(); due += every) {
      while (counts.answers < due) await Bun.sleep(10);
      const next = await startForDrill(run, { ...options, port });
      stops.push(stopOld(run, server));
      server = next;
      if (!isOver()) deploys++;
    }
    await load;
    const seconds = (performance.now() - start) / 1000;
    const stopMs = await Promise.all(stops);
    const errors = [...counts.errors.values()].reduce((sum, count) => sum + count, 0);
    run.check("requests lost", errors, "0", errors === 0);
    for (const [text, count] of counts.errors) run.figure(`  ${text}`, count);
    run.check("requests answered", counts.answers, `${requests}`, counts.answers >= requests);
    run.figure("requests/s", counts.answers / seconds);
    run.figure("connections", counts.connections);
    run.check("processes replaced under load", deploys, "2 at least", deploys >= 2);
    run.figure("slowest request", counts.slowestMs, "ms");
    run.figure("longest from signal to exit", Math.max(0, ...stopMs), "ms");
  },
};

/** Tells a process to stop; gives how long it took, in ms. */
async function stopOld(run: DrillRun, server: RunningServer): Promise<number> {
  const start = performance.now();
  if (run.target === "bun") {
    await server.stop();
    await server[Symbol.asyncDispose]();
    return performance.now() - start;
  }
  process.kill(server.pid, "SIGTERM");
  const code = await eventually(
    "the old process to end",
    () => Promise.race([server.exited, Bun.sleep(50).then(() => null)]),
    (value) => value !== null,
    30_000,
  );
  if (code !== 0) throw new Error(`the old process has ended with ${code}: ${server.errorOutput()}`);
  return performance.now() - start;
}
