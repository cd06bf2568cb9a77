/** What every measurement needs to know of the run it belongs to. Types only. */
import type { Scenario } from "../scenarios.ts";
import type { Peer, PeerKind } from "../support/peers.ts";
import type { Measure } from "../support/results.ts";

/** How the run goes. */
export interface Run {
  /** Seconds of each load, a whole number. */
  readonly seconds: number;
  readonly clientThreads: number;
  /** Where wrk and servers may run, as taskset takes it; null for anywhere. */
  readonly clientCpus: string | null;
  readonly serverCpus: string | null;
  /** Cores that the servers have when wrk is busy. */
  readonly serverCores: number;
  readonly environment: Readonly<Record<string, string>>;
}

/** Figures of one sample. */
export type Measures = Partial<Record<Measure, number>>;

/** Measures a server that runs for the whole scenario, beside the others, which idle. */
export type MeasureRunning = (
  run: Run,
  scenario: Scenario,
  peer: Peer,
  others: readonly Peer[],
) => Promise<Measures>;

/** Measures a server that it starts and ends itself. */
export type MeasureStarting = (run: Run, scenario: Scenario, kind: PeerKind) => Promise<Measures>;
