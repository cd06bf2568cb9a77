/**
 * Bytes of an answer in memory that the C library can read from while the answer is on its way.
 */
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import { writeLatin1 } from "../http/latin1.ts";

/** Copies the head of an answer, and a part of its body if there is one, into memory of their own: exactly their bytes, or one if there are none. */
export function copyAnswer(head: string, body: Uint8Array | null, start: number, end: number): NativeBuffer {
  const native = NativeBuffer.allocate(Math.max(1, head.length + end - start));
  writeLatin1(native.bytes, head, 0);
  if (body !== null) Buffer.prototype.copy.call(body, native.bytes, head.length, start, end);
  return native;
}
