/**
 * Loads a server with wrk: requests by second, latencies, and what it costs in CPU, client and server apart.
 *
 * With connections that are held meanwhile, the same load goes before them without: the difference is their price.
 */
import type { Scenario } from "../scenarios.ts";
import { holdConnections } from "../support/held.ts";
import type { Peer } from "../support/peers.ts";
import { cpuUsage, machineUs, preemptions, processTree } from "../support/process-usage.ts";
import { runLoad } from "../support/wrk.ts";
import type { Load } from "../support/wrk-script.ts";
import type { MeasureRunning, Measures, Run } from "./context.ts";

/** wrk that is this busy, by its threads, has no more to give. */
const CLIENT_FULL = 0.95;
/** A server that is less busy than this, by the cores it could use, waits for something. */
const SERVER_FULL = 0.9;

/** The scenario's load, as long and from as many threads as the run says. */
export function loadOf(run: Run, scenario: Scenario): Load {
  return { ...scenario.load, seconds: run.seconds, threads: run.clientThreads };
}

/** Whether the client, not the server, set the pace. */
export function isClientBound(
  clientCoresBusy: number,
  clientThreads: number,
  serverCoresBusy: number,
  serverCores: number,
): boolean {
  return clientCoresBusy > CLIENT_FULL * clientThreads && serverCoresBusy < SERVER_FULL * serverCores;
}

/** Loads a server and reads what it, wrk and the other servers used meanwhile. */
export async function measureLoad(
  run: Run,
  load: Load,
  peer: Peer,
  others: readonly Peer[],
): Promise<Measures> {
  const pids = processTree(peer.pid);
  const otherPids = others.flatMap((other) => processTree(other.pid));
  const othersBefore = cpuUsage(otherPids).totalUs;
  const preemptionsBefore = preemptions(pids);
  const machineBefore = machineUs();
  const before = cpuUsage(pids);
  const result = await runLoad(peer.port, load, run.clientCpus);
  const after = cpuUsage(pids);
  const machineAfter = machineUs();
  const requests = Math.max(1, result.requests);
  const coresBusy = (after.totalUs - before.totalUs) / result.durationUs;
  const clientThreads = Math.min(load.threads ?? 1, load.connections);
  const serverCores = peer.isSingle ? 1 : run.serverCores;
  return {
    requestsPerSecond: result.requestsPerSecond,
    userUsPerRequest: (after.userUs - before.userUs) / requests,
    systemUsPerRequest: (after.systemUs - before.systemUs) / requests,
    cpuUsPerRequest: (after.totalUs - before.totalUs) / requests,
    mainThreadUsPerRequest: (after.mainThreadUs - before.mainThreadUs) / requests,
    machineUsPerRequest: (machineAfter - machineBefore) / requests,
    p50Us: result.p50Us,
    p99Us: result.p99Us,
    p999Us: result.p999Us,
    maxUs: result.maxUs,
    errors: result.errors,
    areLatenciesCorrected: result.areLatenciesCorrected ? 1 : 0,
    coresBusy,
    clientCoresBusy: result.clientCoresBusy,
    othersBusy: (cpuUsage(otherPids).totalUs - othersBefore) / result.durationUs,
    preemptionsPerRequest: (preemptions(pids) - preemptionsBefore) / requests,
    isClientBound: isClientBound(result.clientCoresBusy, clientThreads, coresBusy, serverCores) ? 1 : 0,
  };
}

/** Measures a scenario of the kind "load". */
export const measureLoaded: MeasureRunning = async (run, scenario, peer, others) =>
  measureLoad(run, loadOf(run, scenario), peer, others);

/** Measures a scenario of the kind "held". */
export const measureHeld: MeasureRunning = async (run, scenario, peer, others) => {
  const load = loadOf(run, scenario);
  const alone = await measureLoad(run, load, peer, others);
  const held = await holdConnections(peer.port, scenario.held);
  try {
    const measures = await measureLoad(run, load, peer, others);
    return {
      ...measures,
      aloneCpuUsPerRequest: alone.cpuUsPerRequest!,
      aloneP50Us: alone.p50Us!,
      aloneP99Us: alone.p99Us!,
    };
  } finally {
    const left = await held.release();
    if (left < held.count) console.error(`${peer.name}: closed ${held.count - left} held connections`);
  }
};
