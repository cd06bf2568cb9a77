import { describe, expect, test } from "bun:test";
import { floorTables, writeTables } from "../../bench/floors.ts";
import { makeResults, makeScenario } from "./made-results.ts";

const rate = (requestsPerSecond: number, isClientBound = 0) => ({ requestsPerSecond, isClientBound });

describe("floorTables", () => {
  test("small requests: by Bun.serve, then by its Workers, in the median of the rounds", () => {
    const { small } = floorTables(
      makeResults({
        "trivial-8": makeScenario({
          "bun-serve": [rate(100), rate(200), rate(100)],
          "bun-workers": [rate(50), rate(100), rate(50)],
          "epollo-pool": [rate(90), rate(220), rate(120)],
          floor: [rate(150, 1), rate(300, 1), rate(150)],
        }),
      }),
    );
    expect(small!.split("\n").at(-1)).toBe(
      "| trivial-8 | 1.10 | 1.50 c | - | - | - | - | - | - | 2.20 | 3.00 c |",
    );
  });

  test("times are microseconds; a server that was not measured is left out", () => {
    const time = (userUsPerRequest: number) => [{ userUsPerRequest, systemUsPerRequest: 6 }];
    const { times } = floorTables(
      makeResults({ "json-64": makeScenario({ "bun-serve": time(2), "epollo-pool": time(2.54) }) }),
    );
    expect(times!.split("\n").at(-1)).toBe("| json-64 | 2.0 + 6.0 | 2.5 + 6.0 | - | - | - |");
  });

  test("what computes: the latencies by Bun.serve and by its Workers, beside the floor", () => {
    const p99 = (p99Us: number) => [{ p99Us }];
    const { others } = floorTables(
      makeResults({
        beside: makeScenario({
          "bun-serve": p99(90_000),
          "bun-workers": p99(45_000),
          "epollo-pool": p99(2000),
          "floor-pool": p99(100),
        }),
      }),
    );
    expect(others!.split("\n").slice(2)).toEqual([
      "| beside | p99 | 1/45 | - | 0.50 | - | - | 1/900 |",
      "| beside | p99 by two Workers | 1/23 | - | - | - | - | 1/450 |",
    ]);
  });
});

describe("writeTables", () => {
  const text = "before\n<!-- small: made -->\n\n| old |\n\n<!-- end of small -->\nafter\n";

  test("puts a table between its marks, again and again", () => {
    const once = writeTables(text, { small: "| $1 new |" });
    expect(once).toBe("before\n<!-- small: made -->\n\n| $1 new |\n\n<!-- end of small -->\nafter\n");
    expect(writeTables(once, { small: "| $1 new |" })).toBe(once);
  });

  test("a table without marks is an error", () => {
    expect(() => writeTables(text, { others: "| new |" })).toThrow('no place for the table "others"');
  });
});
