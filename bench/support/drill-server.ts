/**
 * Starts the servers that drills mistreat, each in a process of its own, and says what such a process holds.
 *
 * The app is that of the tests (test/fixtures/app.ts: /hello, /id?id=, /echo, /slow?ms=, /cpu?ms=, /exit, /never, /bytes/<n>,
 * /stream ...), under epollo or, with `--target bun`, under the native Bun.serve. A drill that needs handlers of its own
 * names another entry module; it calls `obey` of test/fixtures/control.ts as test/fixtures/app-entry.ts does.
 */
import { fdCount, threadCount, threadNames } from "../../test/support/process-info.ts";
import {
  type Mode,
  type RunningServer,
  type StartOptions,
  startInChild,
} from "../../test/support/servers.ts";
import type { DrillRun } from "./drill.ts";
import { cpuUsage, residentBytes, settledResidentBytes } from "./process-usage.ts";

/** What a process holds at a moment. */
export interface ProcessSample {
  readonly residentBytes: number;
  readonly fds: number;
  readonly threads: number;
  /** Threads that epollo has started, by their names; the others are Bun's, which come and go (JIT, heap, pool). */
  readonly ownThreads: number;
  /** Processor time of all its threads so far. */
  readonly cpuMs: number;
}

/**
 * Starts the app, or `options.entry`, for a drill; it is stopped when the drill ends, by force if need be. Pool mode and
 * production unless said otherwise. `options.prefix` is put before the command: prlimit, strace -D.
 */
export async function startForDrill(
  run: DrillRun,
  options: StartOptions = {},
  mode: Mode = "pool",
): Promise<RunningServer> {
  const environment = {
    NODE_ENV: "production",
    EPOLLO_TARGET: run.target,
    ...options.environment,
  };
  const server = await startInChild(mode, { development: false, ...options, environment });
  run.atEnd(async () => server[Symbol.asyncDispose]());
  return server;
}

/** Reads what a process holds now. */
export function sampleProcess(pid: number): ProcessSample {
  return {
    residentBytes: residentBytes([pid]),
    fds: fdCount(pid),
    threads: threadCount(pid),
    ownThreads: threadNames(pid).filter((name) => name.startsWith("epollo")).length,
    cpuMs: cpuUsage([pid]).totalUs / 1000,
  };
}

/** Reads what a process holds once its memory has been still for 2 s (30 s at most). */
export async function settledSample(pid: number): Promise<ProcessSample> {
  await settledResidentBytes(pid);
  return sampleProcess(pid);
}

/** Measures the share of one core that a process uses over a time, 0 to the number of cores. */
export async function coresBusy(pid: number, milliseconds: number): Promise<number> {
  const before = cpuUsage([pid]).totalUs;
  const start = performance.now();
  await Bun.sleep(milliseconds);
  return (cpuUsage([pid]).totalUs - before) / 1000 / (performance.now() - start);
}
