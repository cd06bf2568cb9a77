/**
 * How the kernel schedules this thread among those that compute.
 *
 * Linux 6.12 and later (EEVDF) let a thread of the normal policy ask for its own time slice, without privileges. A thread
 * with a short slice gets the processor soon after it wakes, since its virtual deadline is near, and can be interrupted
 * as soon; its share of the processor stays what it was. That is what a server wants of all its threads: one that
 * computes for 20 ms gives way to one that answers in 20 us.
 *
 * Older kernels ignore the wish. Source: sched_setattr(2), linux/sched/types.h, Documentation/scheduler/sched-eevdf.rst.
 */
import { syscall } from "./calls.ts";
import { loadUint64, storeUint64 } from "./layout.ts";
import { libc } from "./libc.ts";
import { NativeBuffer } from "./native-buffer.ts";

/** struct sched_attr up to sched_period: u32 size, u32 policy, u64 flags, s32 nice, u32 priority, u64 runtime, ... */
const SCHED_ATTR_BYTES = 48;
const POLICY_WORD = 1;
const FLAGS_WORD = 2;
const NICE_WORD = 4;
const RUNTIME_WORD = 6;
const SYS_SCHED_SETATTR = process.arch === "arm64" ? 274 : 314;
const SYS_SCHED_GETATTR = process.arch === "arm64" ? 275 : 315;
const SCHED_OTHER = 0;
const SCHED_FLAG_RESET_ON_FORK = 1;
/** The shortest slice that the kernel grants, in ns. */
const SLICE_NS = 100_000;

/** Lets other threads that wait for this processor run first. sched_yield(2). */
export const yieldProcessor: () => number = libc.sched_yield;

/**
 * Asks for the shortest time slice for this thread. Policy and niceness stay as they are.
 *
 * @returns 0, or -errno (EINVAL, EPERM, ENOSYS: as before)
 */
export function requestShortSlice(): number {
  const attributes = NativeBuffer.allocate(SCHED_ATTR_BYTES);
  const result = readAttributes(attributes);
  return result < 0 ? result : requestSlice(attributes, SLICE_NS);
}

/**
 * The same for a thread that is not ours alone: what it starts meanwhile, threads and processes, does not inherit the
 * slice, and it gets its own back.
 *
 * @returns gives the former slice back; null when the kernel has refused
 */
export function borrowShortSlice(): (() => void) | null {
  const attributes = NativeBuffer.allocate(SCHED_ATTR_BYTES);
  if (readAttributes(attributes) < 0) return null;
  const words = attributes.int32();
  const formerNs = loadUint64(words, RUNTIME_WORD);
  // With a policy or niceness of its own this flag would reset those too. It stays: only a privileged thread may take it off.
  if (words[POLICY_WORD] === SCHED_OTHER && words[NICE_WORD] === 0)
    words[FLAGS_WORD]! |= SCHED_FLAG_RESET_ON_FORK;
  if (requestSlice(attributes, SLICE_NS) < 0) return null;
  return () => {
    if (readAttributes(attributes) === 0) requestSlice(attributes, formerNs);
  };
}

function readAttributes(attributes: NativeBuffer): number {
  return syscall(SYS_SCHED_GETATTR, 0, attributes.address, SCHED_ATTR_BYTES, 0);
}

function requestSlice(attributes: NativeBuffer, nanoseconds: number): number {
  const words = attributes.int32();
  words[0] = SCHED_ATTR_BYTES;
  storeUint64(words, RUNTIME_WORD, nanoseconds);
  return syscall(SYS_SCHED_SETATTR, 0, attributes.address, 0, 0);
}
