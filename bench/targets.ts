/**
 * The targets that epollo is held to, as data, and what of them a run has reached.
 *
 *   bun run bench/targets.ts bench/results/<date>.json     prints them as a markdown table; of several files with a
 *                                                          column for each
 *
 * Each is a ratio (for the start a difference) in one run, on 2 cores with the client beside the server. Where a target
 * names several scenarios all must reach it; the figure shown is the worst of them, the others stand behind it.
 */
import { basename } from "node:path";
import { digits } from "./support/report.ts";
import { type Comparison, compared, type Measure, type Results } from "./support/results.ts";

/** One target. */
export interface Target {
  readonly title: string;
  readonly scenarios: readonly string[];
  readonly peer: string;
  readonly measure: Measure;
  readonly against: string;
  /** Measure of the other server, where it is another. */
  readonly againstMeasure: Measure;
  readonly comparison: Comparison;
  readonly bound: "at least" | "at most";
  readonly limit: number;
}

/** What was reached. */
export interface Outcome {
  readonly target: Target;
  /** One for each scenario that was measured. */
  readonly figures: readonly { readonly scenario: string; readonly figure: number }[];
  /** NaN when none was measured. */
  readonly worst: number;
  /** Null when nothing failed, but not all was measured. */
  readonly isMet: boolean | null;
}

type Given = Pick<Target, "title" | "scenarios" | "measure" | "bound" | "limit"> & Partial<Target>;

const target = (given: Given): Target => ({
  peer: "epollo-pool",
  against: "bun-serve",
  againstMeasure: given.measure,
  comparison: "ratio",
  ...given,
});

const SMALL = ["trivial", "json", "params"].flatMap((name) =>
  [8, 64, 512].map((count) => `${name}-${count}`),
);
const MAIN = ["trivial-8", "trivial-64"];
const SLOW_BESIDE = ["mixed", "beside"];

/** All targets, in the order in which they are shown. */
export const TARGETS: readonly Target[] = [
  target({
    title: "trivial, JSON, params; 8, 64, 512 connections: requests/s",
    scenarios: SMALL,
    measure: "requestsPerSecond",
    bound: "at least",
    limit: 1.1,
  }),
  target({
    title: "the same: CPU per request",
    scenarios: SMALL,
    measure: "cpuUsPerRequest",
    bound: "at most",
    limit: 1,
  }),
  target({
    title: "the same: requests/s",
    scenarios: SMALL,
    measure: "requestsPerSecond",
    against: "bun-workers",
    bound: "at least",
    limit: 1,
  }),
  target({
    title: "one connection: p50",
    scenarios: ["trivial-1"],
    measure: "p50Us",
    bound: "at most",
    limit: 1.15,
  }),
  target({
    title: "main mode; 8, 64 connections: requests/s",
    scenarios: MAIN,
    peer: "epollo-main",
    measure: "requestsPerSecond",
    bound: "at least",
    limit: 0.9,
  }),
  target({
    title: "the same: CPU of the calling thread",
    scenarios: MAIN,
    peer: "epollo-main",
    measure: "mainThreadUsPerRequest",
    bound: "at most",
    limit: 0.35,
  }),
  target({
    title: "static route: requests/s",
    scenarios: ["static-64"],
    measure: "requestsPerSecond",
    bound: "at least",
    limit: 1.2,
  }),
  target({
    title: "file of 10 MB: requests/s",
    scenarios: ["file-10m"],
    measure: "requestsPerSecond",
    bound: "at least",
    limit: 1,
  }),
  target({
    title: "the same: CPU per request",
    scenarios: ["file-10m"],
    measure: "cpuUsPerRequest",
    bound: "at most",
    limit: 1,
  }),
  target({
    title: "the same: CPU of the whole machine per request",
    scenarios: ["file-10m"],
    measure: "machineUsPerRequest",
    bound: "at most",
    limit: 1,
  }),
  target({
    title: "upload of 1 MB, sent back: requests/s",
    scenarios: ["echo-1m"],
    measure: "requestsPerSecond",
    bound: "at least",
    limit: 0.9,
  }),
  target({
    title: "16-deep pipelining, trivial: requests/s",
    scenarios: ["pipelined"],
    measure: "requestsPerSecond",
    bound: "at least",
    limit: 1,
  }),
  target({
    title: "CPU-bound, 1, 5, 20 ms: requests/s",
    scenarios: ["cpu-1", "cpu-5", "cpu-20"],
    measure: "requestsPerSecond",
    bound: "at least",
    limit: 1.9,
  }),
  target({
    title: "bimodal: p99 of the trivial ones",
    scenarios: SLOW_BESIDE,
    measure: "p99Us",
    bound: "at most",
    limit: 1 / 30,
  }),
  target({
    title: "bimodal: p99 of the trivial ones",
    scenarios: SLOW_BESIDE,
    measure: "p99Us",
    against: "bun-workers",
    bound: "at most",
    limit: 1 / 10,
  }),
  target({
    title: "connection per request: requests/s",
    scenarios: ["close"],
    measure: "requestsPerSecond",
    bound: "at least",
    limit: 0.95,
  }),
  target({
    title: "10,000 connections, 64 active: CPU per request, by that at 64",
    scenarios: ["held-10000"],
    measure: "cpuUsPerRequest",
    against: "epollo-pool",
    againstMeasure: "aloneCpuUsPerRequest",
    bound: "at most",
    limit: 1.15,
  }),
  target({
    title: "memory for each idle connection",
    scenarios: ["memory"],
    measure: "bytesPerConnection",
    bound: "at most",
    limit: 1,
  }),
  target({
    title: "memory at rest",
    scenarios: ["memory"],
    measure: "restBytes",
    bound: "at most",
    limit: 2.5,
  }),
  target({
    title: "start to first answer, ms more",
    scenarios: ["start"],
    measure: "startMs",
    comparison: "difference",
    bound: "at most",
    limit: 60,
  }),
];

/** Finds what a run has reached of a target. */
export function judge(target: Target, results: Results): Outcome {
  const figures: { scenario: string; figure: number }[] = [];
  for (const name of target.scenarios) {
    const scenario = results.scenarios[name];
    if (scenario === undefined) continue;
    const { peer, measure, against, againstMeasure, comparison } = target;
    const figure = compared(scenario, peer, measure, against, againstMeasure, comparison);
    if (Number.isFinite(figure)) figures.push({ scenario: name, figure });
  }
  const values = figures.map(({ figure }) => figure);
  if (values.length === 0) return { target, figures, worst: Number.NaN, isMet: null };
  const worst = target.bound === "at least" ? Math.min(...values) : Math.max(...values);
  const holds = target.bound === "at least" ? worst >= target.limit : worst <= target.limit;
  return {
    target,
    figures,
    worst,
    isMet: holds ? (values.length === target.scenarios.length ? true : null) : false,
  };
}

/** Writes a figure as its target is written: 1.10, 1/30, or milliseconds. */
export function formatFigure(target: Target, figure: number): string {
  if (!Number.isFinite(figure)) return "-";
  if (target.comparison === "difference") return digits(figure, 1);
  return target.limit < 0.2 && figure > 0
    ? `1/${digits(1 / figure, 1).replace(/\.0$/, "")}`
    : digits(figure, 2);
}

/** The heading of the table of targets. */
export const TARGET_HEADING: readonly string[] = ["target", "against", "wanted", "reached", "met", "each"];

/** The rows of the table of targets. */
export function targetRows(results: Results): string[][] {
  return TARGETS.map((target) => {
    const { figures, worst, isMet } = judge(target, results);
    return [
      target.title,
      target.against,
      `${target.bound} ${formatFigure(target, target.limit)}`,
      formatFigure(target, worst),
      isMet === null ? (figures.length === 0 ? "not measured" : "so far") : isMet ? "yes" : "no",
      figures.length < 2
        ? ""
        : figures.map(({ scenario, figure }) => `${scenario} ${formatFigure(target, figure)}`).join(", "),
    ];
  });
}

/** The table of targets as markdown. */
export function targetsMarkdown(results: Results): string {
  return markdown(TARGET_HEADING, targetRows(results));
}

/** The table of targets as markdown with a column for each of several runs, by their names: what was reached, and whether that is met. */
export function comparedTargetsMarkdown(runs: ReadonlyMap<string, Results>): string {
  const tables = [...runs.values()].map((results) => targetRows(results));
  const rows = TARGETS.map((_, row) => [
    ...tables[0]![row]!.slice(0, 3),
    ...tables.map((table) => table[row]!.slice(3, 5).join(", ").replace("-, ", "")),
  ]);
  return markdown([...TARGET_HEADING.slice(0, 3), ...runs.keys()], rows);
}

function markdown(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(heading), line(heading.map(() => "---")), ...rows.map(line)].join("\n");
}

if (import.meta.main) {
  const paths = process.argv.slice(2);
  if (paths.length === 0) {
    console.error("usage: bun run bench/targets.ts <results.json>...");
    process.exit(1);
  }
  const runs = new Map<string, Results>();
  for (const path of paths) {
    runs.set(basename(path, ".json"), (await Bun.file(path).json()) as Results);
  }
  const [only] = runs.values();
  console.log(runs.size === 1 ? targetsMarkdown(only!) : comparedTargetsMarkdown(runs));
}
