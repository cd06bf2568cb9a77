/** Asks for a short time slice, or borrows one, and reports what the kernel then says of this thread. */
import { readFileSync } from "node:fs";
import { workerData } from "node:worker_threads";
import { borrowShortSlice, requestShortSlice } from "../../ffi/scheduling.ts";

declare const self: Worker;

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

const SLICE = /^se\.slice\s*:\s*(\d+)/m;

/** A time slice in ns, -1 where the kernel does not show it. */
function sliceIn(text: string): number {
  const line = SLICE.exec(text);
  return line === null ? -1 : Number(line[1]);
}

function sliceNs(): number {
  return sliceIn(read("/proc/thread-self/sched"));
}

// The fields behind the name in parentheses: state is the third of all, nice the 19th, policy the 41st. proc_pid_stat(5).
function fields(): string[] {
  return read("/proc/thread-self/stat")
    .replace(/^.*\) /s, "")
    .split(" ");
}

const before = sliceNs();
if (workerData === "borrow") {
  const giveBack = borrowShortSlice();
  const after = sliceNs();
  giveBack?.();
  self.postMessage({
    isGranted: giveBack !== null,
    before,
    after,
    atLast: sliceNs(),
    policy: fields()[38],
    nice: Number(fields()[16]),
  });
} else {
  const result = requestShortSlice();
  const after = sliceNs();
  self.postMessage({ result, before, after, policy: fields()[38], nice: Number(fields()[16]) });
}
