/** Reads what the script of ./wrk-script.ts made wrk print. Pure: text in, numbers out. */
import { countOf, type Histogram, percentile, withoutCorrection, withoutSlowest } from "./histogram.ts";
import type { Load } from "./wrk-script.ts";

/** What wrk measured. */
export interface LoadResult {
  readonly requests: number;
  readonly durationUs: number;
  readonly requestsPerSecond: number;
  /** Latencies of requests that were made; of the quick ones alone where the load has slow ones. */
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
  /** Answers of status 400 and above, and connect, read, write and timeout errors. */
  readonly errors: number;
  /** Whether the latencies are wrk's own, with what it adds. */
  readonly areLatenciesCorrected: boolean;
  /** CPU time of wrk by wall-clock time; 1 is one core. */
  readonly clientCoresBusy: number;
}

interface RawResult {
  requests: number;
  durationUs: number;
  intervalUs: number;
  p50Us: number;
  p99Us: number;
  p999Us: number;
  maxUs: number;
  errors: number;
  readErrors: number;
  areLatenciesCorrected: boolean;
  hasLatencies: boolean;
  readingUs: number;
}

/**
 * Reads wrk's output; null when the line with the result is not there.
 *
 * Slow requests of a mixed load are taken out as the slowest of all: wrk does not tell which was which. Where quick ones waited
 * longer than slow ones took, the figure is too low, so it flatters the servers that do worst.
 *
 * With a connection for each request one failing read for each is no error: a server that closes as it was asked to, but
 * does not announce it in the answer (Bun.serve, epollo, the floor), has wrk try the connection once more.
 *
 * @param cpuUs CPU time of the wrk process; what it took to read the latencies is subtracted
 */
export function parseOutput(output: string, load: Load, cpuUs: number): LoadResult | null {
  const line = /^RESULT (.*)$/m.exec(output);
  if (line === null) return null;
  const raw = JSON.parse(line[1]!) as RawResult;
  let { p50Us, p99Us, p999Us, maxUs } = raw;
  if (raw.hasLatencies) {
    let histogram = parseLatencies(output);
    if (countOf(histogram) > raw.requests) histogram = withoutCorrection(histogram, raw.intervalUs);
    if (load.slowEvery !== undefined)
      histogram = withoutSlowest(histogram, Math.round(raw.requests / load.slowEvery));
    p50Us = percentile(histogram, 50);
    p99Us = percentile(histogram, 99);
    p999Us = percentile(histogram, 99.9);
    maxUs = percentile(histogram, 100);
  }
  return {
    requests: raw.requests,
    durationUs: raw.durationUs,
    requestsPerSecond: raw.requests / (raw.durationUs / 1e6),
    p50Us,
    p99Us,
    p999Us,
    maxUs,
    errors: raw.errors + Math.max(0, raw.readErrors - (load.closes === true ? raw.requests : 0)),
    areLatenciesCorrected: raw.areLatenciesCorrected,
    clientCoresBusy: Math.max(0, cpuUs - raw.readingUs) / raw.durationUs,
  };
}

function parseLatencies(output: string): Histogram {
  const valuesUs: number[] = [];
  const counts: number[] = [];
  for (const [, value, count] of output.matchAll(/^LATENCY (\d+) (\d+)$/gm)) {
    valuesUs.push(Number(value));
    counts.push(Number(count));
  }
  return { valuesUs, counts };
}
