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
   * Called on the main thread with each record of what epollo has to say: failed handlers, threads that ended, clients that were
   * turned away. Default: it is printed to standard error.
   */
  log?: LogHook | undefined;
}

/** `observe` with every default filled in. */
export interface ResolvedObserve {
  /** Path of the metrics; null: they are not served. */
  readonly metricsPath: string | null;
  /** Gets what epollo has to say; null: it is printed. */
  readonly log: LogHook | null;
}

const NAMES = ["metrics", "log"] as const;

/** Checks `observe` and fills in the defaults. @throws TypeError for what is not accepted */
export function resolveObserve(observe: unknown): ResolvedObserve {
  const given = readMembers(observe);
  const metricsPath = ownPath("observe.metrics", given.metrics);
  return Object.freeze({ metricsPath, log: hook("observe.log", given.log) });
}

type Members = Partial<Record<(typeof NAMES)[number], unknown>>;

function readMembers(observe: unknown): Members {
  if (observe === undefined) return {};
  if (typeof observe !== "object" || observe === null || Array.isArray(observe)) {
    throw optionOfWrongType("observe", "an object", observe);
  }
  for (const name of Object.keys(observe)) {
    if (!(NAMES as readonly string[]).includes(name)) throw unknownObserveOption(name, NAMES);
  }
  const given: Members = {};
  for (const name of NAMES) given[name] = (observe as Members)[name];
  return given;
}

function hook(option: string, value: unknown): LogHook | null {
  if (value === undefined) return null;
  if (typeof value === "function") return value as LogHook;
  throw optionOfWrongType(option, "a function", value);
}
