/**
 * What /proc says about a process: descriptors, threads, sockets, CPU. For tests that assert that nothing is left.
 *
 * Linux only, any thread; reads files and nothing else. Source: proc_pid_fd(5), proc_pid_task(5), proc_pid_stat(5).
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Counts the open descriptors of a process (default: this one), the one used for counting not included. */
export function fdCount(pid: number = process.pid): number {
  const count = readdirSync(`/proc/${pid}/fd`).length;
  return pid === process.pid ? count - 1 : count;
}

/**
 * Waits until a server of a process (default: this one) has started its acceptor, the last thread that it starts by itself, and the
 * process has as many descriptors as 200 ms before; gives how many.
 */
export async function settledDescriptors(pid: number = process.pid): Promise<number> {
  await eventually(
    "the acceptor to start",
    () => threadNames(pid),
    (names) => names.includes("epollo acceptor"),
  );
  for (;;) {
    const before = fdCount(pid);
    await Bun.sleep(200);
    if (fdCount(pid) === before) return before;
  }
}

/** Lists the open descriptors of a process (default: this one), each with what it is: `7 socket:[123]`. */
export function openDescriptors(pid: number = process.pid): ReadonlySet<string> {
  const found = new Set<string>();
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      found.add(`${fd} ${readlinkSync(`/proc/${pid}/fd/${fd}`)}`);
    } catch {
      // The descriptor of the directory listing itself, or one closed meanwhile.
    }
  }
  return found;
}

/** Lists what this process has opened after `before` was listed and not closed; what others close meanwhile makes no difference. */
export function openedSince(before: ReadonlySet<string>): string[] {
  return [...openDescriptors()].filter((descriptor) => !before.has(descriptor));
}

/** Counts the descriptors of this process of a folder and what lies in it, files that were removed included. */
export function openIn(folder: string): number {
  return [...openDescriptors()].filter((descriptor) => descriptor.includes(` ${folder}`)).length;
}

/** Counts the open sockets of a process (default: this one). */
export function socketCount(pid: number = process.pid): number {
  return [...openDescriptors(pid)].filter((descriptor) => /^\d+ socket:/.test(descriptor)).length;
}

/** Counts the threads of a process (default: this one). */
export function threadCount(pid: number = process.pid): number {
  return readdirSync(`/proc/${pid}/task`).length;
}

/** User and system CPU time of all threads of a process so far, in clock ticks of 10 ms. */
export function cpuTicks(pid: number = process.pid): number {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

/**
 * Polls until `read()` satisfies `isDone`, and returns the value; fails with the last value after `timeoutMs`
 * (default 20,000). For states that settle soon but at no stated moment.
 */
export async function eventually<T>(
  what: string,
  read: () => T | Promise<T>,
  isDone: (value: T) => boolean,
  timeoutMs: number = 20_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await read();
    if (isDone(value)) return value;
    if (Date.now() > deadline)
      throw new Error(`${what}: still ${JSON.stringify(value)} after ${timeoutMs} ms`);
    await Bun.sleep(5);
  }
}

/** Reads the names of the threads of a process, 15 bytes of each. Source: proc_pid_comm(5). */
export function threadNames(pid: number): string[] {
  const names: string[] = [];
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      names.push(readFileSync(`/proc/${pid}/task/${thread}/comm`, "utf8").trim());
    } catch {
      // It has ended meanwhile.
    }
  }
  return names;
}
