/**
 * What the calling thread has used of a processor, and how often it has waited.
 *
 * The time is read from CLOCK_THREAD_CPUTIME_ID, for which the kernel brings its count up to this instant. getrusage(2) gives
 * what it counted last, at a tick (each 4 ms where HZ is 250) or a switch: of a run of 1 ms it knows nothing, or it ascribes
 * to it what came before. Only the number of waits is taken from there.
 *
 * Sources: clock_gettime(2), getrusage(2) with RUSAGE_THREAD.
 */
import { RUSAGE_SIZE_BYTES, RUSAGE_VOLUNTARY_SWITCHES_OFFSET } from "./layout.ts";
import { libc } from "./libc.ts";
import { NativeBuffer } from "./native-buffer.ts";

const RUSAGE_THREAD = 1;
const CLOCK_THREAD_CPUTIME_ID = 3;
const SWITCHES_WORD = RUSAGE_VOLUNTARY_SWITCHES_OFFSET >> 2;

const usage = NativeBuffer.allocate(RUSAGE_SIZE_BYTES);
const words = usage.int32();
const timespec = NativeBuffer.allocate(16);
const time = timespec.int32();

/** What a thread has used; the same object for each reading. */
export interface ThreadUsage {
  /** Milliseconds on a processor, with fractions. */
  cpuMs: number;
  /** How often it gave up the processor because it had to wait. */
  waits: number;
}

/** Reads what this thread has used so far into `into`. Two system calls, about 1 us. */
export function readThreadUsage(into: ThreadUsage): void {
  libc.clock_gettime(CLOCK_THREAD_CPUTIME_ID, timespec.address);
  libc.getrusage(RUSAGE_THREAD, usage.address);
  // The high words are 0: of the seconds for 68 years, of the nanoseconds always, of the count for 2^31 waits.
  into.cpuMs = time[0]! * 1000 + time[2]! / 1e6;
  into.waits = words[SWITCHES_WORD]!;
}
