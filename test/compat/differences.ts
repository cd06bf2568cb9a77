/**
 * The known differences between Bun.serve and epollo, by case: why, and at which leaves of the observation epollo shows
 * what instead. Each has a line in docs/compatibility.md that names the case (documentation.test.ts).
 */
import type { Differences } from "./observation.ts";

/** A known difference. */
export interface Difference {
  readonly why: string;
  /** Epollo's values where they are not Bun.serve's. */
  readonly differs: Differences;
  /** The same for pool mode, where that is yet another. */
  readonly pool?: Differences;
}

/** By id of the case. */
export const DIFFERENCES: Readonly<Record<string, Difference>> = {};
