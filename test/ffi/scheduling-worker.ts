/** Asks for a short time slice and reports what the kernel then says of this thread. */
import { readFileSync } from "node:fs";
import { requestShortSlice } from "../../ffi/scheduling.ts";

declare const self: Worker;

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

/** The thread's time slice in ns, -1 where the kernel does not show it. */
function sliceNs(): number {
  const line = /^se\.slice\s*:\s*(\d+)/m.exec(read("/proc/thread-self/sched"));
  return line === null ? -1 : Number(line[1]);
}

const before = sliceNs();
const result = requestShortSlice();
const after = sliceNs();
// The fields behind the name in parentheses: state is the third of all, nice the 19th, policy the 41st. proc_pid_stat(5).
const fields = read("/proc/thread-self/stat")
  .replace(/^.*\) /s, "")
  .split(" ");
self.postMessage({ result, before, after, policy: fields[38], nice: Number(fields[16]) });
