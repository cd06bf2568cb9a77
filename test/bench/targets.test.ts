import { describe, expect, test } from "bun:test";
import { findScenarios, SCENARIOS } from "../../bench/scenarios.ts";
import { BASELINE, findPeers, PEERS } from "../../bench/support/peers.ts";
import type { Measure } from "../../bench/support/results.ts";
import {
  comparedTargetsMarkdown,
  formatFigure,
  judge,
  TARGETS,
  targetRows,
  targetsMarkdown,
} from "../../bench/targets.ts";
import { makeResults, makeScenario } from "./made-results.ts";

const scenarioNames = SCENARIOS.map(({ name }) => name);
const peerNames = PEERS.map(({ name }) => name);
const find = (title: string, against: string = BASELINE) =>
  TARGETS.find((target) => target.title.startsWith(title) && target.against === against)!;

/** A scenario where epollo has `ours` and Bun.serve `theirs` of a measure. */
const pair = (measure: Measure, ours: number, theirs: number) =>
  makeScenario({ "bun-serve": [{ [measure]: theirs }], "epollo-pool": [{ [measure]: ours }] });

describe("the targets", () => {
  test("name scenarios and servers that there are, and servers that take part in them", () => {
    for (const { scenarios, peer, against } of TARGETS) {
      for (const name of scenarios) {
        expect(scenarioNames).toContain(name);
        const feature = SCENARIOS.find((scenario) => scenario.name === name)!.feature;
        for (const server of [peer, against])
          expect(PEERS.find((kind) => kind.name === server)?.features).toContain(feature);
      }
      expect(peerNames).toContain(against);
    }
  });

  test("have scenarios of different names, and so have the servers", () => {
    expect(new Set(scenarioNames).size).toBe(scenarioNames.length);
    expect(new Set(peerNames).size).toBe(peerNames.length);
  });
});

describe("judge", () => {
  test("an at-least target is as good as its worst scenario", () => {
    const target = find("CPU-bound");
    const rate = (ours: number) => pair("requestsPerSecond", ours, 100);
    const good = judge(target, makeResults({ "cpu-1": rate(195), "cpu-5": rate(190), "cpu-20": rate(200) }));
    expect([good.worst, good.isMet]).toEqual([1.9, true]);
    const bad = judge(target, makeResults({ "cpu-1": rate(195), "cpu-5": rate(189), "cpu-20": rate(200) }));
    expect([bad.worst, bad.isMet]).toEqual([1.89, false]);
    expect(bad.figures.map(({ figure }) => figure)).toEqual([1.95, 1.89, 2]);
  });

  test("an at-most target likewise", () => {
    const target = find("bimodal");
    const latency = (ours: number) => pair("p99Us", ours, 90_000);
    const good = judge(target, makeResults({ mixed: latency(1000), beside: latency(3000) }));
    expect(good.isMet).toBe(true);
    expect(formatFigure(target, good.worst)).toBe("1/30");
    expect(judge(target, makeResults({ mixed: latency(1000), beside: latency(3001) })).isMet).toBe(false);
  });

  test("a difference is one", () => {
    const target = find("start");
    const outcome = judge(target, makeResults({ start: pair("startMs", 80, 21.5) }));
    expect([outcome.worst, outcome.isMet, formatFigure(target, outcome.worst)]).toEqual([58.5, true, "58.5"]);
    expect(judge(target, makeResults({ start: pair("startMs", 82, 21.5) })).isMet).toBe(false);
  });

  test("the price of held connections is epollo's own load by its own", () => {
    const target = find("10,000 connections", "epollo-pool");
    const held = makeScenario({ "epollo-pool": [{ cpuUsPerRequest: 5.5, aloneCpuUsPerRequest: 5 }] });
    expect(judge(target, makeResults({ "held-10000": held })).worst).toBeCloseTo(1.1, 10);
  });

  test("what is not measured, or in part, is neither met nor missed", () => {
    const target = find("CPU-bound");
    expect(judge(target, makeResults({})).isMet).toBeNull();
    const part = { "cpu-1": pair("requestsPerSecond", 195, 100) };
    expect(judge(target, makeResults(part)).isMet).toBeNull();
    const failed = { "cpu-1": pair("requestsPerSecond", 100, 100) };
    expect(judge(target, makeResults(failed)).isMet).toBe(false);
  });

  test("a scenario where samples have errors counts as not measured", () => {
    const results = makeResults({
      close: makeScenario({
        "bun-serve": [{ requestsPerSecond: 100, errors: 0 }],
        "epollo-pool": [{ requestsPerSecond: 200, errors: 5 }],
      }),
    });
    expect(judge(find("connection per request"), results).isMet).toBeNull();
  });
});

describe("the table", () => {
  const results = makeResults({
    start: pair("startMs", 80, 20),
    pipelined: pair("requestsPerSecond", 90, 100),
    "cpu-1": pair("requestsPerSecond", 195, 100),
    "cpu-5": pair("requestsPerSecond", 191, 100),
  });

  test("has a row for each target, with what was reached", () => {
    const rows = targetRows(results);
    expect(rows).toHaveLength(TARGETS.length);
    const row = (title: string) => rows.find(([first]) => first!.startsWith(title))!.slice(1);
    expect(row("start")).toEqual(["bun-serve", "at most 60.0", "60.0", "yes", ""]);
    expect(row("16-deep")).toEqual(["bun-serve", "at least 1.00", "0.90", "no", ""]);
    expect(row("CPU-bound")).toEqual([
      "bun-serve",
      "at least 1.90",
      "1.91",
      "so far",
      "cpu-1 1.95, cpu-5 1.91",
    ]);
    expect(row("bimodal")).toEqual(["bun-serve", "at most 1/30", "-", "not measured", ""]);
  });

  test("is a table in markdown", () => {
    const lines = targetsMarkdown(results).split("\n");
    expect(lines).toHaveLength(TARGETS.length + 2);
    expect(lines[1]).toBe("| --- | --- | --- | --- | --- | --- |");
    for (const line of lines) expect(line.split("|")).toHaveLength(8);
  });

  test("of several runs has a column for each", () => {
    const none = makeResults({});
    const lines = comparedTargetsMarkdown(
      new Map([
        ["2026-01-01", none],
        ["2026-01-02", results],
      ]),
    ).split("\n");
    expect(lines).toHaveLength(TARGETS.length + 2);
    expect(lines[0]).toBe("| target | against | wanted | 2026-01-01 | 2026-01-02 |");
    const line = lines.find((text) => text.includes("CPU-bound"))!;
    expect(line).toBe(
      "| CPU-bound, 1, 5, 20 ms: requests/s | bun-serve | at least 1.90 | not measured | 1.91, so far |",
    );
  });
});

describe("names on the command line", () => {
  test("are scenarios, their families or groups; anything else is refused with what there is", () => {
    expect(findScenarios([])).toHaveLength(SCENARIOS.length);
    expect(findScenarios(["cpu", "start"]).map(({ name }) => name)).toEqual([
      "cpu-1",
      "cpu-5",
      "cpu-20",
      "start",
    ]);
    expect(new Set(findScenarios(["bodies"]).map(({ group }) => group))).toEqual(new Set(["bodies"]));
    expect(() => findScenarios(["nothing"])).toThrow("--scenario nothing: use small, trivial-1");
  });

  test("are servers; anything else is refused", () => {
    expect(findPeers(["bun-serve", "epollo-pool"]).map(({ name }) => name)).toEqual([
      "bun-serve",
      "epollo-pool",
    ]);
    expect(() => findPeers(["apache"])).toThrow("--peer apache: use bun-serve, ");
  });
});
