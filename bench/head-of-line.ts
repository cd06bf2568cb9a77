/**
 * What a slow handler does to the others: 4 connections on a handler that computes for 20 ms, and 8 on a trivial one.
 *
 *   bun run bench/head-of-line.ts [--rounds 3] [--seconds 4] [--peer bun-serve,epollo-pool] [--json file]
 *
 * Theory of operation: two wrk processes load one server at the same time; the latency of the trivial requests is
 * what counts. The heavy load starts 300 ms earlier and ends later, so that every trivial request meets it.
 * "quiet" columns show the trivial load alone. The ratio is Bun.serve's p99 by this server's: how many times shorter.
 */
import { BASELINE, calibrateRounds, type Peer, startPeers } from "./support/peers.ts";
import { argument, digits, machine, median, printTable } from "./support/report.ts";
import { hasWrk, type LoadResult, runLoad } from "./support/wrk.ts";

interface Sample {
  readonly peer: string;
  readonly round: number;
  readonly quiet: LoadResult;
  readonly trivial: LoadResult;
  readonly heavy: LoadResult;
}

async function sample(peer: Peer, seconds: number, round: number): Promise<Sample> {
  const quiet = await runLoad(peer.port, { path: "/", connections: 8, seconds: 1 });
  const heavy = runLoad(peer.port, { path: "/cpu", connections: 4, seconds: seconds + 1 });
  await Bun.sleep(300);
  const trivial = await runLoad(peer.port, { path: "/", connections: 8, seconds });
  return { peer: peer.name, round, quiet, trivial, heavy: await heavy };
}

if (!hasWrk()) {
  console.error("bench/head-of-line.ts needs wrk (apt-get install wrk)");
  process.exit(1);
}
const rounds = Number(argument("rounds") ?? 3);
const seconds = Number(argument("seconds") ?? 4);
const names = argument("peer")?.split(",") ?? ["bun-serve", "bun-workers", "epollo-pool"];
const peers = await startPeers(names, { BENCH_CPU_ROUNDS: String(calibrateRounds(20)) });
const samples: Sample[] = [];
try {
  for (const peer of peers) await runLoad(peer.port, { path: "/", connections: 8, seconds: 1 });
  for (let round = 0; round < rounds; round++)
    for (const peer of peers) samples.push(await sample(peer, seconds, round));
} finally {
  await Promise.all(peers.map((peer) => peer.stop()));
}

const middle = (peer: string, read: (entry: Sample) => number): number =>
  median(samples.filter((entry) => entry.peer === peer).map(read));
const baseline = middle(BASELINE, (entry) => entry.trivial.p99Us);
printTable(
  [
    "server",
    "quiet p50 us",
    "p99",
    "loaded p50 us",
    "p99",
    "max",
    "p99 shorter by",
    "trivial/s",
    "heavy/s",
    "errors",
  ],
  peers.map(({ name }) => [
    name,
    digits(middle(name, (entry) => entry.quiet.p50Us)),
    digits(middle(name, (entry) => entry.quiet.p99Us)),
    digits(middle(name, (entry) => entry.trivial.p50Us)),
    digits(middle(name, (entry) => entry.trivial.p99Us)),
    digits(middle(name, (entry) => entry.trivial.maxUs)),
    digits(baseline / middle(name, (entry) => entry.trivial.p99Us), 1),
    digits(middle(name, (entry) => entry.trivial.requestsPerSecond)),
    digits(middle(name, (entry) => entry.heavy.requestsPerSecond)),
    String(
      samples
        .filter((entry) => entry.peer === name)
        .reduce((sum, entry) => sum + entry.trivial.errors + entry.heavy.errors, 0),
    ),
  ]),
);
const path = argument("json");
if (path !== undefined)
  await Bun.write(path, JSON.stringify({ machine: machine(), rounds, seconds, samples }, null, 2));
