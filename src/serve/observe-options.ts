/**
 * Checks `observe`: what a server shows of itself.
 *
 * Runs on the thread that called `serve()`, once per call. A value of the wrong type is a TypeError that names the option,
 * what is accepted and what was given.
 */
import type { LogHook } from "../log/log.ts";
import { optionOfWrongType, unknownObserveOption } from "./errors.ts";
import { ownPath } from "./own-path-option.ts";

/** What a server shows of itself, and where. */
export interface ObserveOptions {
  /** Path at which the counters are answered as text for Prometheus, such as `"/metrics"`. Default: none. */
  metrics?: string | undefined;
  /**
   * Path of a page that draws threads, waits and latencies as they are, such as `"/_epollo"`. It polls the path with `/stats` behind
   * it. Default: none.
   */
  page?: string | undefined;
  /**
   * Called on the main thread with each record of what epollo has to say: failed handlers, threads that ended, clients that were
   * turned away. Default: it is printed to standard error.
   */
  log?: LogHook | undefined;
  /**
   * A line for each request: `true` for the combined format on standard output, or the format and a file, to which is appended. It never
   * keeps a dispatcher waiting: lines that cannot be written are dropped and counted. Default: none.
   */
  accessLog?: boolean | AccessLogOptions | undefined;
}

/** How requests are logged. */
export interface AccessLogOptions {
  /** Apache's combined format with the seconds taken behind it, or an object of JSON in each line. Default: `"combined"`. */
  format?: "combined" | "json" | undefined;
  /** Path of the file, which is made if it is missing, and anew if it is renamed or removed. Default: standard output. */
  file?: string | undefined;
}

/** `observe` with every default filled in. */
export interface ResolvedObserve {
  /** Path of the metrics; null: they are not served. */
  readonly metricsPath: string | null;
  /** Path of the live page; null: it is not served. */
  readonly pagePath: string | null;
  /** Gets what epollo has to say; null: it is printed. */
  readonly log: LogHook | null;
  /** How requests are logged; null: they are not. */
  readonly accessLog: { readonly format: "combined" | "json"; readonly file: string | null } | null;
}

const NAMES = ["metrics", "page", "log", "accessLog"] as const;

/** Checks `observe` and fills in the defaults. @throws TypeError for what is not accepted */
export function resolveObserve(observe: unknown): ResolvedObserve {
  const given = readMembers("observe", observe, "an object", NAMES);
  const metricsPath = ownPath("observe.metrics", given.metrics);
  const pagePath = ownPath("observe.page", given.page);
  const log = hook("observe.log", given.log);
  return Object.freeze({ metricsPath, pagePath, log, accessLog: accessLogOf(given.accessLog) });
}

function readMembers<const Names extends readonly string[]>(
  option: string,
  value: unknown,
  accepted: string,
  names: Names,
): Partial<Record<Names[number], unknown>> {
  if (value === undefined) return {};
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw optionOfWrongType(option, accepted, value);
  }
  for (const name of Object.keys(value)) {
    if (!names.includes(name)) throw unknownObserveOption(option, name, names);
  }
  const given: Partial<Record<Names[number], unknown>> = {};
  for (const name of names as readonly Names[number][]) given[name] = (value as typeof given)[name];
  return given;
}

function accessLogOf(value: unknown): ResolvedObserve["accessLog"] {
  if (value === undefined || value === false) return null;
  const option = "observe.accessLog";
  const accepted = "true, false or an object";
  const { format, file } = readMembers(option, value === true ? {} : value, accepted, ["format", "file"]);
  if (format !== undefined && format !== "combined" && format !== "json") {
    throw optionOfWrongType(`${option}.format`, '"combined" or "json"', format);
  }
  if (file !== undefined && (typeof file !== "string" || file === "" || file.includes("\0"))) {
    throw optionOfWrongType(`${option}.file`, "the path of a file", file);
  }
  return Object.freeze({ format: format ?? "combined", file: file ?? null });
}

function hook(option: string, value: unknown): LogHook | null {
  if (value === undefined) return null;
  if (typeof value === "function") return value as LogHook;
  throw optionOfWrongType(option, "a function", value);
}
