/**
 * CPU time and memory of another process, from /proc.
 *
 * Any thread; reads files and nothing else. Resolution of CPU time is one clock tick, 10 ms. Source:
 * proc_pid_stat(5), proc_pid_status(5).
 */
import { readdirSync, readFileSync } from "node:fs";

const MICROSECONDS_PER_TICK = 10_000;

/** CPU time used so far, user and system together, in microseconds. */
export interface CpuUsage {
  /** Of all threads, those that have ended included. */
  readonly processUs: number;
  /** Of the main thread alone. */
  readonly mainThreadUs: number;
}

/** Reads the CPU time that a process has used. */
export function cpuUsage(pid: number): CpuUsage {
  return {
    processUs: readTicks(`/proc/${pid}/stat`) * MICROSECONDS_PER_TICK,
    mainThreadUs: readTicks(`/proc/${pid}/task/${pid}/stat`) * MICROSECONDS_PER_TICK,
  };
}

/** Reads the resident memory of a process, in bytes. */
export function residentBytes(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"));
  return Number(line?.[1] ?? 0) * 1024;
}

/** Counts the threads of a process. */
export function threadCount(pid: number): number {
  return Number(/^Threads:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? 0);
}

/** Counts the involuntary context switches of all threads of a process so far (those that live). */
export function preemptions(pid: number): number {
  let count = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const text = readFileSync(`/proc/${pid}/task/${thread}/status`, "latin1");
    count += Number(/^nonvoluntary_ctxt_switches:\s+(\d+)$/m.exec(text)?.[1] ?? 0);
  }
  return count;
}

function readTicks(path: string): number {
  const text = readFileSync(path, "latin1");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}
