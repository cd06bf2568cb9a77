/**
 * Messages to a service manager over a unix datagram socket, as sd_notify(3) sends them.
 *
 * For the main thread; a few system calls that do not block. It must not know what the messages mean.
 */
import { close, connect, send, socket } from "../../ffi/calls.ts";
import { AF_UNIX, MSG_DONTWAIT, MSG_NOSIGNAL, SOCK_CLOEXEC, SOCK_DGRAM } from "../../ffi/constants.ts";
import { ERRNO, errnoName } from "../../ffi/errno.ts";
import { encodeSockaddrUn, SOCKADDR_UN_SIZE_BYTES } from "../../ffi/layout.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";

/** Whether a message that could not be sent for this reason (-errno) may be sent in a moment: the manager's queue is full, or the kernel lacks something. */
export function mayNotifyLater(result: number): boolean {
  return PASSING.includes(-result);
}

/** Names why a message could not be sent (-errno). */
export function notifyFailureName(result: number): string {
  return errnoName(result);
}

const PASSING = [ERRNO.EAGAIN, ERRNO.ENOBUFS, ERRNO.ENOMEM, ERRNO.EMFILE, ERRNO.ENFILE];

/**
 * Sends one message.
 *
 * @param path as in NOTIFY_SOCKET: of a socket, or "@name" for an abstract one
 * @returns 0, or -errno; never EINTR
 */
export function notifyManager(path: string, message: string): number {
  const sockaddr = NativeBuffer.allocate(SOCKADDR_UN_SIZE_BYTES);
  const length = encodeSockaddrUn(sockaddr.bytes, path.startsWith("@") ? `\0${path.slice(1)}` : path);
  if (length < 0) return -ERRNO.ENAMETOOLONG;
  const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fd;
  const bytes = NativeBuffer.cString(message);
  let result: number;
  do result = connect(fd, sockaddr.address, length);
  while (result === -ERRNO.EINTR);
  if (result >= 0) {
    do result = send(fd, bytes.address, bytes.length - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (result === -ERRNO.EINTR);
  }
  close(fd);
  return Math.min(result, 0);
}
