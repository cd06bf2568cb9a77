/**
 * Latencies as counts by microsecond: percentiles, and taking back the correction that wrk makes. Pure.
 *
 * wrk (4.0 on) adds latencies that nobody measured ("coordinated omission"): with `interval` the mean time between two
 * requests of a connection, each latency n of 2 intervals or more brings further ones of n - interval, n - 2 interval
 * ... down to one interval. Where 1 of 100 requests takes 200 ms and the others 0.1 ms, its median says 12 us and its 90th percentile
 * 160 ms. What wrk adds lies below what it was added for, and it goes through the values upward, so that going through
 * them downward takes back exactly what was added (stats_correct in wrk's src/stats.c).
 */

/** Counts of latencies: ascending values in microseconds, and how often each was measured. */
export interface Histogram {
  readonly valuesUs: readonly number[];
  readonly counts: readonly number[];
}

/** How many latencies there are. */
export function countOf(histogram: Histogram): number {
  return histogram.counts.reduce((sum, count) => sum + count, 0);
}

/**
 * Takes wrk's additions out of a histogram.
 *
 * @param intervalUs wrk's interval: the run's duration by the number of requests of a connection, both whole numbers
 */
export function withoutCorrection(histogram: Histogram, intervalUs: number): Histogram {
  const counts = new Map<number, number>();
  histogram.valuesUs.forEach((value, index) => {
    counts.set(value, histogram.counts[index]!);
  });
  for (let index = histogram.valuesUs.length - 1; index >= 0; index--) {
    const value = histogram.valuesUs[index]!;
    const count = counts.get(value)!;
    if (value < 2 * intervalUs || count === 0) continue;
    for (let added = value - intervalUs; added > intervalUs; added -= intervalUs)
      counts.set(added, (counts.get(added) ?? 0) - count);
  }
  const valuesUs = histogram.valuesUs.filter((value) => counts.get(value)! > 0);
  return { valuesUs, counts: valuesUs.map((value) => counts.get(value)!) };
}

/** Leaves out the `count` slowest. */
export function withoutSlowest(histogram: Histogram, count: number): Histogram {
  const counts = [...histogram.counts];
  for (let index = counts.length - 1, left = count; index >= 0 && left > 0; index--) {
    const taken = Math.min(counts[index]!, left);
    counts[index]! -= taken;
    left -= taken;
  }
  return { valuesUs: histogram.valuesUs, counts };
}

/** The least value that is not below `percent` of all, in microseconds; 0 of none. */
export function percentile(histogram: Histogram, percent: number): number {
  const wanted = Math.ceil((countOf(histogram) * percent) / 100);
  let seen = 0;
  for (let index = 0; index < histogram.valuesUs.length; index++) {
    seen += histogram.counts[index]!;
    if (seen >= wanted && seen > 0) return histogram.valuesUs[index]!;
  }
  return 0;
}
