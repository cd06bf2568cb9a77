import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { errnoName } from "../../ffi/errno.ts";

/** What a Worker of its own says: the result of the call, and its time slice before and after in ns (-1: not shown). */
interface Report {
  readonly result: number;
  readonly before: number;
  readonly after: number;
  readonly policy: string;
  readonly nice: number;
}

/** The same for a slice that is borrowed; `atLast` is the thread's own when it was given back. */
interface Borrowed extends Omit<Report, "result"> {
  readonly isGranted: boolean;
  readonly atLast: number;
}

function grantsSlices(): boolean {
  const [major, minor] = readFileSync("/proc/sys/kernel/osrelease", "latin1").split(".").map(Number);
  return major! > 6 || (major === 6 && minor! >= 12);
}

// On a thread of its own: the wish lasts as long as the thread.
async function ask<T = Report>(what: string = "request"): Promise<T> {
  const options = { workerData: what } as WorkerOptions;
  const worker = new Worker(new URL("./scheduling-worker.ts", import.meta.url), options);
  try {
    return await new Promise<T>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data as T);
      worker.onerror = reject;
    });
  } finally {
    worker.terminate();
  }
}

test("gives 0, or the negative number of a known error, and changes neither policy nor priority", async () => {
  const { result, policy, nice } = await ask();
  if (result !== 0) {
    expect(result).toBeLessThan(0);
    expect(["EINVAL", "EPERM", "ENOSYS"]).toContain(errnoName(result));
  }
  expect([policy, nice]).toEqual(["0", 0]);
});

test("leaves the thread with the shortest slice where the kernel shows and grants slices of a thread's own", async () => {
  const { result, before, after } = await ask();
  // A sandbox may refuse the call, and a kernel without CONFIG_SCHED_DEBUG shows no slice.
  if (result !== 0 || before < 0) return;
  // Older kernels take the call and ignore the slice.
  expect(after).toBe(grantsSlices() ? 100_000 : before);
});

test("a borrowed slice is the shortest one, and the thread has its own again when it is given back", async () => {
  const { isGranted, before, after, atLast, policy, nice } = await ask<Borrowed>("borrow");
  expect([policy, nice]).toEqual(["0", 0]);
  if (!isGranted || before < 0) return;
  expect([after, atLast]).toEqual([grantsSlices() ? 100_000 : before, before]);
});

test("a process started by a thread that has borrowed a slice does not inherit it", async () => {
  const script = [
    `import { borrowShortSlice } from ${JSON.stringify(new URL("../../ffi/scheduling.ts", import.meta.url).pathname)};`,
    "const own = () => Bun.spawnSync(['grep', 'se.slice', '/proc/self/sched']).stdout.toString().replace(/\\D/g, '');",
    "const before = own();",
    "borrowShortSlice();",
    "console.log(JSON.stringify([before, own()]));",
  ].join("\n");
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
  const [before, after] = JSON.parse(await new Response(child.stdout).text()) as string[];
  expect(after).toBe(before!);
  expect(await child.exited).toBe(0);
});
