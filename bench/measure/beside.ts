/**
 * What a slow handler does to the others: 4 connections on a handler that computes for 20 ms, and 8 on a trivial one.
 *
 * Two wrk processes load one server at the same time; the latency of the trivial requests is what counts. The slow load
 * starts 300 ms earlier and ends later, so that every trivial request meets it. The "alone" figures are those of the trivial
 * load without it.
 */
import { runLoad } from "../support/wrk.ts";
import type { MeasureRunning } from "./context.ts";
import { loadOf, measureLoad } from "./load.ts";

const SLOW = { path: "/cpu/20", connections: 4 };
const AHEAD_MS = 300;

/** Measures a scenario of the kind "beside". CPU figures are left out: they would be those of both loads. */
export const measureBeside: MeasureRunning = async (run, scenario, peer, others) => {
  const load = loadOf(run, scenario);
  const alone = await runLoad(peer.port, { ...load, seconds: 1 }, run.clientCpus);
  const slow = runLoad(peer.port, { ...SLOW, seconds: run.seconds + 1 }, run.clientCpus);
  await Bun.sleep(AHEAD_MS);
  const { requestsPerSecond, p50Us, p99Us, p999Us, maxUs, errors, areLatenciesCorrected, othersBusy } =
    await measureLoad(run, load, peer, others);
  const { requestsPerSecond: slowPerSecond, errors: slowErrors } = await slow;
  return {
    requestsPerSecond: requestsPerSecond!,
    p50Us: p50Us!,
    p99Us: p99Us!,
    p999Us: p999Us!,
    maxUs: maxUs!,
    errors: errors! + slowErrors,
    areLatenciesCorrected: areLatenciesCorrected!,
    othersBusy: othersBusy!,
    slowPerSecond,
    aloneP50Us: alone.p50Us,
    aloneP99Us: alone.p99Us,
  };
};
