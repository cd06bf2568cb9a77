/**
 * The monotonic clock that all threads of the process share.
 *
 * `performance.now()` is the cheapest clock (32 ns) but counts from the start of each Worker. It runs on
 * CLOCK_MONOTONIC, so the distance between the two is constant for a thread: it is measured once, when the thread
 * loads this file, and added from then on.
 *
 * Source: clock_gettime(2).
 */
import { read } from "bun:ffi";
import { libc } from "./libc.ts";
import { NativeBuffer } from "./native-buffer.ts";

const CLOCK_MONOTONIC = 1;

function measureOffset(): number {
  const timespec = NativeBuffer.allocate(16);
  const before = performance.now();
  libc.clock_gettime(CLOCK_MONOTONIC, timespec.address);
  const after = performance.now();
  const ms = Number(read.i64(timespec.address, 0)) * 1000 + Number(read.i64(timespec.address, 8)) / 1e6;
  return ms - (before + after) / 2;
}

const offset = measureOffset();

/** Milliseconds of CLOCK_MONOTONIC, with fractions; comparable between threads. */
export function monotonicMs(): number {
  return performance.now() + offset;
}
