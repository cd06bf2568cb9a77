/**
 * Draws the charts of the README from a run's JSON.
 *
 *   bun run bench/charts.ts [bench/results/<date>.json] [--out docs/charts]     default: the last results by name
 *
 *   file               | shows
 *   requests.svg       | requests/s by scenario, relative to Bun.serve
 *   cpu.svg            | CPU time per request by scenario, relative to Bun.serve; shorter is better
 *   latency.svg        | p50 and p99 of the trivial handler over the number of connections
 *   slow-neighbour.svg | p99 of trivial requests beside slow ones, in milliseconds
 *
 * A chart for which nothing was measured is left out. The drawing itself is in ./support/svg.ts.
 */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BASELINE } from "./support/peers.ts";
import { argument, digits } from "./support/report.ts";
import {
  compared,
  type Measure,
  medianOf,
  peersOf,
  type Results,
  type ScenarioResult,
} from "./support/results.ts";
import { barChart, type LineChart, lineChart } from "./support/svg.ts";

/** The servers that the bars show, and their names in the legend. */
const BAR_PEERS: Readonly<Record<string, string>> = {
  "bun-serve": "Bun.serve",
  "bun-workers": "Bun.serve in Workers, reusePort",
  "epollo-pool": "epollo",
  "epollo-main": "epollo, main mode",
  "node-http": "node:http",
  "deno-serve": "Deno.serve",
  nginx: "nginx",
};
const LINE_PEERS = ["bun-serve", "bun-workers", "epollo-pool"];
/** Where the axis of ratios ends. */
const RATIO_LIMIT = 2.5;

interface Measured {
  readonly name: string;
  readonly scenario: ScenarioResult;
}

function measuredWith(results: Results, measure: Measure): Measured[] {
  return Object.entries(results.scenarios)
    .map(([name, scenario]) => ({ name, scenario }))
    .filter(({ scenario }) => Number.isFinite(medianOf(scenario, BASELINE, measure)));
}

function seriesOf(measured: readonly Measured[]): string[] {
  const present = new Set(measured.flatMap(({ scenario }) => peersOf(scenario)));
  return Object.keys(BAR_PEERS).filter((peer) => present.has(peer));
}

/** Where and with what it was measured, in one line. */
export function placeOf(results: Results): string {
  const { cpu, cores, kernel } = results.machine;
  const [release] = String(kernel).split("-");
  const [bun] = String(results.versions.bun).split("+");
  return `${cpu}, ${cores} cores, Linux ${release}, Bun ${bun}; client on the same machine`;
}

function barsOf(peers: readonly string[]): { label: string; colour: number }[] {
  return peers.map((peer) => ({ label: BAR_PEERS[peer]!, colour: colourOf(peer) }));
}

/** A server has one colour in all charts. */
function colourOf(peer: string): number {
  return Object.keys(BAR_PEERS).indexOf(peer);
}

function ratioChart(results: Results, measure: Measure, title: string, subtitle: string): string | null {
  const measured = measuredWith(results, measure);
  if (measured.length === 0) return null;
  // Bun.serve is the line at 1.
  const peers = seriesOf(measured).filter((peer) => peer !== BASELINE);
  return barChart({
    title,
    subtitle: `${subtitle}. ${placeOf(results)}`,
    series: barsOf(peers),
    groups: measured.map(({ name, scenario }) => ({
      label: name,
      values: peers.map((peer) => compared(scenario, peer, measure, BASELINE)),
    })),
    limit: RATIO_LIMIT,
    reference: { value: 1, label: BAR_PEERS[BASELINE]! },
    format: (value) => digits(value, 2),
  });
}

function latencyChart(results: Results): string | null {
  const measured = Object.entries(results.scenarios).filter(([name]) => /^trivial-\d+$/.test(name));
  if (measured.length === 0) return null;
  const scenarios = measured
    .map(([, scenario]) => scenario)
    .sort((left, right) => left.connections - right.connections);
  const lines: LineChart["lines"][number][] = [];
  for (const peer of LINE_PEERS) {
    for (const [measure, label, isDashed] of [
      ["p50Us", "p50", false],
      ["p99Us", "p99", true],
    ] as const) {
      const points = scenarios
        .map((scenario) => ({ x: scenario.connections, y: medianOf(scenario, peer, measure) }))
        .filter(({ y }) => Number.isFinite(y));
      if (points.length === 0) continue;
      lines.push({ label: `${BAR_PEERS[peer]}, ${label}`, colour: colourOf(peer), isDashed, points });
    }
  }
  return lineChart({
    title: "Latency of a trivial handler, by connections",
    subtitle: placeOf(results),
    xTitle: "connections, each with one request at a time",
    yTitle: "microseconds",
    lines,
  });
}

function neighbourChart(results: Results): string | null {
  const measured = ["mixed", "beside"]
    .filter((name) => results.scenarios[name] !== undefined)
    .map((name) => ({ name, scenario: results.scenarios[name]! }));
  if (measured.length === 0) return null;
  const peers = seriesOf(measured);
  const groups = measured.map(({ name, scenario }) => ({
    label: name === "mixed" ? "1 % of requests slow" : "4 slow clients, 8 quick",
    values: peers.map((peer) => medianOf(scenario, peer, "p99Us") / 1000),
  }));
  const values = groups.flatMap((group) => group.values).filter(Number.isFinite);
  return barChart({
    title: "p99 of trivial requests beside requests that compute for 20 ms, ms",
    subtitle: `Shorter is better. ${placeOf(results)}`,
    series: barsOf(peers),
    groups,
    limit: Math.max(...values) * 1.02,
    reference: null,
    format: (value) => `${digits(value, value < 10 ? 1 : 0)} ms`,
  });
}

/** All charts that the results have the figures for: file names and SVG texts. */
export function drawCharts(results: Results): Record<string, string> {
  const charts: Record<string, string | null> = {
    "requests.svg": ratioChart(
      results,
      "requestsPerSecond",
      "Requests per second, relative to Bun.serve",
      "Longer is better",
    ),
    "cpu.svg": ratioChart(
      results,
      "cpuUsPerRequest",
      "CPU time per request, relative to Bun.serve",
      "Shorter is better",
    ),
    "latency.svg": latencyChart(results),
    "slow-neighbour.svg": neighbourChart(results),
  };
  const drawn: Record<string, string> = {};
  for (const [name, chart] of Object.entries(charts)) if (chart !== null) drawn[name] = chart;
  return drawn;
}

async function main(): Promise<void> {
  const folder = new URL("./results/", import.meta.url).pathname;
  const last = readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .at(-1);
  const [given] = process.argv.slice(2).filter((word) => word.endsWith(".json"));
  const path = given ?? join(folder, String(last));
  const results = (await Bun.file(path).json()) as Results;
  if (results.format !== 1) throw new Error(`${path} is not of this format; give another file`);
  const out = argument("out") ?? new URL("../docs/charts", import.meta.url).pathname;
  mkdirSync(out, { recursive: true });
  for (const [name, chart] of Object.entries(drawCharts(results))) {
    writeFileSync(join(out, name), chart);
    console.log(join(out, name));
  }
}

if (import.meta.main) await main();
