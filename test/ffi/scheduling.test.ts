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

// On a thread of its own: the wish lasts as long as the thread.
async function ask(): Promise<Report> {
  const worker = new Worker(new URL("./scheduling-worker.ts", import.meta.url));
  try {
    return await new Promise<Report>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data as Report);
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
  const [major, minor] = readFileSync("/proc/sys/kernel/osrelease", "latin1").split(".").map(Number);
  const grantsSlices = major! > 6 || (major === 6 && minor! >= 12);
  // A sandbox may refuse the call, and a kernel without CONFIG_SCHED_DEBUG shows no slice.
  if (result !== 0 || before < 0) return;
  // Older kernels take the call and ignore the slice.
  expect(after).toBe(grantsSlices ? 100_000 : before);
});
