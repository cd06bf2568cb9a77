/** Reads a socket without waiting. */
import { recv } from "../../ffi/calls.ts";
import { MSG_DONTWAIT } from "../../ffi/constants.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";

const memory = NativeBuffer.allocate(1 << 20);

/** All bytes that are there now. */
export function receiveNow(fd: number): Buffer {
  const parts: Buffer[] = [];
  for (;;) {
    const count = recv(fd, memory.address, memory.length, MSG_DONTWAIT);
    if (count <= 0) return Buffer.concat(parts);
    parts.push(Buffer.from(memory.bytes.subarray(0, count)));
  }
}
