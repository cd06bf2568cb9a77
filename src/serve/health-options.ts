/**
 * Checks `health`: where a server says whether it is alive and whether it takes new work.
 *
 * Runs on the thread that called `serve()`, once per call. A value of the wrong type is a TypeError, one out of its range
 * a RangeError; each message names the option, what is accepted and what was given.
 */
import { optionOfWrongType, optionOutOfRange, unknownOption } from "./errors.ts";
import { checkDistinctPaths, ownPath } from "./own-path-option.ts";

/** Where a server says how it is. Dispatch threads answer, without a handler. */
export interface HealthOptions {
  /** Path that is answered with 200 as long as the server's threads run, such as `"/healthz"`. Default: none. */
  live?: string | undefined;
  /**
   * Path that is answered with 200 when the server takes new work, and with 503 before the first handler thread is ready
   * and from `stop()` on, such as `"/readyz"`. Default: none.
   */
  ready?: string | undefined;
  /**
   * Milliseconds between `stop()`, or a signal with `threads.gracefulSignals`, and the moment from which nobody is accepted
   * any more: `ready` says 503, so that balancers notice, while everything is served. 0 to 2147483647. Default: 0.
   */
  delay?: number | undefined;
}

/** `health` with every default filled in. Frozen. */
export interface ResolvedHealth {
  /** null: not served. */
  readonly livePath: string | null;
  /** null: not served. */
  readonly readyPath: string | null;
  readonly delayMs: number;
}

const NAMES = ["live", "ready", "delay"] as const;
const MAX_INT32 = 2147483647;

/**
 * Checks `health` and fills in the defaults.
 *
 * @param metricsPath of `observe.metrics`, which must be another path
 * @throws TypeError for a wrong type, a member that does not exist or equal paths
 * @throws RangeError for a delay out of its range
 */
export function resolveHealth(
  health: unknown,
  metricsPath: string | null,
  pagePath: string | null = null,
): ResolvedHealth {
  if (health !== undefined && (typeof health !== "object" || health === null || Array.isArray(health))) {
    throw optionOfWrongType("health", "an object", health);
  }
  const given = (health ?? {}) as Partial<Record<(typeof NAMES)[number], unknown>>;
  for (const name of Object.keys(given)) {
    if (!(NAMES as readonly string[]).includes(name)) throw unknownOption("health", name, NAMES);
  }
  const livePath = ownPath("health.live", given.live);
  const readyPath = ownPath("health.ready", given.ready);
  checkDistinctPaths([
    ["observe.metrics", metricsPath],
    ["observe.page", pagePath],
    ["the numbers of observe.page", pagePath && `${pagePath}/stats`],
    ["health.live", livePath],
    ["health.ready", readyPath],
  ]);
  return Object.freeze({ livePath, readyPath, delayMs: delay(given.delay) });
}

function delay(value: unknown): number {
  if (value === undefined) return 0;
  const accepted = `an integer from 0 to ${MAX_INT32} ms`;
  if (typeof value !== "number") throw optionOfWrongType("health.delay", accepted, value);
  if (!Number.isInteger(value) || value < 0 || value > MAX_INT32) {
    throw optionOutOfRange("health.delay", accepted, value);
  }
  return value + 0;
}
