/**
 * What the calling thread has used of a processor, and how often it has waited.
 *
 * Source: getrusage(2) with RUSAGE_THREAD. The kernel scales user and system time so that their sum is the time for which the
 * thread was on a processor, to the microsecond.
 */
import { RUSAGE_SIZE_BYTES, RUSAGE_VOLUNTARY_SWITCHES_OFFSET } from "./layout.ts";
import { libc } from "./libc.ts";
import { NativeBuffer } from "./native-buffer.ts";

const RUSAGE_THREAD = 1;
const SWITCHES_WORD = RUSAGE_VOLUNTARY_SWITCHES_OFFSET >> 2;

const usage = NativeBuffer.allocate(RUSAGE_SIZE_BYTES);
const words = usage.int32();

/** What a thread has used; the same object for each reading. */
export interface ThreadUsage {
  /** Milliseconds on a processor, with fractions. */
  cpuMs: number;
  /** How often it gave up the processor because it had to wait. */
  waits: number;
}

/** Reads what this thread has used so far into `into`. A system call, about 0.3 us. */
export function readThreadUsage(into: ThreadUsage): void {
  libc.getrusage(RUSAGE_THREAD, usage.address);
  // The high words are 0: of the seconds for 68 years, of the microseconds always, of the count for 2^31 waits.
  into.cpuMs = (words[0]! + words[4]!) * 1000 + (words[2]! + words[6]!) / 1000;
  into.waits = words[SWITCHES_WORD]!;
}
