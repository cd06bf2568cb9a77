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
import { storeUint64 } from "./layout.ts";
import { NativeBuffer } from "./native-buffer.ts";

/** struct sched_attr up to sched_period: u32 size, u32 policy, u64 flags, s32 nice, u32 priority, u64 runtime, ... */
const SCHED_ATTR_BYTES = 48;
const RUNTIME_WORD = 6;
const SYS_SCHED_SETATTR = process.arch === "arm64" ? 274 : 314;
const SYS_SCHED_GETATTR = process.arch === "arm64" ? 275 : 315;
/** The shortest slice that the kernel grants, in ns. */
const SLICE_NS = 100_000;

/**
 * Asks for the shortest time slice for this thread. Policy and niceness stay as they are.
 *
 * @returns 0, or -errno (EINVAL, EPERM, ENOSYS: as before)
 */
export function requestShortSlice(): number {
  const attributes = NativeBuffer.allocate(SCHED_ATTR_BYTES);
  const result = syscall(SYS_SCHED_GETATTR, 0, attributes.address, SCHED_ATTR_BYTES, 0);
  if (result < 0) return result;
  const words = attributes.int32();
  words[0] = SCHED_ATTR_BYTES;
  storeUint64(words, RUNTIME_WORD, SLICE_NS);
  return syscall(SYS_SCHED_SETATTR, 0, attributes.address, 0, 0);
}
