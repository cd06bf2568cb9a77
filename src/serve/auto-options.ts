/**
 * What `epollo/auto` is told by environment variables, since a program that knows nothing of epollo gives no options.
 *
 * Owned by the thread that preloads it; pure. Knows nothing of Bun.serve.
 *
 * | variable | accepted | is the default of |
 * | --- | --- | --- |
 * | EPOLLO_HANDLERS | main, pool | `handlers`; main without it |
 * | EPOLLO_DISPATCHERS | 1 to 256 | `threads.dispatchers` |
 * | EPOLLO_MIN_HANDLERS | 0 to 256 | `threads.min` |
 * | EPOLLO_MAX_HANDLERS | 1 to 256 | `threads.max` |
 *
 * A variable that is empty counts as not set. Anything else is a mistake that stops the program: a server that silently
 * runs with other threads than it was told to is found out under load only.
 */
import type { Host } from "./entry.ts";
import type { DefaultThreads } from "./environment.ts";
import { minAboveMax, optionOfWrongType, optionOutOfRange } from "./errors.ts";
import { MAX_THREADS } from "./thread-options.ts";

/** Defaults that take the place of those of `OptionEnvironment`. */
export interface AutoOptions {
  /** Where handlers run. */
  readonly defaultHandlers: "pool" | "main";
  /** Numbers of threads; undefined where the variable is not set. */
  readonly defaultThreads: DefaultThreads;
}

/**
 * Reads the variables.
 *
 * @param host what started the program: where there is no module that a thread could evaluate again, handlers run on
 *   the main thread whatever EPOLLO_HANDLERS says
 * @throws TypeError for what is not accepted, RangeError for a number out of its range or a minimum above the maximum
 */
export function readAutoOptions(
  variables: Readonly<Record<string, string | undefined>>,
  host: Host,
): AutoOptions {
  const handlers = variables.EPOLLO_HANDLERS ?? "";
  if (handlers !== "" && handlers !== "main" && handlers !== "pool") {
    throw optionOfWrongType("EPOLLO_HANDLERS", '"main" or "pool"', handlers);
  }
  const min = readCount(variables, "EPOLLO_MIN_HANDLERS", 0);
  const max = readCount(variables, "EPOLLO_MAX_HANDLERS", 1);
  if (min !== undefined && max !== undefined && min > max) throw minAboveMax(min, max);
  return {
    defaultHandlers: handlers === "pool" && host === "run" ? "pool" : "main",
    defaultThreads: { dispatchers: readCount(variables, "EPOLLO_DISPATCHERS", 1), min, max },
  };
}

function readCount(
  variables: Readonly<Record<string, string | undefined>>,
  name: string,
  least: number,
): number | undefined {
  const text = variables[name] ?? "";
  if (text === "") return undefined;
  const accepted = `an integer from ${least} to ${MAX_THREADS}`;
  if (!/^-?\d+$/.test(text)) throw optionOfWrongType(name, accepted, text);
  const count = Number(text);
  if (count < least || count > MAX_THREADS) throw optionOutOfRange(name, accepted, count);
  return count;
}
