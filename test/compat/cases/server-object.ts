/** The server object (BUN-SERVE.md section 13), asked from outside and inside of a handler. */
import type { Case } from "../compare.ts";
import { probes } from "../programs/server-object.ts";

/** A probe of ../programs/server-object.ts. */
export interface ServerCase extends Case {
  readonly probe: string;
  /** Whether a handler runs the probe; else the thread that called serve(). */
  readonly isInside: boolean;
}

/** All of them. */
export const serverCases: readonly ServerCase[] = [false, true].flatMap((isInside) =>
  Object.keys(probes).map((probe) => ({
    id: `server-${isInside ? "inside-" : ""}${probe}`,
    section: "13",
    probe,
    isInside,
  })),
);
