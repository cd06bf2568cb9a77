/**
 * Bytes in and out of a connected stream socket (TCP or unix).
 *
 * Used by the thread that owns the socket. Nothing here blocks, throws or allocates; the memory belongs to the caller
 * and is only borrowed for the call. It must not know what the bytes mean.
 *
 * Every result is one number:
 *
 * | result | meaning | what to do |
 * | --- | --- | --- |
 * | > 0 | so many bytes were moved; may be fewer than asked for | go on |
 * | 0 | `receive`: the peer ended its direction; `sendFile`: the file is shorter than thought | finish |
 * | WOULD_BLOCK | nothing can be moved now | wait for the next edge of the Poller |
 * | any other negative | -errno, the connection is unusable (`isBroken`) | close it |
 *
 * INTERRUPTED (EINTR) never comes out: the call is repeated here. No caller compares other errno values.
 * Source: recv(2), send(2), sendmsg(2), sendfile(2), tcp(7).
 */

import { close, recv, send, sendfile, sendmsg, setsockopt, shutdown } from "../../ffi/calls.ts";
import {
  IPPROTO_TCP,
  MSG_DONTWAIT,
  MSG_MORE,
  MSG_NOSIGNAL,
  SHUT_WR,
  SO_LINGER,
  SO_SNDBUF,
  SOL_SOCKET,
  TCP_NODELAY,
} from "../../ffi/constants.ts";
import { ERRNO } from "../../ffi/errno.ts";
import {
  encodeIovec,
  IOVEC_SIZE_BYTES,
  MSGHDR_SIZE_BYTES,
  MSGHDR_VECTOR_LENGTH_OFFSET,
  MSGHDR_VECTOR_OFFSET,
  storeUint64,
} from "../../ffi/layout.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";

/** Is the result of an operation that can do nothing at the moment: -EAGAIN, which is -EWOULDBLOCK on Linux. */
export const WOULD_BLOCK = -11;
/** Is the result of a system call that a signal interrupted: -EINTR. Handled here, never returned. */
export const INTERRUPTED = -4;

const SEND_FLAGS = MSG_NOSIGNAL | MSG_DONTWAIT;
const SEND_MORE_FLAGS = SEND_FLAGS | MSG_MORE;

const enabled = NativeBuffer.allocate(4);
enabled.bytes[0] = 1;
/** struct linger { l_onoff 1, l_linger 0 }, socket(7): close drops what was not sent and resets. */
const lingerNot = NativeBuffer.allocate(8);
lingerNot.bytes[0] = 1;
const sendBuffer = NativeBuffer.allocate(4);
const sendBufferWords = sendBuffer.int32();
const fileOffset = NativeBuffer.allocate(8);
const fileOffsetWords = fileOffset.int32();

/** Says whether a result means that the connection can no longer be used in this direction. */
export function isBroken(result: number): boolean {
  return result < 0 && result !== WOULD_BLOCK;
}

/** Receives up to `length` bytes (at least 1) to `address`. Gives the count, 0 at the end, WOULD_BLOCK or -errno. */
export function receive(fd: number, address: number, length: number): number {
  let result = recv(fd, address, length, MSG_DONTWAIT);
  while (result === INTERRUPTED) result = recv(fd, address, length, MSG_DONTWAIT);
  return result;
}

/** Sends up to `length` bytes from `address`, without SIGPIPE. Gives the count taken, WOULD_BLOCK or -errno. */
export function transmit(fd: number, address: number, length: number): number {
  let result = send(fd, address, length, SEND_FLAGS);
  while (result === INTERRUPTED) result = send(fd, address, length, SEND_FLAGS);
  return result;
}

/**
 * Sends as `transmit` and tells the kernel that more follows at once (MSG_MORE), so that a response head and the file after it
 * share segments. Without a following send the last partial segment waits up to 200 ms.
 */
export function transmitMore(fd: number, address: number, length: number): number {
  let result = send(fd, address, length, SEND_MORE_FLAGS);
  while (result === INTERRUPTED) result = send(fd, address, length, SEND_MORE_FLAGS);
  return result;
}

/**
 * Lists pieces of memory to send with one call: a msghdr and its iovecs in one native buffer, made once and used again.
 * The memory of the pieces must stay alive until it was sent; this object holds addresses only.
 */
export class SendVector {
  /** How many pieces fit: at most 1024 (IOV_MAX). */
  readonly capacity: number;
  /** How many pieces are listed. */
  count = 0;
  /** How many bytes are listed in all. */
  byteLength = 0;
  /** Address of the msghdr, for `transmitVector`. */
  readonly address: number;
  readonly #native: NativeBuffer;
  readonly #vectorWords: Int32Array;
  readonly #messageWords: Int32Array;

  /** @throws RangeError when `capacity` is not within 1 to 1024. */
  constructor(capacity: number) {
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > 1024) {
      throw new RangeError(`a send vector holds 1 to 1024 pieces, not ${capacity}`);
    }
    this.capacity = capacity;
    this.#native = NativeBuffer.allocate(capacity * IOVEC_SIZE_BYTES + MSGHDR_SIZE_BYTES);
    const words = this.#native.int32();
    this.#vectorWords = words;
    this.#messageWords = words.subarray((capacity * IOVEC_SIZE_BYTES) / 4);
    this.address = this.#native.address + capacity * IOVEC_SIZE_BYTES;
    storeUint64(this.#messageWords, MSGHDR_VECTOR_OFFSET / 4, this.#native.address);
  }

  /** Appends a piece. Gives false, and appends nothing, when the vector is full. */
  append(address: number, length: number): boolean {
    if (this.count === this.capacity) return false;
    encodeIovec(this.#vectorWords, this.count, address, length);
    this.count++;
    this.#messageWords[MSGHDR_VECTOR_LENGTH_OFFSET / 4] = this.count;
    this.byteLength += length;
    return true;
  }

  /** Empties the list. */
  clear(): void {
    this.count = 0;
    this.byteLength = 0;
    this.#messageWords[MSGHDR_VECTOR_LENGTH_OFFSET / 4] = 0;
  }
}

/** Sends the pieces of `vector` in order, without SIGPIPE. Gives the count of bytes taken (maybe in the middle of a piece), WOULD_BLOCK or -errno. */
export function transmitVector(fd: number, vector: SendVector): number {
  let result = sendmsg(fd, vector.address, SEND_FLAGS);
  while (result === INTERRUPTED) result = sendmsg(fd, vector.address, SEND_FLAGS);
  return result;
}

/**
 * Sends up to `length` bytes of an open file, from byte `offset` on, without copying them through user space. The file's own
 * position is not used. Gives the count, 0 when the file ends at `offset`, WOULD_BLOCK or -errno. Reads from disk, so it may
 * block for as long as the disk takes. SIGPIPE is not suppressed by the call: Bun ignores it in the whole process.
 */
export function sendFile(fd: number, fileFd: number, offset: number, length: number): number {
  // The kernel moves the offset forward, so it is written anew each time.
  storeUint64(fileOffsetWords, 0, offset);
  let result = sendfile(fd, fileFd, fileOffset.address, length);
  while (result === INTERRUPTED) result = sendfile(fd, fileFd, fileOffset.address, length);
  return result;
}

/** Ends the sending direction after what was already taken (FIN). Gives 0 or -errno (ENOTCONN: the peer is gone). */
export function shutdownWrite(fd: number): number {
  return shutdown(fd, SHUT_WR);
}

/** Closes the socket; the number may be given to another descriptor at once. Gives 0 or -errno; it is closed either way. */
export function closeSocket(fd: number): number {
  return close(fd);
}

/** Closes the socket and drops what was not sent: the peer sees a reset (RST), never a regular end. Gives 0 or -errno. */
export function resetSocket(fd: number): number {
  setsockopt(fd, SOL_SOCKET, SO_LINGER, lingerNot.address, 8);
  return close(fd);
}

/** Tells whether a descriptor is a socket. */
export function isSocket(fd: number): boolean {
  return setNoDelay(fd) !== -ERRNO.ENOTSOCK;
}

/**
 * Gives a socket a send buffer of a fixed size instead of one that the kernel sizes; the kernel doubles `bytes` for what it keeps
 * beside them (SO_SNDBUF, socket(7)). Gives 0 or -errno.
 */
export function fixSendBuffer(fd: number, bytes: number): number {
  sendBufferWords[0] = bytes;
  return setsockopt(fd, SOL_SOCKET, SO_SNDBUF, sendBuffer.address, 4);
}

/** Makes TCP send small segments at once (TCP_NODELAY). Gives 0 or -errno (EOPNOTSUPP on unix sockets: harmless). */
export function setNoDelay(fd: number): number {
  return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, enabled.address, 4);
}
