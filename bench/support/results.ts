/**
 * What a run of the benchmark leaves: the shape of bench/results/<date>.json, how two of them are made one, and the
 * figures that are read from it. Pure; `bench/run.ts` writes, `bench/targets.ts` and `bench/charts.ts` read.
 *
 * A sample is one server under one scenario in one round. Ratios are taken between samples of the same round, which
 * lie close in time, and the median of them is the figure: what else the machine did meets both sides alike.
 */
import { median } from "./report.ts";

/** What can be measured; the unit ends the name. Which of them a sample has depends on the kind of its scenario. */
export type Measure =
  | "requestsPerSecond"
  /** CPU time of all threads of all processes of the server, by requests; user and system apart and together. */
  | "userUsPerRequest"
  | "systemUsPerRequest"
  | "cpuUsPerRequest"
  /** Of the main thread of the first process alone. */
  | "mainThreadUsPerRequest"
  /** Of the whole machine, the client and interrupts included. */
  | "machineUsPerRequest"
  | "p50Us"
  | "p99Us"
  | "p999Us"
  | "maxUs"
  /** Answers of status 400 and above, and failures of sockets: a sample with any is void. */
  | "errors"
  /** 1 where wrk's correction of latencies could not be taken back (./wrk.ts). */
  | "areLatenciesCorrected"
  /** CPU time by wall-clock time, 1 being one core: of the server, of wrk, of the other servers, which should idle. */
  | "coresBusy"
  | "clientCoresBusy"
  | "othersBusy"
  | "preemptionsPerRequest"
  /** 1 where the client was the bottleneck. */
  | "isClientBound"
  /** The same load without the connections that are held, or without the slow neighbours. */
  | "aloneCpuUsPerRequest"
  | "aloneP50Us"
  | "aloneP99Us"
  /** The slow requests beside which the others were measured. */
  | "slowPerSecond"
  | "heldConnections"
  | "startMs"
  | "firstAnswerUs"
  | "restBytes"
  | "warmBytes"
  | "bytesPerConnection";

/** One server under one scenario in one round. */
export interface Sample {
  readonly peer: string;
  readonly round: number;
  readonly measures: Readonly<Partial<Record<Measure, number>>>;
}

/** All samples of a scenario, and how they were taken. */
export interface ScenarioResult {
  readonly title: string;
  readonly group: string;
  readonly kind: string;
  /** ISO 8601. */
  readonly date: string;
  readonly rounds: number;
  readonly seconds: number;
  /** Length of the load before the first round; absent where it was not noted yet. */
  readonly warmUpSeconds?: number;
  /** Of epollo, abbreviated; "+" after it says that files were changed since. Absent where it was not noted yet, or without git. */
  readonly commit?: string | undefined;
  /** Connections of the load; 0 where there is none. */
  readonly connections: number;
  readonly samples: readonly Sample[];
}

/** The file. */
export interface Results {
  readonly format: 1;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly versions: Readonly<Record<string, string>>;
  /** By name, in the order in which they were measured. */
  readonly scenarios: Readonly<Record<string, ScenarioResult>>;
}

/**
 * Says why results may not stand in one file: another format, machine or version of anything that both have. Null
 * when they may.
 */
export function mergeObstacle(old: unknown, added: Pick<Results, "machine" | "versions">): string | null {
  const former = old as Partial<Results> | null;
  if (former === null || typeof former !== "object" || former.format !== 1) return "it has another format";
  for (const part of ["machine", "versions"] as const) {
    for (const [name, value] of Object.entries(added[part])) {
      const other = former[part]?.[name];
      if (other !== undefined && other !== value) return `its ${name} is ${other}, not ${value}`;
    }
  }
  return null;
}

/**
 * Puts new results into old ones: a scenario that was measured again replaces the former, all its servers with it.
 *
 * @throws Error where `mergeObstacle` finds one
 */
export function mergeResults(old: Results | null, added: Results): Results {
  if (old === null) return added;
  const obstacle = mergeObstacle(old, added);
  if (obstacle !== null) throw new Error(`the results do not go into that file: ${obstacle}`);
  return {
    format: 1,
    machine: { ...old.machine, ...added.machine },
    versions: { ...old.versions, ...added.versions },
    scenarios: { ...old.scenarios, ...added.scenarios },
  };
}

/** The servers of a scenario, in the order of its first round. */
export function peersOf(scenario: ScenarioResult): string[] {
  const first = Math.min(...scenario.samples.map(({ round }) => round));
  const inFirst = scenario.samples.filter(({ round }) => round === first).map(({ peer }) => peer);
  return [...new Set([...inFirst, ...scenario.samples.map(({ peer }) => peer)])];
}

/** A server's samples of a measure, one for each round that has it. */
export function valuesOf(scenario: ScenarioResult, peer: string, measure: Measure): number[] {
  return scenario.samples
    .filter((sample) => sample.peer === peer)
    .map(({ measures }) => measures[measure])
    .filter((value) => value !== undefined);
}

/** The median over the rounds; NaN without a sample. */
export function medianOf(scenario: ScenarioResult, peer: string, measure: Measure): number {
  return median(valuesOf(scenario, peer, measure));
}

/** The largest sample by the smallest; NaN without a sample. */
export function spreadOf(scenario: ScenarioResult, peer: string, measure: Measure): number {
  const values = valuesOf(scenario, peer, measure);
  return values.length === 0 ? Number.NaN : Math.max(...values) / Math.min(...values);
}

/** How the figures of two servers are compared: one by the other, or one less the other. */
export type Comparison = "ratio" | "difference";

/**
 * The median over the rounds of a server's sample compared with that of another in the same round; NaN without any.
 * Scenarios that take several samples in a round number them as rounds. Samples with errors are void and left out.
 */
export function compared(
  scenario: ScenarioResult,
  peer: string,
  measure: Measure,
  against: string,
  againstMeasure: Measure = measure,
  comparison: Comparison = "ratio",
): number {
  const figures: number[] = [];
  for (const sample of scenario.samples) {
    if (sample.peer !== peer) continue;
    const other = scenario.samples.find(({ peer, round }) => peer === against && round === sample.round);
    const value = sample.measures[measure];
    const reference = other?.measures[againstMeasure];
    if (value === undefined || reference === undefined) continue;
    if ((sample.measures.errors ?? 0) > 0 || (other?.measures.errors ?? 0) > 0) continue;
    figures.push(comparison === "ratio" ? value / reference : value - reference);
  }
  return median(figures.filter(Number.isFinite));
}
