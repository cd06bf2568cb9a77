/**
 * Promise 3: requests at five times the capacity. Four handler threads block for 5 ms a request; what finds no room in the
 * backlog is answered with 503 by the dispatcher at once. Goodput stays, memory is flat, short and static routes go on.
 */
import { eventually } from "../../test/support/process-info.ts";
import type { RunningServer } from "../../test/support/servers.ts";
import type { Drill, DrillRun } from "../support/drill.ts";
import { sampleProcess, startForDrill } from "../support/drill-server.ts";
import { OpenLoop, type OpenLoopResult, quantile } from "../support/open-loop.ts";
import { type ProbeResult, startProber } from "../support/prober.ts";

const THREADS = 4;
/** How long routes may take to show that they are short. */
const WARMING_MS = 10_000;
/** Requests a second meanwhile: with few, each finds the thread cold, and takes longer than is called short. */
const WARMING_RATE = 2000;
const BLOCK_MS = 5;
/** 50 ms of waiting at the capacity. */
const BACKLOG = 40;
const OVER = 5;
const CONNECTIONS = 400;

/** Measures the peak, then sends five times as much. */
export const drill: Drill = {
  description: `${OVER} x the capacity of ${THREADS} threads that block for ${BLOCK_MS} ms: goodput stays, the rest gets 503 at once`,
  promise: 3,
  boundSeconds: 30,
  isShort: true,
  runsOnBun: true,
  run: async (run) => {
    const server = await startForDrill(run, {
      entry: "overload-entry.ts",
      idleTimeout: 30,
      threads: { dispatchers: 1, min: THREADS, max: THREADS, maxBacklog: BACKLOG },
    });
    const capacity = run.target === "bun" ? 1000 / BLOCK_MS : (THREADS * 1000) / BLOCK_MS;
    const load = await OpenLoop.open(server.port, CONNECTIONS, "GET /block HTTP/1.1\r\nHost: a\r\n\r\n");
    run.atEnd(() => load.close());
    // Routes have to show that they are short before they run on the dispatcher.
    const warming = await startProber(server.port, "/trivial", WARMING_RATE);
    await eventually(
      "the trivial route to be known as short",
      () => server.stats(),
      (stats) => stats === null || stats.requestsInline > 200,
      WARMING_MS,
    ).catch(() => {});
    await warming.stop();
    // As many at once as threads: the peak without a backlog would leave threads idle now and then.
    await load.run(capacity, 1);
    const peak = await load.run(capacity * 1.2, 3);
    const before = sampleProcess(server.pid);
    const seconds = run.option("seconds", 5);
    const trivial = await startProber(server.port, "/trivial", 100);
    const fixed = await startProber(server.port, "/static", 100);
    const over = await load.run(capacity * OVER, seconds);
    const after = sampleProcess(server.pid);
    report(run, peak, over);
    reportProbes(run, "trivial", await trivial.stop());
    reportProbes(run, "static", await fixed.stop());
    const grown = (after.residentBytes - before.residentBytes) / 2 ** 20;
    run.check("MiB grown under load", grown, "at most 24", grown <= 24);
    await checkAfterwards(run, server);
  },
};

function goodput({ byStatus, seconds }: OpenLoopResult): number {
  return (byStatus.get(200)?.count ?? 0) / seconds;
}

function report(run: DrillRun, peak: OpenLoopResult, load: OpenLoopResult): void {
  run.figure("requests/s sent", load.sent / load.seconds);
  run.figure("requests/s that no connection was free for", load.notSent / load.seconds);
  run.figure("answers/s at 1.2 x the capacity", goodput(peak));
  const share = goodput(load) / goodput(peak);
  run.check(`the same at ${OVER} x, of that`, share, "at least 0.9", share >= 0.9);
  const good = load.byStatus.get(200)?.milliseconds ?? [];
  run.figure("ms to an answer, p50", quantile(good, 0.5));
  run.figure("ms to an answer, p99", quantile(good, 0.99));
  const refused = load.byStatus.get(503)?.milliseconds ?? [];
  run.check("answers of 503", refused.length, "more than 0", refused.length > 0);
  run.check("ms to a 503, p50", quantile(refused, 0.5), "under 1", quantile(refused, 0.5) < 1);
  run.figure("ms to a 503, p99", quantile(refused, 0.99));
  run.check("connections closed", load.closed, "0", load.closed === 0);
}

/** A static route never fails; a trivial one may, for a moment, after runs that a loaded machine has made slow. */
function reportProbes(run: DrillRun, name: string, { sent, bad, p50Ms, p99Ms }: ProbeResult): void {
  const most = name === "static" ? 0 : Math.ceil(sent * 0.1);
  run.check(`of ${sent} ${name} requests not answered with 200`, bad, `at most ${most}`, bad <= most);
  run.figure(`ms to a ${name} answer, p50`, p50Ms);
  run.figure(`ms to a ${name} answer, p99`, p99Ms);
}

async function checkAfterwards(run: DrillRun, server: RunningServer): Promise<void> {
  const stats = await eventually(
    "the backlog to be worked off",
    () => server.stats(),
    (reading) => reading === null || (reading.backlog === 0 && reading.inFlight === 0),
  );
  if (stats !== null) run.check("backlog afterwards", stats.backlog, "0", stats.backlog === 0);
}
