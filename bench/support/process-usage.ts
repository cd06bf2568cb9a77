/**
 * CPU time and memory of other processes, and CPU time of the whole machine, from /proc.
 *
 * Any thread; reads files and nothing else. Resolution of CPU time is one clock tick, 10 ms. Source:
 * proc_pid_stat(5), proc_pid_status(5), proc_stat(5). All but `cpuUsage` of one process take a server as a tree: the process that the
 * benchmark started and all that came from it (cluster workers, nginx's workers).
 */
import { readdirSync, readFileSync } from "node:fs";

const MICROSECONDS_PER_TICK = 10_000;

/** CPU time used so far, in microseconds. */
export interface CpuUsage {
  /** Of all threads of all processes, those that have ended included. */
  readonly userUs: number;
  readonly systemUs: number;
  /** Both together. */
  readonly totalUs: number;
  /** Of the main thread of the first process alone. */
  readonly mainThreadUs: number;
}

/** Finds a process and all its descendants that live; the process itself is the first. */
export function processTree(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    const child = Number(name);
    if (!Number.isInteger(child)) continue;
    const fields = statFields(`/proc/${child}/stat`);
    if (fields === null) continue;
    const parent = Number(fields[1]);
    children.set(parent, [...(children.get(parent) ?? []), child]);
  }
  const tree = [pid];
  // The list grows while it is walked: that is the walk.
  for (const member of tree) tree.push(...(children.get(member) ?? []));
  return tree;
}

/** Reads the CPU time that processes have used, `pids[0]` being the one whose main thread counts. */
export function cpuUsage(pids: readonly number[]): CpuUsage {
  let userUs = 0;
  let systemUs = 0;
  for (const pid of pids) {
    const fields = statFields(`/proc/${pid}/stat`);
    userUs += Number(fields?.[11] ?? 0) * MICROSECONDS_PER_TICK;
    systemUs += Number(fields?.[12] ?? 0) * MICROSECONDS_PER_TICK;
  }
  const main = statFields(`/proc/${pids[0]}/task/${pids[0]}/stat`);
  const mainTicks = main === null ? 0 : Number(main[11]) + Number(main[12]);
  return { userUs, systemUs, totalUs: userUs + systemUs, mainThreadUs: mainTicks * MICROSECONDS_PER_TICK };
}

/**
 * Reads the CPU time that the whole machine has used so far, in microseconds: all processes, the client included, and
 * interrupts. Over loopback most of TCP runs in softirqs, which are charged to whoever is on the processor: of large
 * answers a server's own time tells little.
 */
export function machineUs(): number {
  const [user, nice, system, , , irq, softirq] = readFileSync("/proc/stat", "latin1")
    .slice("cpu ".length, 200)
    .trim()
    .split(" ", 7)
    .map(Number);
  return (user! + nice! + system! + irq! + softirq!) * MICROSECONDS_PER_TICK;
}

/** Reads the resident memory of processes, in bytes; pages that they share count for each. */
export function residentBytes(pids: readonly number[]): number {
  let bytes = 0;
  for (const pid of pids) {
    const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"));
    bytes += Number(line?.[1] ?? 0) * 1024;
  }
  return bytes;
}

/** Waits until the resident memory of a process and its descendants has changed by less than 64 KiB for 2 s (30 s at most), and returns it. */
export async function settledResidentBytes(pid: number): Promise<number> {
  const pids = processTree(pid);
  let last = residentBytes(pids);
  let stillFor = 0;
  for (let quarter = 0; quarter < 120 && stillFor < 8; quarter++) {
    await Bun.sleep(250);
    const now = residentBytes(pids);
    stillFor = Math.abs(now - last) < 65_536 ? stillFor + 1 : 0;
    last = now;
  }
  return last;
}

/** Counts the involuntary context switches of all threads of processes so far (those that live). */
export function preemptions(pids: readonly number[]): number {
  let count = 0;
  for (const pid of pids) {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      let text: string;
      try {
        text = readFileSync(`/proc/${pid}/task/${thread}/status`, "latin1");
      } catch {
        continue;
      }
      count += Number(/^nonvoluntary_ctxt_switches:\s+(\d+)$/m.exec(text)?.[1] ?? 0);
    }
  }
  return count;
}

/** The fields of a stat file from the third, the state, on; null when the process or thread has ended. */
function statFields(path: string): string[] | null {
  let text: string;
  try {
    text = readFileSync(path, "latin1");
  } catch {
    return null;
  }
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}
