/**
 * Checks the paths that the server answers itself: of metrics, of health.
 *
 * Runs on the thread that called `serve()`, once per call.
 */
import { optionOfWrongType, ownPathsCollide } from "./errors.ts";

/** Visible ASCII without "?" and "#", begun by a slash and not ended by one: what a request line can name. */
const PATH = /^\/(?:[!"$->@-~]*[!"$-.0->@-~])$/;

/** Gives the path, or null when none is given. @throws TypeError for what is no such path */
export function ownPath(option: string, value: unknown): string | null {
  if (value === undefined) return null;
  if (typeof value === "string" && PATH.test(value)) return value;
  throw optionOfWrongType(
    option,
    'a path such as "/metrics", without query and without a slash at its end',
    value,
  );
}

/** @throws TypeError when two options name the same path */
export function checkDistinctPaths(paths: readonly (readonly [option: string, path: string | null])[]): void {
  const seen = new Map<string, string>();
  for (const [option, value] of paths) {
    if (value === null) continue;
    const other = seen.get(value);
    if (other !== undefined) throw ownPathsCollide(other, option, value);
    seen.set(value, option);
  }
}
