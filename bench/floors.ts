/**
 * Puts epollo beside the floors, and beside the other servers, from a run's JSON: the tables of docs/performance.md.
 *
 *   bun run bench/floors.ts bench/results/<date>.json              prints them as markdown
 *   bun run bench/floors.ts bench/results/<date>.json --write      puts them into docs/performance.md, between its marks
 *
 * A floor is the least that a server of its kind can do (./servers/floor.c and its like). Ratios are medians of those of the same round.
 */
import { join } from "node:path";
import { digits, median } from "./support/report.ts";
import {
  compared,
  type Measure,
  medianOf,
  type Results,
  type ScenarioResult,
  valuesOf,
} from "./support/results.ts";

/** Servers shown for small requests, and their titles. */
const SMALL_PEERS: Readonly<Record<string, string>> = {
  "epollo-pool": "epollo",
  floor: "floor",
  "deno-serve": "Deno",
  nginx: "nginx",
};

/** Servers shown for all else. */
const OTHER_PEERS: Readonly<Record<string, string>> = {
  "epollo-pool": "pool",
  "epollo-main": "main",
  "bun-workers": "two Workers",
  "deno-serve": "Deno",
  nginx: "nginx",
};

/** What is measured of a scenario, by what server, and the floors; servers that it says nothing of are left out. */
interface Row {
  readonly measure: Measure;
  readonly against?: string;
  readonly floors?: readonly string[];
  readonly peers?: readonly string[];
}

const SPEED: Row = { measure: "requestsPerSecond" };
const CPU: Row = { measure: "cpuUsPerRequest" };
const by = (row: Row, ...floors: string[]): Row => ({ ...row, floors });
const MAIN: readonly Row[] = [
  by({ ...SPEED, peers: ["epollo-main"] }, "floor-main"),
  by({ measure: "mainThreadUsPerRequest", peers: ["epollo-main"] }, "floor-main"),
];
const FILE_FLOORS = ["floor-file", "floor-file-short"];
const SLOW_BESIDE: readonly Row[] = [
  by({ measure: "p99Us" }, "floor-pool"),
  by({ measure: "p99Us", against: "bun-workers" }, "floor-pool"),
];
const WAIT: readonly Row[] = [by(SPEED, "floor-pool"), by(CPU, "floor-pool")];

/** The rows of the last table, in the order of the README's targets. */
const OTHERS: readonly (readonly [scenarios: readonly string[], rows: readonly Row[]])[] = [
  [["trivial-1"], [by({ measure: "p50Us" }, "floor")]],
  [["trivial-8", "trivial-64"], MAIN],
  [
    ["file-10m"],
    [
      by(SPEED, ...FILE_FLOORS),
      by(CPU, ...FILE_FLOORS),
      by({ measure: "machineUsPerRequest" }, ...FILE_FLOORS),
    ],
  ],
  [["pipelined"], [by(SPEED, "floor")]],
  [["cpu-1", "cpu-5", "cpu-20"], [by(SPEED, "floor-pool")]],
  [["mixed", "beside"], SLOW_BESIDE],
  [["mixed"], [by(SPEED, "floor-pool")]],
  [["close"], [by(SPEED, "floor")]],
  [
    ["download-1k", "download-100k", "download-10m", "echo-1k", "echo-100k", "echo-1m"],
    [SPEED, CPU],
  ],
  [["wait-1", "wait-50"], WAIT],
  [["burst"], [{ measure: "firstAnswerUs" }]],
  [["memory"], [{ measure: "bytesPerConnection" }, { measure: "restBytes" }]],
];

const MEASURES: Partial<Record<Measure, string>> = {
  requestsPerSecond: "requests/s",
  cpuUsPerRequest: "CPU",
  mainThreadUsPerRequest: "CPU, calling thread",
  machineUsPerRequest: "CPU, machine",
  p50Us: "p50",
  p99Us: "p99",
  firstAnswerUs: "first answer",
  bytesPerConnection: "idle connection",
  restBytes: "at rest",
};

/** The tables of a run, by the names that their marks in docs/performance.md have. */
export function floorTables(results: Results): Record<string, string> {
  return { small: smallTable(results), times: timesTable(results), others: othersTable(results) };
}

/**
 * Puts tables between their marks, `<!-- NAME: ... -->` and `<!-- end of NAME -->`.
 *
 * @throws Error where a table has no marks
 */
export function writeTables(text: string, tables: Readonly<Record<string, string>>): string {
  let written = text;
  for (const [name, table] of Object.entries(tables)) {
    const marks = new RegExp(`(<!-- ${name}: [^\\n]*-->\\n)[\\s\\S]*?(<!-- end of ${name} -->)`);
    if (!marks.test(written)) throw new Error(`no place for the table "${name}"`);
    written = written.replace(marks, (_, head: string, tail: string) => `${head}\n${table}\n\n${tail}`);
  }
  return written;
}

/** Small requests by those of Bun.serve, and requests/s by those of Bun.serve in two Workers. */
function smallTable(results: Results): string {
  const peers = Object.keys(SMALL_PEERS);
  const titles = Object.values(SMALL_PEERS);
  const body = smallScenarios(results).map(([name, scenario]) => [
    name,
    ...peers.map((peer) => cell(scenario, peer, "requestsPerSecond", "bun-serve")),
    ...peers.map((peer) => cell(scenario, peer, "cpuUsPerRequest", "bun-serve")),
    ...peers.slice(0, 2).map((peer) => cell(scenario, peer, "requestsPerSecond", "bun-workers")),
  ]);
  return markdown(
    [
      "scenario",
      ...titles,
      ...titles.map((title) => `CPU ${title}`),
      "epollo by two Workers",
      "floor by them",
    ],
    body,
  );
}

/** User and kernel time of a small request in microseconds, medians over the rounds. */
function timesTable(results: Results): string {
  const peers = ["bun-serve", ...Object.keys(SMALL_PEERS)];
  const body = smallScenarios(results).map(([name, scenario]) => [
    name,
    ...peers.map((peer) => {
      const user = medianOf(scenario, peer, "userUsPerRequest");
      const kernel = medianOf(scenario, peer, "systemUsPerRequest");
      return Number.isFinite(user) ? `${digits(user, 1)} + ${digits(kernel, 1)}` : "-";
    }),
  ]);
  return markdown(["user + kernel, us", "Bun.serve", ...Object.values(SMALL_PEERS)], body);
}

function othersTable(results: Results): string {
  const body = OTHERS.flatMap(([scenarios, rows]) =>
    scenarios.flatMap((name) => {
      const scenario = results.scenarios[name];
      return scenario === undefined ? [] : rows.map((row) => otherRow(name, scenario, row));
    }),
  );
  return markdown(["scenario", "measure", ...Object.values(OTHER_PEERS), "floor"], body);
}

function otherRow(name: string, scenario: ScenarioResult, row: Row): string[] {
  const { measure, against = "bun-serve", floors = [], peers = Object.keys(OTHER_PEERS) } = row;
  const title = MEASURES[measure] ?? measure;
  return [
    name,
    against === "bun-serve" ? title : `${title} by two Workers`,
    ...Object.keys(OTHER_PEERS).map((peer) =>
      peers.includes(peer) && peer !== against ? cell(scenario, peer, measure, against) : "-",
    ),
    floors
      .map((floor) => cell(scenario, floor, measure, against))
      .filter((figure) => figure !== "-")
      .join("; ") || "-",
  ];
}

function smallScenarios(results: Results): [string, ScenarioResult][] {
  return Object.entries(results.scenarios).filter(([name]) =>
    /^(?:trivial|json|params|static)-(?:8|64|512)$/.test(name),
  );
}

function cell(scenario: ScenarioResult, peer: string, measure: Measure, against: string): string {
  const value = compared(scenario, peer, measure, against);
  if (!Number.isFinite(value)) return "-";
  // Requests/s of a server that wrk could not load fully are a lower bound.
  const isBound = measure === "requestsPerSecond" && median(valuesOf(scenario, peer, "isClientBound")) >= 0.5;
  return `${formatRatio(value)}${isBound ? " c" : ""}`;
}

/** A ratio as it is read: 1.04, 1/12, or 347. */
function formatRatio(value: number): string {
  if (value > 0 && value < 0.3) return `1/${digits(1 / value, value < 0.1 ? 0 : 1)}`;
  return digits(value, value >= 10 ? 0 : 2);
}

function markdown(heading: readonly string[], body: readonly (readonly string[])[]): string {
  return [heading, heading.map(() => "---"), ...body].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

if (import.meta.main) {
  const [path, option] = process.argv.slice(2);
  if (path === undefined || (option !== undefined && option !== "--write")) {
    console.error("usage: bun run bench/floors.ts <results.json> [--write]");
    process.exit(1);
  }
  const tables = floorTables((await Bun.file(path).json()) as Results);
  if (option === undefined) {
    console.log(Object.values(tables).join("\n\n"));
  } else {
    const document = join(import.meta.dir, "../docs/performance.md");
    await Bun.write(document, writeTables(await Bun.file(document).text(), tables));
  }
}
