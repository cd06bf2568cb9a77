import { describe, expect, test } from "bun:test";
import {
  countOf,
  type Histogram,
  percentile,
  withoutCorrection,
  withoutSlowest,
} from "../../bench/support/histogram.ts";

function histogramOf(latenciesUs: readonly number[]): Histogram {
  const counts = new Map<number, number>();
  for (const latency of latenciesUs) counts.set(latency, (counts.get(latency) ?? 0) + 1);
  const valuesUs = [...counts.keys()].sort((left, right) => left - right);
  return { valuesUs, counts: valuesUs.map((value) => counts.get(value)!) };
}

/** What wrk does to its latencies: stats_correct of its src/stats.c. */
function corrected(histogram: Histogram, intervalUs: number): Histogram {
  const max = histogram.valuesUs.at(-1) ?? 0;
  const data: number[] = new Array(max + 1).fill(0);
  histogram.valuesUs.forEach((value, index) => {
    data[value] = histogram.counts[index]!;
  });
  for (let n = 2 * intervalUs; n <= max; n++) {
    for (let m = n - intervalUs; m > intervalUs; m -= intervalUs) data[m]! += data[n]!;
  }
  const valuesUs = data.flatMap((count, value) => (count > 0 ? [value] : []));
  return { valuesUs, counts: valuesUs.map((value) => data[value]!) };
}

describe("percentile", () => {
  const histogram = histogramOf([10, 20, 20, 30, 40, 50, 60, 70, 80, 1000]);

  test.each([
    [50, 40],
    [90, 80],
    [99, 1000],
    [100, 1000],
    [10, 10],
    [0, 10],
  ])("%d % is %d us", (percent, expected) => {
    expect(percentile(histogram, percent)).toBe(expected);
  });

  test("of nothing is 0", () => {
    expect(percentile(histogramOf([]), 99)).toBe(0);
  });
});

describe("withoutCorrection", () => {
  test("takes back what wrk adds, whatever was measured", () => {
    let seed = 12345;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      return (seed >>> 8) % below;
    };
    for (let run = 0; run < 50; run++) {
      const latencies = Array.from({ length: 200 }, () =>
        random(10) === 0 ? random(20_000) : 1 + random(300),
      );
      const measured = histogramOf(latencies);
      const intervalUs = 20 + random(400);
      const added = corrected(measured, intervalUs);
      expect(countOf(added)).toBeGreaterThan(countOf(measured));
      expect(withoutCorrection(added, intervalUs)).toEqual(measured);
    }
  });

  test("leaves alone what is shorter than two intervals", () => {
    const histogram = histogramOf([10, 20, 199]);
    expect(withoutCorrection(histogram, 100)).toEqual(histogram);
  });
});

describe("withoutSlowest", () => {
  test("leaves out so many from the top", () => {
    const histogram = histogramOf([10, 10, 20, 30, 30, 30]);
    expect(percentile(withoutSlowest(histogram, 2), 100)).toBe(30);
    expect(percentile(withoutSlowest(histogram, 3), 100)).toBe(20);
    expect(countOf(withoutSlowest(histogram, 4))).toBe(2);
    expect(countOf(histogram)).toBe(6);
  });
});
