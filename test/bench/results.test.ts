import { describe, expect, test } from "bun:test";
import {
  compared,
  medianOf,
  mergeObstacle,
  mergeResults,
  peersOf,
  type Results,
  spreadOf,
} from "../../bench/support/results.ts";
import { makeResults, makeScenario } from "./made-results.ts";

const scenario = makeScenario({
  "bun-serve": [{ requestsPerSecond: 100 }, { requestsPerSecond: 200 }, { requestsPerSecond: 400 }],
  "epollo-pool": [{ requestsPerSecond: 110 }, { requestsPerSecond: 220 }, { requestsPerSecond: 600 }],
});

describe("figures", () => {
  test("are medians over the rounds, and ratios within a round", () => {
    expect(medianOf(scenario, "epollo-pool", "requestsPerSecond")).toBe(220);
    expect(compared(scenario, "epollo-pool", "requestsPerSecond", "bun-serve")).toBeCloseTo(1.1, 10);
    expect(spreadOf(scenario, "bun-serve", "requestsPerSecond")).toBe(4);
    expect(peersOf(scenario)).toEqual(["bun-serve", "epollo-pool"]);
  });

  test("may be differences, and compare two measures of one server", () => {
    const held = makeScenario({
      "bun-serve": [{ startMs: 20 }],
      "epollo-pool": [{ startMs: 70, cpuUsPerRequest: 6, aloneCpuUsPerRequest: 5 }],
    });
    expect(compared(held, "epollo-pool", "startMs", "bun-serve", "startMs", "difference")).toBe(50);
    expect(compared(held, "epollo-pool", "cpuUsPerRequest", "epollo-pool", "aloneCpuUsPerRequest")).toBe(1.2);
  });

  test("are NaN for what was not measured", () => {
    expect(medianOf(scenario, "nginx", "requestsPerSecond")).toBeNaN();
    expect(compared(scenario, "epollo-pool", "p99Us", "bun-serve")).toBeNaN();
    expect(compared(scenario, "epollo-pool", "requestsPerSecond", "nginx")).toBeNaN();
  });

  test("leave out samples with errors, on either side", () => {
    const void_ = makeScenario({
      "bun-serve": [
        { requestsPerSecond: 100, errors: 0 },
        { requestsPerSecond: 100, errors: 1 },
        { requestsPerSecond: 100, errors: 0 },
      ],
      "epollo-pool": [
        { requestsPerSecond: 110, errors: 0 },
        { requestsPerSecond: 500, errors: 0 },
        { requestsPerSecond: 900, errors: 7 },
      ],
    });
    expect(compared(void_, "epollo-pool", "requestsPerSecond", "bun-serve")).toBeCloseTo(1.1, 10);
  });
});

describe("mergeResults", () => {
  const old = makeResults({ "trivial-8": scenario, json: scenario });

  test("replaces a scenario whole and keeps the others", () => {
    const again = makeScenario({ nginx: [{ requestsPerSecond: 1 }] });
    const merged = mergeResults(old, makeResults({ "trivial-8": again, start: again }));
    expect(Object.keys(merged.scenarios)).toEqual(["trivial-8", "json", "start"]);
    expect(merged.scenarios["trivial-8"]).toEqual(again);
    expect(merged.scenarios.json).toEqual(scenario);
    // What it was made of is as it was.
    expect(old.scenarios["trivial-8"]).toEqual(scenario);
  });

  test("begins with nothing", () => {
    expect(mergeResults(null, old)).toBe(old);
  });

  test("keeps versions of programs that are installed in one of the runs only", () => {
    const added: Results = { ...makeResults({}), versions: { bun: "1.4.5", deno: "2.5.0" } };
    expect(mergeResults(old, added).versions).toEqual({ bun: "1.4.5", node: "v20.20.2", deno: "2.5.0" });
  });

  test("refuses another machine, another version, another format", () => {
    const elsewhere: Results = { ...old, machine: { ...old.machine, cores: 64 } };
    expect(() => mergeResults(old, elsewhere)).toThrow("its cores is 2, not 64");
    const later: Results = { ...old, versions: { bun: "1.5.0" } };
    expect(() => mergeResults(old, later)).toThrow("its bun is 1.4.5, not 1.5.0");
    expect(mergeObstacle({ samples: [] }, old)).toBe("it has another format");
    expect(mergeObstacle(null, old)).toBe("it has another format");
    expect(mergeObstacle(old, old)).toBeNull();
  });
});
