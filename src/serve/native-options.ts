/**
 * epollo's own options beside some that the native Bun.serve has to serve, which knows nothing of them.
 *
 * Runs on the thread that called `serve()`, once per call. What would protect, or keep a promise to others, is refused: nobody is to believe
 * that it holds. What would only have made it faster, or shown something, is named in a warning.
 */
import { notWithNative } from "./errors.ts";

/** Members of `threads` that protect. */
const PROTECTING = ["handlerTimeout", "maxBacklog", "gracefulSignals"];
/** Options that may be lost with a warning, and the values that ask for nothing more than Bun.serve does. */
const HARMLESS: readonly string[] = ["handlers", "threads", "observe"];

type Given = Readonly<Record<string, unknown>>;

/** Whether a value asks for something: `false` and `Infinity` say "not", as undefined does. */
export function isAsked(value: unknown): boolean {
  return value !== undefined && value !== false && value !== Infinity;
}

/**
 * Names the options that are given and have no effect.
 *
 * @param given options as the user gave them
 * @param reason what has to be served by Bun.serve
 * @throws TypeError for one that would protect
 */
export function withoutEffect(given: Given, reason: string): string[] {
  if (hasAsked(given.limits)) throw notWithNative("limits", reason);
  for (const name of PROTECTING) {
    const { threads } = given;
    if (isObject(threads) && isAsked(threads[name])) throw notWithNative(`threads.${name}`, reason);
  }
  return HARMLESS.filter((name) => {
    const value = given[name];
    if (name === "handlers") return value !== undefined && value !== "main";
    return name === "observe" ? isObject(value) && showsSomething(value) : hasAsked(value);
  });
}

/** `observe.log` gets the warning itself, so it is not without effect. */
function showsSomething(observe: Given): boolean {
  return Object.keys(observe).some((name) => name !== "log" && isAsked(observe[name]));
}

function hasAsked(value: unknown): boolean {
  return isObject(value) && Object.values(value).some(isAsked);
}

function isObject(value: unknown): value is Given {
  return typeof value === "object" && value !== null;
}
