/**
 * epollo beside its peers: Bun.serve, Bun.serve in a Worker for each core with reusePort, node:http.
 *
 *   bun run bench/http.ts [--rounds 3] [--seconds 3] [--scenario trivial,json] [--peer bun-serve,epollo-pool] [--one-core] [--json file]
 *
 * Theory of operation: every server lives in a process of its own for the whole run. A round loads each server
 * once in each scenario, in an order that turns by one each round, so that what else the machine does meets all of
 * them alike; the table shows medians over the rounds and their ratio to Bun.serve's.
 *
 * Where the kernel puts the threads matters more than most code. Measured on a 2-core VM, one Bun.serve, one command:
 * wrk and server on one core 197-200k requests/s each time; on two cores 100k to 326k within the same minute, with
 * no steal time to tell. So ratios are taken within a round, samples that lie close in time, and the spread (largest by
 * smallest of a server's samples) is shown: a row whose spread is above 1.25 is marked (?) and its requests/s says
 * nothing. `--one-core` puts wrk and servers on core 0, which repeats within 1-2 %: use it for CPU per request. It
 * cannot show what several cores give.
 *
 * What else makes a number void, and is marked: errors (!), servers other than the measured one using more than 2 % of a
 * core meanwhile (~), and a measured server that was less than 70 % of one core busy (<): then wrk, or waiting, was
 * measured. wrk runs on the same cores as the servers: read the CPU per request beside the requests per second.
 */
import { BASELINE, calibrateRounds, type Peer, startPeers } from "./support/peers.ts";
import { cpuUsage, preemptions } from "./support/process-usage.ts";
import { argument, digits, machine, median, printTable } from "./support/report.ts";
import { hasWrk, type Load, type LoadResult, runLoad } from "./support/wrk.ts";

interface Scenario {
  readonly name: string;
  readonly load: Omit<Load, "seconds">;
}

interface Sample extends LoadResult {
  readonly scenario: string;
  readonly peer: string;
  readonly round: number;
  readonly cpuUsPerRequest: number;
  readonly mainThreadUsPerRequest: number;
  /** CPU time of the server by wall-clock time; 1 is one core. */
  readonly coresBusy: number;
  /** The same for all other servers together, which should idle. */
  readonly othersBusy: number;
  /** Involuntary context switches of all threads by request: high when wrk and server share a core. */
  readonly preemptionsPerRequest: number;
}

const SCENARIOS: readonly Scenario[] = [
  { name: "trivial", load: { path: "/", connections: 64 } },
  { name: "json", load: { path: "/json", connections: 64 } },
  { name: "echo-1k", load: { path: "/echo", connections: 64, method: "POST", bodyBytes: 1024 } },
  { name: "echo-100k", load: { path: "/echo", connections: 16, method: "POST", bodyBytes: 102_400 } },
  { name: "cpu-20ms", load: { path: "/cpu", connections: 8 } },
];

async function sample(
  peer: Peer,
  others: readonly Peer[],
  scenario: Scenario,
  seconds: number,
  round: number,
): Promise<Sample> {
  // wrk leaves up to 8 requests of 20 ms behind on the server that it loaded last.
  await Bun.sleep(300);
  const othersBefore = others.map((other) => cpuUsage(other.pid).processUs);
  const before = cpuUsage(peer.pid);
  const preemptionsBefore = preemptions(peer.pid);
  const start = performance.now();
  const result = await runLoad(peer.port, { ...scenario.load, seconds });
  const elapsedUs = (performance.now() - start) * 1000;
  const after = cpuUsage(peer.pid);
  let othersUs = 0;
  others.forEach((other, index) => {
    othersUs += cpuUsage(other.pid).processUs - othersBefore[index]!;
  });
  const requests = Math.max(1, result.requests);
  return {
    ...result,
    scenario: scenario.name,
    peer: peer.name,
    round,
    cpuUsPerRequest: (after.processUs - before.processUs) / requests,
    mainThreadUsPerRequest: (after.mainThreadUs - before.mainThreadUs) / requests,
    coresBusy: (after.processUs - before.processUs) / elapsedUs,
    othersBusy: othersUs / elapsedUs,
    preemptionsPerRequest: (preemptions(peer.pid) - preemptionsBefore) / requests,
  };
}

/** Fails when a server's answer in a scenario is not that of the first: a fast wrong answer is no result. */
async function compareAnswers(peers: readonly Peer[], scenario: Scenario): Promise<void> {
  const answers = await Promise.all(
    peers.map(async ({ name, port }) => {
      const { path, method, bodyBytes } = scenario.load;
      const body = bodyBytes === undefined ? null : "b".repeat(bodyBytes);
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        method: method ?? "GET",
        body,
      }).catch((error: Error) => {
        throw new Error(`${scenario.name}: ${name} did not answer: ${error.message}`);
      });
      return `${response.status} ${await response.text()}`;
    }),
  );
  const wrong = peers.filter((_, index) => answers[index] !== answers[0]).map(({ name }) => name);
  if (wrong.length > 0)
    throw new Error(`${scenario.name}: answered otherwise than ${peers[0]!.name}: ${wrong}`);
}

type Measure =
  | "requestsPerSecond"
  | "cpuUsPerRequest"
  | "mainThreadUsPerRequest"
  | "coresBusy"
  | "p50Us"
  | "p99Us";

function report(samples: readonly Sample[], scenario: Scenario, peers: readonly Peer[]): void {
  const of = (peer: string): Sample[] =>
    samples.filter((entry) => entry.scenario === scenario.name && entry.peer === peer);
  const middle = (peer: string, key: Measure): number => median(of(peer).map((entry) => entry[key]));
  const ratio = (peer: string, key: Measure): number =>
    median(
      of(peer).map((entry) => {
        const baseline = of(BASELINE).find(({ round }) => round === entry.round);
        return baseline === undefined ? Number.NaN : entry[key] / baseline[key];
      }),
    );
  const spread = (peer: string): number => {
    const rates = of(peer).map((entry) => entry.requestsPerSecond);
    return Math.max(...rates) / Math.min(...rates);
  };
  console.log(`\n${scenario.name}: ${scenario.load.connections} connections`);
  printTable(
    ["server", "req/s", "spread", "ratio", "CPU us/req", "ratio", "main us/req", "cores", "p50 us", "p99 us"],
    peers.map(({ name }) => [
      name +
        (of(name).some((entry) => entry.errors > 0) ? "!" : "") +
        (of(name).some((entry) => entry.othersBusy > 0.02) ? "~" : "") +
        (middle(name, "coresBusy") < 0.7 && !isOneCore ? "<" : "") +
        (spread(name) > 1.25 ? "?" : ""),
      digits(middle(name, "requestsPerSecond")),
      digits(spread(name), 2),
      digits(ratio(name, "requestsPerSecond"), 2),
      digits(middle(name, "cpuUsPerRequest"), 1),
      digits(ratio(name, "cpuUsPerRequest"), 2),
      digits(middle(name, "mainThreadUsPerRequest"), 1),
      digits(middle(name, "coresBusy"), 2),
      digits(middle(name, "p50Us")),
      digits(middle(name, "p99Us")),
    ]),
  );
}

if (!hasWrk()) {
  console.error("bench/http.ts needs wrk (apt-get install wrk)");
  process.exit(1);
}
const rounds = Number(argument("rounds") ?? 3);
const seconds = Number(argument("seconds") ?? 3);
const wantedScenarios = argument("scenario")?.split(",");
const scenarios = SCENARIOS.filter(({ name }) => wantedScenarios?.includes(name) ?? true);
const isOneCore = process.argv.includes("--one-core");
const cpuRounds = calibrateRounds(20);
// Children inherit the affinity of this process; the calibration above ran without it.
if (isOneCore) Bun.spawnSync(["taskset", "-a", "-p", "-c", "0", String(process.pid)]);
const peers = await startPeers(argument("peer")?.split(",") ?? [], { BENCH_CPU_ROUNDS: String(cpuRounds) });
const samples: Sample[] = [];
try {
  for (const scenario of scenarios) await compareAnswers(peers, scenario);
  for (const peer of peers)
    for (const scenario of scenarios) await runLoad(peer.port, { ...scenario.load, seconds: 1 });
  for (let round = 0; round < rounds; round++) {
    for (const scenario of scenarios) {
      for (let index = 0; index < peers.length; index++) {
        const peer = peers[(index + round) % peers.length]!;
        const others = peers.filter((other) => other !== peer);
        samples.push(await sample(peer, others, scenario, seconds, round));
      }
    }
  }
} finally {
  await Promise.all(peers.map((peer) => peer.stop()));
}
for (const scenario of scenarios) report(samples, scenario, peers);
const path = argument("json");
if (path !== undefined)
  await Bun.write(
    path,
    JSON.stringify({ machine: machine(), rounds, seconds, cpuRounds, isOneCore, samples }, null, 2),
  );
