/**
 * Checks `handlers` and `threads`, the options that Bun.serve does not have.
 *
 * Runs on the thread that called `serve()`, once per call. Knows nothing of Bun's options. A value of the wrong type is
 * a TypeError, one out of its range a RangeError; each message names the option, what is accepted and what was given.
 */
import type { OptionEnvironment } from "./environment.ts";
import {
  handlersGivenTwice,
  minAboveMax,
  optionOfWrongType,
  optionOutOfRange,
  unknownThreadOption,
} from "./errors.ts";
import { type ResolvedSignals, resolveSignals } from "./signal-options.ts";

/** `handlers` and `threads`, checked. */
export interface Placement {
  /** Where handlers run: handler threads with the entry module, the calling thread, handler threads with one module. */
  readonly mode: "pool" | "main" | "module";
  /** The module of mode "module" as a URL string; null in the other modes. */
  readonly moduleUrl: string | null;
  /** The numbers and switches of `threads`. */
  readonly threads: ResolvedThreads;
}

/** `threads` with every default filled in. */
export interface ResolvedThreads {
  /** Dispatch threads, 1 to 256. */
  readonly dispatchers: number;
  /** Handler threads kept when idle, 0 to 256, at most `max`. */
  readonly min: number;
  /** Handler threads at most, 1 to 256. */
  readonly max: number;
  /** Milliseconds of idleness before a handler thread above `min` ends: an integer from 0, or Infinity. */
  readonly retireAfterMs: number;
  /** Milliseconds from the start of a handler to the first byte of its answer: an integer from 1, or Infinity. */
  readonly handlerTimeoutMs: number;
  /** Milliseconds that a thread may take to load its handlers: an integer from 1, or Infinity; null when not given. */
  readonly startTimeoutMs: number | null;
  /** Tasks that may wait for a handler, 1 to 2147483647. */
  readonly maxBacklogTasks: number;
  /** How a handler thread is chosen. */
  readonly balance: "bounded" | "random";
  /** Whether dispatch threads may run handlers themselves. */
  readonly isInlineAllowed: boolean;
  /** How long signals let the server finish; null when it does not handle any. */
  readonly gracefulSignals: ResolvedSignals | null;
}

/** Threads of one kind at most. */
export const MAX_THREADS = 256;
const MAX_INT32 = 2147483647;
const NAMES = [
  "handlers",
  "dispatchers",
  "min",
  "max",
  "retireAfter",
  "handlerTimeout",
  "startTimeout",
  "maxBacklog",
  "balance",
  "inline",
  "gracefulSignals",
] as const;

/**
 * Checks `handlers` and `threads` and fills in the defaults.
 *
 * @throws TypeError for a wrong type, a member that does not exist, or `handlers` and `threads.handlers` that differ
 * @throws RangeError for a number out of its range, or `min` above `max`
 */
export function resolvePlacement(
  handlers: unknown,
  threads: unknown,
  environment: OptionEnvironment,
): Placement {
  const given = readMembers(threads);
  const byDefault = environment.defaultThreads;
  const dispatchers = integer("dispatchers", given.dispatchers, 1, MAX_THREADS) ?? byDefault?.dispatchers;
  let min = integer("min", given.min, 0, MAX_THREADS);
  let max = integer("max", given.max, 1, MAX_THREADS);
  if (min !== undefined && max !== undefined && min > max) throw minAboveMax(min, max);
  // One bound alone moves the default of the other.
  const most = byDefault?.max ?? Math.min(MAX_THREADS, Math.max(8, 4 * environment.coreCount));
  max ??= Math.max(most, min ?? byDefault?.min ?? 0);
  min ??= Math.min(byDefault?.min ?? 1, max);

  const balance = oneOfBalance(given.balance);
  const resolved: ResolvedThreads = Object.freeze({
    dispatchers: dispatchers ?? Math.min(MAX_THREADS, Math.max(1, Math.floor(environment.coreCount / 2))),
    min,
    max,
    retireAfterMs: milliseconds("retireAfter", given.retireAfter, 0) ?? 10_000,
    handlerTimeoutMs: milliseconds("handlerTimeout", given.handlerTimeout, 1) ?? Infinity,
    startTimeoutMs: milliseconds("startTimeout", given.startTimeout, 1) ?? null,
    maxBacklogTasks: integer("maxBacklog", given.maxBacklog, 1, MAX_INT32) ?? 65_536,
    balance,
    // One handler thread at most, or a plain policy, was asked for: no other thread is to run handlers unasked.
    isInlineAllowed: boolean("inline", given.inline) ?? (max > 1 && balance === "bounded"),
    gracefulSignals: resolveSignals(given.gracefulSignals),
  });
  return { ...place(handlers, given.handlers, environment.defaultHandlers), threads: resolved };
}

type Members = Partial<Record<(typeof NAMES)[number], unknown>>;

function readMembers(threads: unknown): Members {
  if (threads === undefined) return {};
  if (typeof threads !== "object" || threads === null || Array.isArray(threads)) {
    throw optionOfWrongType("threads", "an object", threads);
  }
  for (const name of Object.keys(threads)) {
    if (!(NAMES as readonly string[]).includes(name)) throw unknownThreadOption(name, NAMES);
  }
  const given: Members = {};
  for (const name of NAMES) given[name] = (threads as Members)[name];
  return given;
}

function integer(
  name: (typeof NAMES)[number],
  value: unknown,
  least: number,
  most: number,
  suffix = "",
): number | undefined {
  if (value === undefined) return undefined;
  const accepted = `an integer from ${least} to ${most}${suffix}`;
  if (typeof value !== "number") throw optionOfWrongType(`threads.${name}`, accepted, value);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw optionOutOfRange(`threads.${name}`, accepted, value);
  }
  // Makes -0 into 0.
  return value + 0;
}

function milliseconds(name: (typeof NAMES)[number], value: unknown, least: number): number | undefined {
  return value === Infinity ? Infinity : integer(name, value, least, MAX_INT32, " ms, or Infinity");
}

function boolean(name: (typeof NAMES)[number], value: unknown): boolean | undefined {
  if (value === undefined || typeof value === "boolean") return value;
  throw optionOfWrongType(`threads.${name}`, "true or false", value);
}

function oneOfBalance(value: unknown): "bounded" | "random" {
  if (value === undefined) return "bounded";
  if (value === "bounded" || value === "random") return value;
  throw optionOfWrongType("threads.balance", '"bounded" or "random"', value);
}

function place(
  handlers: unknown,
  threadsHandlers: unknown,
  byDefault: "pool" | "main",
): Omit<Placement, "threads"> {
  const outer = onePlace("handlers", handlers);
  const inner = onePlace("threads.handlers", threadsHandlers);
  if (outer !== undefined && inner !== undefined && outer !== inner) {
    throw handlersGivenTwice(handlers, threadsHandlers);
  }
  const chosen = outer ?? inner ?? byDefault;
  if (chosen === "pool" || chosen === "main") return { mode: chosen, moduleUrl: null };
  return { mode: "module", moduleUrl: chosen };
}

/** Gives "pool", "main" or the module's URL. */
function onePlace(option: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (value === "pool" || value === "main") return value;
  if (value instanceof URL) return value.href;
  if (typeof value === "string") {
    if (value.startsWith("/")) return Bun.pathToFileURL(value).href;
    // A relative path is refused: relative to which file, nobody could tell.
    if (URL.canParse(value)) return new URL(value).href;
  }
  throw optionOfWrongType(option, '"pool", "main", a URL, a URL string or an absolute path', value);
}
