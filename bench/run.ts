/**
 * epollo beside every peer that is installed, in every scenario: `bun run bench`.
 *
 *   --scenario a,b   names or groups of bench/scenarios.ts; default all
 *   --peer a,b       names of bench/support/peers.ts; default all. Without bun-serve there are no ratios
 *   --seconds 3      of each load, a whole number
 *   --rounds 3       how often each server is measured in each scenario
 *   --quick          one round of one second, no file: does everything run?
 *   --pin where      "none"; "one-core", all on core 0; "apart", wrk on the last cores. Default: apart from 4 cores on
 *   --json file      default bench/results/<date>.json; with --peer, --quick or --pin nothing is written without it
 *
 * Theory of operation: a scenario starts its servers afresh, each in a process of its own, so that none carries what another
 * scenario left in its heap or its threads. A round loads each server once, in an order that turns by one each round, so that what
 * else the machine does meets all of them alike. Ratios are taken within a round. Scenarios that start their servers
 * themselves (start, burst, memory) have one at a time. epollo is measured as it is installed, built (dist/make.ts). After each scenario the file is written, merged with what it held:
 * a run may be cut in parts.
 *
 * Where the kernel puts the threads matters more than most code. Measured on a 2-core VM, one Bun.serve, one command:
 * wrk and server on one core 197-200k requests/s each time; on two cores 100k to 326k within the same minute, with
 * no steal time to tell. So the spread is shown. `--pin one-core` repeats within 1-2 %: use it for CPU per request.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { BUILT_FOLDER } from "../dist/built.ts";
import { makeBuilt } from "../dist/make.ts";
import { measureBeside } from "./measure/beside.ts";
import type { MeasureRunning, MeasureStarting, Measures, Run } from "./measure/context.ts";
import { loadOf, measureHeld, measureLoaded } from "./measure/load.ts";
import { measureMemory } from "./measure/memory.ts";
import { measureBurst, measureStart } from "./measure/start.ts";
import { findScenarios, type Scenario } from "./scenarios.ts";
import { compareAnswers } from "./support/answers.ts";
import {
  BASELINE,
  calibrateRoundsPerMs,
  findPeers,
  type Peer,
  type PeerKind,
  startPeer,
} from "./support/peers.ts";
import { argument, commitHere, machine, printTable, versions } from "./support/report.ts";
import {
  type Measure,
  mergeObstacle,
  mergeResults,
  type Results,
  type Sample,
  type ScenarioResult,
} from "./support/results.ts";
import { MARKS, scenarioTable } from "./support/tables.ts";
import { hasWrk, runLoad } from "./support/wrk.ts";
import { TARGET_HEADING, targetRows } from "./targets.ts";

const RUNNING: Readonly<Record<string, MeasureRunning>> = {
  load: measureLoaded,
  held: measureHeld,
  beside: measureBeside,
};
const STARTING: Readonly<Record<string, MeasureStarting>> = {
  start: measureStart,
  burst: measureBurst,
  memory: measureMemory,
};
/** What a load may leave behind on a server, requests of 20 ms, is done by then. */
const REST_MS = 300;

/** Samples of all rounds, each server in turn. A sample that fails is told and has an error. */
async function takeRounds(
  names: readonly string[],
  rounds: number,
  repetitions: number,
  take: (index: number) => Promise<Measures>,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (let round = 0; round < rounds * repetitions; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const index = (turn + round) % names.length;
      const measures = await take(index).catch((error: Error): Measures => {
        console.error(`${names[index]}: ${error.message}`);
        return { errors: 1 };
      });
      samples.push({ peer: names[index]!, round, measures });
    }
  }
  return samples.sort(
    (left, right) => left.round - right.round || names.indexOf(left.peer) - names.indexOf(right.peer),
  );
}

async function measureWithRunning(
  run: Run,
  scenario: Scenario,
  kinds: readonly PeerKind[],
  rounds: number,
  isQuick: boolean,
): Promise<Sample[]> {
  const environment = {
    ...run.environment,
    BENCH_PATH: scenario.load.path,
    ...(scenario.hasRoutes ? { BENCH_APP: "routes" } : {}),
  };
  const peers: Peer[] = [];
  try {
    for (const kind of kinds) {
      const peer = await startPeer(kind, environment, run.serverCpus);
      if (peer !== null) peers.push(peer);
    }
    await compareAnswers(peers, scenario);
    for (const peer of peers)
      await runLoad(
        peer.port,
        { ...loadOf(run, scenario), seconds: isQuick ? 1 : scenario.warmUpSeconds },
        run.clientCpus,
      );
    return await takeRounds(
      peers.map(({ name }) => name),
      rounds,
      scenario.repetitions,
      async (index) => {
        await Bun.sleep(REST_MS);
        const peer = peers[index]!;
        return RUNNING[scenario.kind]!(
          run,
          scenario,
          peer,
          peers.filter((other) => other !== peer),
        );
      },
    );
  } finally {
    await Promise.all(peers.map((peer) => peer.stop()));
  }
}

async function measureScenario(
  run: Run,
  scenario: Scenario,
  kinds: readonly PeerKind[],
  rounds: number,
  isQuick: boolean,
): Promise<Sample[]> {
  const able = kinds.filter(({ features }) => features.includes(scenario.feature));
  const starting = STARTING[scenario.kind];
  if (starting === undefined) return measureWithRunning(run, scenario, able, rounds, isQuick);
  const names = able.map(({ name }) => name);
  return takeRounds(names, rounds, isQuick ? 1 : scenario.repetitions, (index) =>
    starting(run, scenario, able[index]!),
  );
}

/** Where client and servers run. */
function placement(
  pin: string,
  clientThreads: number,
): Pick<Run, "clientCpus" | "serverCpus" | "serverCores"> {
  const cores = availableParallelism();
  const firstOfClient = cores - clientThreads;
  if (pin === "one-core") return { clientCpus: "0", serverCpus: "0", serverCores: 1 };
  if (pin === "apart" && firstOfClient > 0)
    return {
      clientCpus: `${firstOfClient}-${cores - 1}`,
      serverCpus: `0-${firstOfClient - 1}`,
      serverCores: firstOfClient,
    };
  if (pin !== "none") throw new RangeError(`--pin ${pin}: use none, one-core, or apart on 2 cores and more`);
  return { clientCpus: null, serverCpus: null, serverCores: Math.max(1, firstOfClient) };
}

function wholeNumber(name: string, byDefault: number): number {
  const value = Number(argument(name) ?? byDefault);
  if (!Number.isInteger(value) || value < 1) throw new RangeError(`--${name}: use a whole number from 1 on`);
  return value;
}

function readResults(path: string): Promise<unknown> {
  const file = Bun.file(path);
  return file.exists().then((exists) => (exists ? file.json() : null));
}

async function main(): Promise<void> {
  if (!hasWrk()) throw new Error("the benchmark needs wrk: apt-get install -y wrk");
  const isQuick = process.argv.includes("--quick");
  const rounds = wholeNumber("rounds", isQuick ? 1 : 3);
  const seconds = wholeNumber("seconds", isQuick ? 1 : 3);
  const scenarios = findScenarios(argument("scenario")?.split(",") ?? []);
  const kinds = findPeers(argument("peer")?.split(",") ?? []);
  const cores = availableParallelism();
  const pin = argument("pin") ?? (cores >= 4 ? "apart" : "none");
  const clientThreads = Math.max(1, cores >> 2);
  const isPartial = ["peer", "quick", "pin"].some((name) => process.argv.includes(`--${name}`));
  const here = { machine: machine(), versions: await versions() };
  const commit = commitHere();
  const path =
    argument("json") ??
    (isPartial
      ? null
      : new URL(`./results/${new Date().toISOString().slice(0, 10)}.json`, import.meta.url).pathname);
  let former = path === null ? null : ((await readResults(path)) as Results | null);
  // Told before an hour of measuring, not after it.
  const obstacle = former === null ? null : mergeObstacle(former, here);
  if (obstacle !== null) throw new Error(`the results do not go into ${path}: ${obstacle}; use --json`);
  const folder = mkdtempSync(join(tmpdir(), "epollo-bench-"));
  // What users of the package have; the servers load it by dist/index.ts.
  const built = join(import.meta.dir, "../dist", BUILT_FOLDER);
  process.on("exit", () => {
    for (const each of [folder, built]) rmSync(each, { recursive: true, force: true });
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(1));
  await makeBuilt(built);
  const file = join(folder, "10m.txt");
  writeFileSync(file, "b".repeat(10_485_760));
  const run: Run = {
    seconds,
    clientThreads,
    ...placement(pin, clientThreads),
    environment: { BENCH_CPU_ROUNDS_PER_MS: String(calibrateRoundsPerMs()), BENCH_FILE: file },
  };
  console.log(`${JSON.stringify(here.machine)}\n${JSON.stringify(here.versions)}`);
  console.log(`${scenarios.length} scenarios, ${rounds} rounds of ${seconds} s, pin ${pin}. ${MARKS}`);
  for (const scenario of scenarios) {
    const samples = await measureScenario(run, scenario, kinds, rounds, isQuick).catch((error: Error) => {
      console.error(`\n${scenario.name}: not measured: ${error.message}`);
      process.exitCode = 1;
      return [];
    });
    if (samples.length === 0) continue;
    const result: ScenarioResult = {
      title: scenario.title,
      group: scenario.group,
      kind: scenario.kind,
      date: new Date().toISOString(),
      rounds,
      seconds,
      warmUpSeconds: isQuick ? 1 : scenario.warmUpSeconds,
      commit,
      connections: scenario.load.connections,
      samples: samples.map(rounded),
    };
    const table = scenarioTable(result, BASELINE, pin === "one-core");
    console.log(`\n${scenario.name}: ${scenario.title}`);
    printTable(table.heading, table.rows);
    former = mergeResults(former, { format: 1, ...here, scenarios: { [scenario.name]: result } });
    if (path !== null) await Bun.write(path, `${JSON.stringify(former, null, 1)}\n`);
  }
  if (former === null) return;
  console.log("\ntargets, over all that was measured");
  printTable(TARGET_HEADING, targetRows(former));
  if (path !== null) console.log(`\nwritten to ${path}`);
}

/** Six significant digits: the rest is noise, and the file is kept in the repository. JSON has no NaN, so it is left out. */
function rounded(sample: Sample): Sample {
  const measures: Measures = {};
  for (const [name, value] of Object.entries(sample.measures))
    if (Number.isFinite(value)) measures[name as Measure] = Number(value.toPrecision(6));
  return { ...sample, measures };
}

await main().catch((error: Error) => {
  console.error(error.message);
  process.exit(1);
});
