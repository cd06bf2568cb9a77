/** Results of a benchmark as a test wants them. */
import type { Measure, Results, ScenarioResult } from "../../bench/support/results.ts";

/** Makes a scenario of the measures of each server in each round. */
export function makeScenario(
  peers: Readonly<Record<string, readonly Partial<Record<Measure, number>>[]>>,
  given: Partial<ScenarioResult> = {},
): ScenarioResult {
  return {
    title: "a scenario",
    group: "small",
    kind: "load",
    date: "2026-11-23T00:00:00.000Z",
    rounds: 3,
    seconds: 3,
    connections: 8,
    samples: Object.entries(peers).flatMap(([peer, rounds]) =>
      rounds.map((measures, round) => ({ peer, round, measures })),
    ),
    ...given,
  };
}

/** Makes a file of scenarios. */
export function makeResults(scenarios: Readonly<Record<string, ScenarioResult>>): Results {
  return {
    format: 1,
    machine: { kernel: "6.18.44-vm", cpu: "Some CPU & Co", cores: 2, governor: "none" },
    versions: { bun: "1.4.5", node: "v20.20.2" },
    scenarios,
  };
}
