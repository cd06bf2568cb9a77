/**
 * Appends bytes to an open file, pipe, terminal or socket without waiting for it.
 *
 * Failures come back as -errno, WOULD_BLOCK when there is no room now. Source: write(2), send(2).
 */
import { write } from "../../ffi/calls.ts";
import { INTERRUPTED, transmit } from "./stream-socket.ts";

/**
 * Writes up to `length` bytes from `address`. Gives the count taken, WOULD_BLOCK or -errno.
 *
 * @param fd a file, or what has O_NONBLOCK; a socket need not
 */
export function append(fd: number, isSocket: boolean, address: number, length: number): number {
  if (isSocket) return transmit(fd, address, length);
  let result = write(fd, address, length);
  while (result === INTERRUPTED) result = write(fd, address, length);
  return result;
}
