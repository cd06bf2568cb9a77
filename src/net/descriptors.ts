/**
 * How many descriptors this process may have, and whether it has some left.
 *
 * Any thread. Knows nothing of what they are for. A process that runs out of them can do less than one would think: it
 * cannot load a module, and Bun ends the whole process when it starts a Worker without one. So whoever takes
 * descriptors from outside, the acceptor, leaves a reserve, and whoever starts a thread asks first.
 *
 * The kernel gives the lowest free number: a new descriptor's number says how many are in use at least, without a call.
 * Source: getrlimit(2), dup(2).
 */
import { close, open, syscall } from "../../ffi/calls.ts";
import { O_CLOEXEC, O_RDONLY, RLIMIT_NOFILE, SYS_PRLIMIT64 } from "../../ffi/constants.ts";
import { loadUint64 } from "../../ffi/layout.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";

/** The longest reserve. */
const MOST_RESERVED = 64;
/** The reserve of a process with few descriptors is this part of them. */
const PART_RESERVED = 8;

const nullDevice = NativeBuffer.cString("/dev/null");
/** struct rlimit: soft limit u64, hard limit u64. */
const limit = NativeBuffer.allocate(16);
const limitWords = limit.int32();

/** How many descriptors the process may have now (RLIMIT_NOFILE, soft); Infinity when the kernel does not tell. */
export function descriptorLimit(): number {
  if (syscall(SYS_PRLIMIT64, 0, RLIMIT_NOFILE, 0, limit.address) < 0) return Number.POSITIVE_INFINITY;
  return loadUint64(limitWords, 0);
}

/** The number from which on a descriptor belongs to the reserve: files, threads and what user code opens need some. */
export function firstReserved(): number {
  const most = descriptorLimit();
  return most - Math.min(MOST_RESERVED, Math.floor(most / PART_RESERVED));
}

/** Whether `count` more descriptors can be had now, on this thread at this moment. Makes two system calls for each. */
export function hasDescriptors(count: number): boolean {
  const opened: number[] = [];
  for (let i = 0; i < count; i++) {
    const fd = open(nullDevice.address, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) break;
    opened.push(fd);
  }
  for (const fd of opened) close(fd);
  return opened.length === count;
}
