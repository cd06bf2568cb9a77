/**
 * The scenarios of the benchmark, as data. How each kind is measured is in bench/measure; what a server must be able
 * to answer to take part is its `feature`, which bench/support/peers.ts gives to the peers.
 *
 *   group        | what it holds
 *   small        | trivial handler, JSON, a parameter, a static route; 1 to 512 connections
 *   bodies       | answers and uploads of 1 KB to 10 MB
 *   slow         | handlers that wait or compute, and quick ones beside them
 *   connections  | pipelining, a connection for each request, many idle connections
 *   process      | start, a burst from idle, memory
 */
import type { Load } from "./support/wrk-script.ts";

/** What a server must answer: paths of bench/servers/app.ts, or being measured as a process. */
export type Feature = "text" | "json" | "params" | "static" | "bytes" | "file" | "echo" | "slow" | "process";

/** One scenario. */
export interface Scenario {
  readonly name: string;
  readonly group: "small" | "bodies" | "slow" | "connections" | "process";
  readonly title: string;
  /** Which file of bench/measure measures it: load and held are in load.ts. */
  readonly kind: "load" | "held" | "beside" | "start" | "burst" | "memory";
  readonly feature: Feature;
  /** Whether servers that have routes get those of the app. */
  readonly hasRoutes: boolean;
  readonly load: Omit<Load, "seconds">;
  /** Idle connections that are held meanwhile. */
  readonly held: number;
  /** Length of the load, not measured, that each server gets before the first round. */
  readonly warmUpSeconds: number;
  /** Samples that a round takes of each server, in turn. */
  readonly repetitions: number;
}

type Given = Pick<Scenario, "name" | "title"> & Partial<Scenario>;

const scenario = (group: Scenario["group"], feature: Feature, given: Given): Scenario => ({
  group,
  feature,
  kind: "load",
  hasRoutes: false,
  load: { path: "/", connections: 64 },
  held: 0,
  warmUpSeconds: 3,
  repetitions: 1,
  ...given,
});

const counts = (
  name: string,
  title: string,
  feature: Feature,
  path: string,
  connections: readonly number[],
): Scenario[] =>
  connections.map((count) =>
    scenario("small", feature, {
      name: `${name}-${count}`,
      title: `${title}, ${count === 1 ? "1 connection" : `${count} connections`}`,
      hasRoutes: feature === "params" || feature === "static",
      load: { path, connections: count },
    }),
  );

/** Where so few requests come in a second that an engine has much of its code yet to compile after 3 s. */
const LONG_WARM_UP_SECONDS = 10;

const download = (size: string, title: string, connections: number): Scenario =>
  scenario("bodies", "bytes", {
    name: `download-${size}`,
    title: `answer of ${title}, ${connections} connections`,
    load: { path: `/bytes/${size}`, connections },
    ...(size === "10m" ? { warmUpSeconds: LONG_WARM_UP_SECONDS } : {}),
  });

const upload = (size: string, title: string, bodyBytes: number, connections: number): Scenario =>
  scenario("bodies", "echo", {
    name: `echo-${size}`,
    title: `upload of ${title}, sent back, ${connections} connections`,
    load: { path: "/echo", method: "POST", bodyBytes, connections },
    ...(size === "1m" ? { warmUpSeconds: LONG_WARM_UP_SECONDS } : {}),
  });

const slow = (name: string, title: string, path: string, connections: number): Scenario =>
  scenario("slow", "slow", {
    name,
    title: `${title}, ${connections} connections`,
    load: { path, connections },
  });

const computing = (ms: number): Scenario => ({
  ...slow(`cpu-${ms}`, `${ms} ms of computing`, `/cpu/${ms}`, 8),
  warmUpSeconds: LONG_WARM_UP_SECONDS,
});

const held = (count: number): Scenario =>
  scenario("connections", "text", {
    name: `held-${count}`,
    title: `trivial handler, 64 of ${count} connections active`,
    kind: "held",
    held: count - 64,
  });

/** All scenarios, in the order of the tables. */
export const SCENARIOS: readonly Scenario[] = [
  ...counts("trivial", "trivial handler", "text", "/", [1, 8, 64, 512]),
  ...counts("json", "JSON", "json", "/json", [8, 64, 512]),
  ...counts("params", "route with a parameter", "params", "/users/42", [8, 64, 512]),
  ...counts("static", "static route", "static", "/static", [64]),
  download("1k", "1 KB", 64),
  download("100k", "100 KB", 16),
  download("10m", "10 MB", 8),
  scenario("bodies", "file", {
    name: "file-10m",
    title: "file of 10 MB, 8 connections",
    load: { path: "/file", connections: 8 },
    warmUpSeconds: LONG_WARM_UP_SECONDS,
  }),
  upload("1k", "1 KB", 1024, 64),
  upload("100k", "100 KB", 102_400, 16),
  upload("1m", "1 MB", 1_048_576, 8),
  slow("wait-1", "handler that waits for 1 ms", "/wait/1", 1000),
  slow("wait-50", "handler that waits for 50 ms", "/wait/50", 1000),
  computing(1),
  computing(5),
  computing(20),
  scenario("slow", "slow", {
    name: "mixed",
    title: "99 % trivial, 1 % 20 ms of computing, by the query; 64 connections; latency of the trivial ones",
    load: { path: "/mixed", connections: 64, slowEvery: 100, slowPath: "/mixed?slow" },
  }),
  scenario("slow", "slow", {
    name: "beside",
    title: "trivial, 8 connections, beside 4 that compute for 20 ms; latency of the trivial ones",
    kind: "beside",
    load: { path: "/", connections: 8 },
  }),
  scenario("connections", "text", {
    name: "pipelined",
    title: "trivial handler, 16 requests at once, 64 connections",
    load: { path: "/", connections: 64, pipeline: 16 },
  }),
  scenario("connections", "text", {
    name: "close",
    title: "trivial handler, a connection for each request, 64 at a time",
    load: { path: "/", connections: 64, closes: true },
  }),
  held(100),
  held(1000),
  held(10_000),
  scenario("process", "process", {
    name: "start",
    title: "start of the process to the first answer",
    kind: "start",
    repetitions: 10,
  }),
  scenario("process", "process", {
    name: "burst",
    title: "64 requests at once to an idle server, `min: 0`",
    kind: "burst",
    repetitions: 5,
  }),
  scenario("process", "process", {
    name: "memory",
    title: "memory at rest, after load, and for each of 10,000 idle connections",
    kind: "memory",
    held: 10_000,
  }),
];

/**
 * Finds scenarios by name, by the name up to the number of connections or the size ("trivial"), or by group; all without any.
 *
 * @throws RangeError for a name that is none of these
 */
export function findScenarios(wanted: readonly string[]): Scenario[] {
  const isNamed = ({ name, group }: Scenario, by: string): boolean =>
    name === by || group === by || name.startsWith(`${by}-`);
  const unknown = wanted.filter((by) => !SCENARIOS.some((scenario) => isNamed(scenario, by)));
  if (unknown.length > 0) {
    const known = new Set(SCENARIOS.flatMap(({ name, group }) => [group as string, name]));
    throw new RangeError(`--scenario ${unknown.join(",")}: use ${[...known].join(", ")}`);
  }
  return SCENARIOS.filter((scenario) => wanted.length === 0 || wanted.some((by) => isNamed(scenario, by)));
}
