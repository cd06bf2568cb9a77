import { describe, expect, test } from "bun:test";
import { isClientBound } from "../../bench/measure/load.ts";
import { marksOf, scenarioTable } from "../../bench/support/tables.ts";
import { makeScenario } from "./made-results.ts";

const BUSY = { requestsPerSecond: 1000, coresBusy: 1, errors: 0, othersBusy: 0, isClientBound: 0 };

describe("marks", () => {
  const marks = (...rounds: readonly object[]): string =>
    marksOf(makeScenario({ nginx: rounds.map((round) => ({ ...BUSY, ...round })) }), "nginx", false);

  test.each([
    ["", [{}, {}]],
    ["!", [{ errors: 1 }, {}]],
    ["c", [{ isClientBound: 1 }, {}, { isClientBound: 1 }]],
    ["", [{ isClientBound: 1 }, {}, {}]],
    ["<", [{ coresBusy: 0.5 }]],
    ["~", [{ othersBusy: 0.03 }, {}]],
    ["?", [{}, { requestsPerSecond: 1260 }]],
    ["w", [{ areLatenciesCorrected: 1 }]],
  ])("%j for %j", (expected, rounds) => {
    expect(marks(...rounds)).toBe(expected);
  });

  test("on one core a server is never said to idle", () => {
    expect(marksOf(makeScenario({ nginx: [{ ...BUSY, coresBusy: 0.5 }] }), "nginx", true)).toBe("");
  });
});

describe("the table of a scenario", () => {
  test("has medians, spreads and ratios to the baseline", () => {
    const scenario = makeScenario({
      "bun-serve": [{ ...BUSY, cpuUsPerRequest: 4, p99Us: 50 }],
      "epollo-pool": [{ ...BUSY, requestsPerSecond: 1100, cpuUsPerRequest: 3, p99Us: 40 }],
    });
    const { heading, rows } = scenarioTable(scenario, "bun-serve", false);
    const row = Object.fromEntries(heading.map((title, index) => [title, rows[1]![index]]));
    expect(row).toMatchObject({
      server: "epollo-pool",
      "req/s": "1100",
      spread: "1.00",
      "CPU us/req": "3.0",
    });
    expect(rows[1]!.slice(0, 6)).toEqual(["epollo-pool", "1100", "1.00", "1.10", "3.0", "0.75"]);
    expect(row).toMatchObject({ "p99 us": "40", "p50 us": "-" });
  });

  test("shows memory in MiB", () => {
    const scenario = makeScenario(
      { "bun-serve": [{ restBytes: 52_428_800, bytesPerConnection: 4096 }] },
      { kind: "memory" },
    );
    const [row] = scenarioTable(scenario, "bun-serve", false).rows;
    expect(row).toEqual(["bun-serve", "50.0", "1.00", "-", "-", "4096", "1.00"]);
  });
});

describe("isClientBound", () => {
  test("is wrk that is full beside a server that is not", () => {
    expect(isClientBound(0.99, 1, 0.7, 1)).toBe(true);
    expect(isClientBound(0.99, 1, 0.97, 1)).toBe(false);
    expect(isClientBound(0.6, 1, 0.7, 1)).toBe(false);
    // Two threads of wrk, and a server that may use two cores.
    expect(isClientBound(1.2, 2, 0.97, 2)).toBe(false);
    expect(isClientBound(1.98, 2, 0.97, 2)).toBe(true);
  });
});
