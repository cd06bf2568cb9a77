import { describe, expect, test } from "bun:test";
import { drawCharts } from "../../bench/charts.ts";
import { escapeXml, logTicks } from "../../bench/support/svg.ts";
import { makeResults, makeScenario } from "./made-results.ts";

const results = makeResults({
  "trivial-1": makeScenario(
    {
      "bun-serve": [{ requestsPerSecond: 100, cpuUsPerRequest: 4, p50Us: 7, p99Us: 20 }],
      "epollo-pool": [{ requestsPerSecond: 123, cpuUsPerRequest: 3, p50Us: 8, p99Us: 21 }],
    },
    { connections: 1 },
  ),
  "trivial-64": makeScenario(
    {
      "bun-serve": [{ requestsPerSecond: 100, cpuUsPerRequest: 4, p50Us: 333, p99Us: 700 }],
      "epollo-pool": [{ requestsPerSecond: 900, cpuUsPerRequest: 5, p50Us: 222, p99Us: 444 }],
    },
    { connections: 64 },
  ),
  beside: makeScenario(
    { "bun-serve": [{ p99Us: 160_000 }], "epollo-pool": [{ p99Us: 4200 }] },
    { kind: "beside" },
  ),
});

/** Says what keeps a text from being well-formed XML; null for nothing. Knows what the charts use: tags, attributes, text. */
function judgeXml(text: string): string | null {
  const open: string[] = [];
  let end = 0;
  const tag = /<(\/?)([a-z]+)((?: [\w-]+="[^"<]*")*)(\/?)>/gi;
  for (const match of text.matchAll(tag)) {
    const between = text.slice(end, match.index);
    if (/[<>]|&(?!#\d+;)/.test(between)) return `not text: ${between}`;
    end = match.index + match[0].length;
    const [, closes, name, attributes, isEmpty] = match;
    const names = [...attributes!.matchAll(/ ([\w-]+)=/g)].map(([, attribute]) => attribute);
    if (new Set(names).size < names.length) return `an attribute twice: ${match[0]}`;
    if (/&(?!#\d+;)/.test(attributes!)) return `not an attribute: ${match[0]}`;
    if (closes === "/") {
      if (open.pop() !== name) return `closes what is not open: ${match[0]}`;
    } else if (isEmpty === "" && name !== undefined) open.push(name);
  }
  if (text.slice(end).trim() !== "") return `after the end: ${text.slice(end)}`;
  return open.length > 0 ? `left open: ${open}` : null;
}

describe("charts", () => {
  const charts = drawCharts(results);

  test("are drawn for all that was measured", () => {
    expect(Object.keys(charts)).toEqual(["requests.svg", "cpu.svg", "latency.svg", "slow-neighbour.svg"]);
    expect(drawCharts(makeResults({}))).toEqual({});
    const { beside } = results.scenarios;
    expect(Object.keys(drawCharts(makeResults({ beside: beside! })))).toEqual(["slow-neighbour.svg"]);
  });

  test.each(Object.entries(charts))("%s is well-formed, and light or dark as its reader", (_name, svg) => {
    expect(judgeXml(svg)).toBeNull();
    expect(svg).toStartWith('<svg xmlns="http://www.w3.org/2000/svg"');
    expect(svg).toContain("prefers-color-scheme:dark");
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
    // The machine's name has an ampersand.
    expect(svg).toContain("Some CPU &#38; Co, 2 cores, Linux 6.18.44, Bun 1.4.5");
  });

  test("show the figures", () => {
    expect(charts["requests.svg"]).toContain(">1.23<");
    expect(charts["cpu.svg"]).toContain(">0.75<");
    expect(charts["cpu.svg"]).toContain(">1.25<");
    expect(charts["latency.svg"]).toContain("epollo, p99, 64 connections: 444 us");
    expect(charts["latency.svg"]).toContain("Bun.serve, p50, 1 connections: 7 us");
    expect(charts["slow-neighbour.svg"]).toContain(">160 ms<");
    expect(charts["slow-neighbour.svg"]).toContain(">4.2 ms<");
  });

  test("cut a bar that is too long, and say so", () => {
    expect(charts["requests.svg"]).toContain(">9.00 →<");
    const widths = [...charts["requests.svg"]!.matchAll(/<rect x="220"[^>]* width="([\d.]+)"/g)].map(
      ([, width]) => Number(width),
    );
    // epollo's, 1.23 and 9 of a limit of 2.5; Bun.serve is the line at 1.
    expect(widths).toEqual([275.5, 560]);
    expect(charts["requests.svg"]).toContain('<line class="one" x1="444"');
  });

  test("leave out what was not measured", () => {
    expect(charts["requests.svg"]).not.toContain("node:http");
    expect(charts["requests.svg"]).not.toContain("beside");
  });

  test("this test can fail", () => {
    expect(judgeXml("<a><b></a></b>")).not.toBeNull();
    expect(judgeXml("<a>1 & 2</a>")).not.toBeNull();
    expect(judgeXml("<a>1 < 2</a>")).not.toBeNull();
    expect(judgeXml('<a x="1" x="2"/>')).not.toBeNull();
    expect(judgeXml("<a><b/>")).not.toBeNull();
    expect(judgeXml('<a x="1"><b/>2</a>\n')).toBeNull();
  });
});

describe("parts", () => {
  test("escapeXml leaves nothing that XML takes for its own", () => {
    expect(escapeXml(`<a b="c" d='e'>&`)).toBe("&#60;a b=&#34;c&#34; d=&#39;e&#39;&#62;&#38;");
  });

  test.each([
    [7, 700, [5, 10, 20, 50, 100, 200, 500, 1000]],
    [10, 100, [10, 20, 50, 100]],
    [3, 3, [2, 5]],
  ])("logTicks from %d to %d", (low, high, ticks) => {
    expect(logTicks(low, high)).toEqual(ticks);
  });
});
