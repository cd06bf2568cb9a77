/** CLOCK_MONOTONIC as the C library gives it. clock_gettime(2). */
import { libc } from "../../ffi/libc.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";

const CLOCK_MONOTONIC = 1;
const timespec = NativeBuffer.allocate(16);

/** Milliseconds of the monotonic clock, with fractions. */
export function clockGettime(): number {
  libc.clock_gettime(CLOCK_MONOTONIC, timespec.address);
  const { bytes } = timespec;
  return Number(bytes.readBigInt64LE(0)) * 1000 + Number(bytes.readBigInt64LE(8)) / 1e6;
}
