/**
 * The table of a scenario, and the marks that say when a row means nothing. Pure: results in, text out.
 *
 *   mark | the row
 *   !    | has errors: void
 *   c    | the client was the bottleneck: the server could do more
 *   <    | the server was less than 70 % of one core busy: waiting was measured
 *   ~    | other servers used more than 2 % of a core meanwhile
 *   ?    | requests/s of the rounds lie apart by more than 1.25: they say little
 *   w    | latencies are wrk's own, with what it adds (./histogram.ts)
 */
import { digits } from "./report.ts";
import {
  compared,
  type Measure,
  medianOf,
  peersOf,
  type ScenarioResult,
  spreadOf,
  valuesOf,
} from "./results.ts";

/** What the marks mean, for the foot of the tables. */
export const MARKS: string =
  "! errors, void · c client-bound · < server mostly idle · ~ other servers busy · ? spread above 1.25 · w wrk's corrected latencies";

interface Column {
  readonly title: string;
  readonly measure: Measure;
  /** "ratio" to the baseline, "spread" of the samples, or the median itself by default. */
  readonly figure?: "ratio" | "spread";
  readonly decimals: number;
  /** What the value is divided by: 1048576 for MiB. */
  readonly unit?: number;
}

const MIB = 1_048_576;
const LATENCIES: readonly Column[] = [
  { title: "p50 us", measure: "p50Us", decimals: 0 },
  { title: "p99 us", measure: "p99Us", decimals: 0 },
  { title: "p99.9 us", measure: "p999Us", decimals: 0 },
];
const RATE: readonly Column[] = [
  { title: "req/s", measure: "requestsPerSecond", decimals: 0 },
  { title: "spread", measure: "requestsPerSecond", figure: "spread", decimals: 2 },
  { title: "ratio", measure: "requestsPerSecond", figure: "ratio", decimals: 2 },
];
const LOAD: readonly Column[] = [
  ...RATE,
  { title: "CPU us/req", measure: "cpuUsPerRequest", decimals: 1 },
  { title: "ratio", measure: "cpuUsPerRequest", figure: "ratio", decimals: 2 },
  { title: "user", measure: "userUsPerRequest", decimals: 1 },
  { title: "system", measure: "systemUsPerRequest", decimals: 1 },
  { title: "main", measure: "mainThreadUsPerRequest", decimals: 1 },
  { title: "machine", measure: "machineUsPerRequest", decimals: 1 },
  { title: "cores", measure: "coresBusy", decimals: 2 },
  { title: "wrk", measure: "clientCoresBusy", decimals: 2 },
  ...LATENCIES,
];
const COLUMNS: Readonly<Record<string, readonly Column[]>> = {
  load: LOAD,
  held: [
    ...LOAD,
    { title: "CPU alone", measure: "aloneCpuUsPerRequest", decimals: 1 },
    { title: "p99 alone", measure: "aloneP99Us", decimals: 0 },
  ],
  beside: [
    ...RATE,
    { title: "slow/s", measure: "slowPerSecond", decimals: 0 },
    { title: "p50 alone", measure: "aloneP50Us", decimals: 0 },
    { title: "p99 alone", measure: "aloneP99Us", decimals: 0 },
    ...LATENCIES,
    { title: "max us", measure: "maxUs", decimals: 0 },
    { title: "p99 ratio", measure: "p99Us", figure: "ratio", decimals: 4 },
  ],
  start: [
    { title: "first answer ms", measure: "startMs", decimals: 1 },
    { title: "spread", measure: "startMs", figure: "spread", decimals: 2 },
    { title: "ratio", measure: "startMs", figure: "ratio", decimals: 2 },
  ],
  burst: [
    { title: "first answer us", measure: "firstAnswerUs", decimals: 0 },
    { title: "p50 us", measure: "p50Us", decimals: 0 },
    { title: "last us", measure: "maxUs", decimals: 0 },
    { title: "ratio", measure: "maxUs", figure: "ratio", decimals: 2 },
  ],
  memory: [
    { title: "at rest MiB", measure: "restBytes", decimals: 1, unit: MIB },
    { title: "ratio", measure: "restBytes", figure: "ratio", decimals: 2 },
    { title: "after load MiB", measure: "warmBytes", decimals: 1, unit: MIB },
    { title: "held", measure: "heldConnections", decimals: 0 },
    { title: "bytes each", measure: "bytesPerConnection", decimals: 0 },
    { title: "ratio", measure: "bytesPerConnection", figure: "ratio", decimals: 2 },
  ],
};

/** The marks of a row, "" for none. */
export function marksOf(scenario: ScenarioResult, peer: string, isOneCore: boolean): string {
  const any = (measure: Measure, above: number): boolean =>
    valuesOf(scenario, peer, measure).some((value) => value > above);
  return (
    (any("errors", 0) ? "!" : "") +
    (medianOf(scenario, peer, "isClientBound") > 0.5 ? "c" : "") +
    (medianOf(scenario, peer, "coresBusy") < 0.7 && !isOneCore ? "<" : "") +
    (any("othersBusy", 0.02) ? "~" : "") +
    (spreadOf(scenario, peer, "requestsPerSecond") > 1.25 ? "?" : "") +
    (any("areLatenciesCorrected", 0) ? "w" : "")
  );
}

/** Heading and rows of a scenario's table, one row for each server. */
export function scenarioTable(
  scenario: ScenarioResult,
  baseline: string,
  isOneCore: boolean,
): { heading: string[]; rows: string[][] } {
  const columns = COLUMNS[scenario.kind] ?? LOAD;
  const cell = (peer: string, { measure, figure, decimals, unit = 1 }: Column): string => {
    if (figure === "ratio") return digits(compared(scenario, peer, measure, baseline), decimals);
    if (figure === "spread") return digits(spreadOf(scenario, peer, measure), decimals);
    return digits(medianOf(scenario, peer, measure) / unit, decimals);
  };
  return {
    heading: ["server", ...columns.map(({ title }) => title)],
    rows: peersOf(scenario).map((peer) => [
      peer + marksOf(scenario, peer, isOneCore).replace(/^(?=.)/, " "),
      ...columns.map((column) => cell(peer, column)),
    ]),
  };
}
