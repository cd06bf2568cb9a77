/**
 * Checks `threads.gracefulSignals`, one of the options that Bun.serve does not have.
 *
 * Runs on the thread that called `serve()`, once per call. A value of the wrong type is a TypeError, one out of its range
 * a RangeError; each message names the option, what is accepted and what was given.
 */
import { optionOfWrongType, optionOutOfRange, unknownOption } from "./errors.ts";

/** `threads.gracefulSignals` with every default filled in. */
export interface ResolvedSignals {
  /** How long requests in flight may take after the signal, in ms. */
  readonly graceMs: number;
  /** How long clients without a request may send one after the signal, in ms; at most `graceMs`. */
  readonly idleMs: number;
}

/** Below the 30 s that Kubernetes and Docker Swarm give a process. */
const DEFAULT_GRACE_MS = 25_000;
const DEFAULT_IDLE_MS = 1000;
const MAX_INT32 = 2147483647;
const NAMES = ["grace", "idle"] as const;

/**
 * Checks `threads.gracefulSignals` and fills in the defaults; null when signals are left alone.
 *
 * @throws TypeError for a wrong type or a member that does not exist
 * @throws RangeError for a number out of its range, or `idle` above `grace`
 */
export function resolveSignals(given: unknown): ResolvedSignals | null {
  if (given === undefined || given === false) return null;
  if (given === true) return { graceMs: DEFAULT_GRACE_MS, idleMs: DEFAULT_IDLE_MS };
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw optionOfWrongType("threads.gracefulSignals", "true, false or an object", given);
  }
  for (const name of Object.keys(given)) {
    if (!(NAMES as readonly string[]).includes(name)) {
      throw unknownOption("threads.gracefulSignals", name, NAMES);
    }
  }
  const { grace, idle } = given as { grace?: unknown; idle?: unknown };
  const graceMs = milliseconds("grace", grace, MAX_INT32) ?? DEFAULT_GRACE_MS;
  const idleMs = milliseconds("idle", idle, graceMs) ?? Math.min(DEFAULT_IDLE_MS, graceMs);
  return { graceMs, idleMs };
}

function milliseconds(name: (typeof NAMES)[number], value: unknown, most: number): number | undefined {
  if (value === undefined) return undefined;
  const option = `threads.gracefulSignals.${name}`;
  const accepted = `an integer from 0 to ${most} ms`;
  if (typeof value !== "number") throw optionOfWrongType(option, accepted, value);
  if (!Number.isInteger(value) || value < 0 || value > most) throw optionOutOfRange(option, accepted, value);
  return value + 0;
}
