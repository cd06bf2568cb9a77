/**
 * Promise 1: handlers that never return, one after the other (`--kills N`, 32 by default): each client gets 503, each thread is
 * killed and replaced, requests beside them are answered, and afterwards there are as many threads and descriptors and as
 * much memory as before.
 */
import { exchange } from "../../test/support/exchange.ts";
import { eventually } from "../../test/support/process-info.ts";
import type { RunningServer } from "../../test/support/servers.ts";
import type { Drill, DrillRun } from "../support/drill.ts";
import { type ProcessSample, sampleProcess, settledSample, startForDrill } from "../support/drill-server.ts";

const THREADS = 6;
/** Handlers that hang at once. */
const HANGING = 4;
/** Long enough that a thread that shares two processors with those that hang is not taken for one of them. */
const LIMIT_MS = 800;
const MEGABYTE = 1 << 20;
/** Not the first: by then the server has all the threads and memory that the load asks for. */
const WARM_UP_KILLS = 24;
/** Connections that bring the heaps of the dispatchers, which collect garbage of several KB each when they want to, to their size. */
const WARM_UP_REQUESTS = 6000;
/** How many threads of Bun's own there may be at one moment and not at another. */
const BUN_THREADS = 2;
/** Longer than a collector or compiler thread of the engine waits for work before it ends: 10 s. */
const BUN_THREADS_END_MS = 15_000;
/** How many more or fewer MB of garbage and threads there may be at one moment than at another. */
const MOST_GROWTH_BYTES: number = 10 * MEGABYTE;
/** What Bun keeps of each Worker, and the allocator's cuttings (docs/reliability.md, 1). */
const MOST_GROWTH_PER_KILL_BYTES: number = 20 * 1024;

/** Kills so many handlers and gives how long their answers took, in ms. */
async function kill(server: RunningServer, kills: number, statuses: Map<number, number>): Promise<number[]> {
  const times: number[] = [];
  await repeat(kills, async () => {
    const start = performance.now();
    // A handler that computes for 100 minutes.
    const { status } = await exchange(server.port, "/cpu?ms=6000000");
    times.push(performance.now() - start);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  });
  return times;
}

/** Does something so many times, as many at once as there are handlers that hang. */
async function repeat(times: number, once: () => Promise<unknown>): Promise<void> {
  let left = times;
  const some = async (): Promise<void> => {
    while (left-- > 0) await once();
  };
  await Promise.all(Array.from({ length: HANGING }, some));
}

/** Asks for something trivial all the time; gives how often, and the answers that were not right. */
async function besides(
  server: RunningServer,
  isOver: () => boolean,
): Promise<[count: number, wrong: number]> {
  let count = 0;
  let wrong = 0;
  while (!isOver()) {
    const { text } = await exchange(server.port, `/id?id=${count}`).catch(() => ({ text: "failed" }));
    if (text !== String(count++)) wrong++;
    await Bun.sleep(5);
  }
  return [count, wrong];
}

async function checkLeftOver(
  run: DrillRun,
  server: RunningServer,
  before: ProcessSample,
  kills: number,
): Promise<void> {
  await eventually(
    "the threads to be as many as before",
    async () => (await server.stats())!.threads,
    ({ alive, starting }) => alive === THREADS && starting === 0,
    15_000,
  );
  const now = (): ProcessSample => sampleProcess(server.pid);
  const bunThreads = ({ threads, ownThreads }: ProcessSample): number => threads - ownThreads;
  for (const [name, of, spare] of [
    ["threads left over", (sample) => sample.ownThreads, 0],
    // The runtime has a few of its own that come and go (compilation, collection).
    ["threads of Bun left over", bunThreads, BUN_THREADS],
    ["descriptors left over", (sample) => sample.fds, 0],
  ] as readonly [string, (sample: ProcessSample) => number, number][]) {
    const more = (): number => of(now()) - of(before);
    const left = await eventually(name, more, (count) => count <= spare, BUN_THREADS_END_MS).catch(more);
    run.check(name, left, `at most ${spare}`, left <= spare);
  }
  const { residentBytes } = await settledSample(server.pid);
  const grown = residentBytes - before.residentBytes;
  const most = MOST_GROWTH_BYTES + kills * MOST_GROWTH_PER_KILL_BYTES;
  run.check("memory grown, MB", grown / MEGABYTE, `at most ${(most / MEGABYTE).toFixed(1)}`, grown <= most);
  run.figure("memory grown a kill", grown / kills / 1024, "KB");
  const stats = (await server.stats())!;
  for (const name of ["inFlight", "backlog", "blocks"] as const)
    run.check(`${name} left`, stats[name], "0", stats[name] === 0);
}

/** Has handlers hang, one after the other. */
export const drill: Drill = {
  description: `handlers that never return, ${HANGING} at a time: each gets 503, nothing is left over (--kills N)`,
  promise: 1,
  boundSeconds: 60,
  isShort: true,
  runsOnBun: false,
  run: async (run) => {
    const kills = run.option("kills", 32);
    const threads = {
      min: THREADS,
      max: 4 * THREADS,
      retireAfter: 500,
      inline: false,
      handlerTimeout: LIMIT_MS,
    };
    const server = await startForDrill(run, { threads });
    await repeat(WARM_UP_REQUESTS, () => exchange(server.port, "/id?id=1"));
    await kill(server, WARM_UP_KILLS, new Map());
    const before = await settledSample(server.pid);
    let isOver = false;
    const others = besides(server, () => isOver);
    const statuses = new Map<number, number>();
    const start = performance.now();
    const times = (await kill(server, kills, statuses)).sort((a, b) => a - b);
    run.figure("kills", kills);
    run.figure("kills a second", kills / ((performance.now() - start) / 1000));
    isOver = true;
    const [count, wrong] = await others;
    run.check("answers of 503", statuses.get(503) ?? 0, String(kills), statuses.get(503) === kills);
    run.figure("ms until the 503, median", times[times.length >> 1]!);
    run.figure("ms until the 503, longest", times.at(-1)!);
    const { killed } = (await server.stats())!.threads;
    const more = killed - WARM_UP_KILLS - kills;
    // A thread that got no processor for as long as the limit is taken for one that hangs.
    run.check("threads killed beside them", more, `at most ${kills >> 5}`, more >= 0 && more <= kills >> 5);
    run.figure("requests beside them", count);
    run.check("of those answered wrongly", wrong, "0", wrong === 0);
    await checkLeftOver(run, server, before, kills);
  },
};
