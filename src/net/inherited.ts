/**
 * Listening sockets that another process opened and handed over: by systemd (sd_listen_fds(3)) or any other launcher.
 *
 * For the thread that calls `serve()`; nothing blocks. Such a socket may be open in other processes too, so it is never shut
 * down from here, only closed, and what it is bound to stays.
 */
import { fcntl, getsockname, getsockopt } from "../../ffi/calls.ts";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  F_GETFL,
  F_SETFD,
  F_SETFL,
  FD_CLOEXEC,
  O_NONBLOCK,
  SO_ACCEPTCONN,
  SO_TYPE,
  SOCK_STREAM,
  SOL_SOCKET,
} from "../../ffi/constants.ts";
import { ERRNO, SyscallError, syscallError } from "../../ffi/errno.ts";
import { SOCKADDR_STORAGE_SIZE_BYTES, SOCKADDR_UN_PATH_OFFSET, sockaddrFamily } from "../../ffi/layout.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import { formatSockaddr, type SocketAddress } from "./address.ts";
import { Listener } from "./listener.ts";

/** What a listening socket is bound to: an address, or a path ("\0name" for an abstract one). */
export type BoundAddress = SocketAddress | string;

/**
 * Takes over a descriptor that listens already: non-blocking and close-on-exec from now on.
 * @throws SyscallError with code EBADF when there is none, EINVAL when it is no listening stream socket of a known family.
 */
export function adoptListener(fd: number): Listener {
  const bound = inheritedAddress(fd);
  if (typeof bound === "number") {
    if (bound !== -ERRNO.EINVAL && bound !== -ERRNO.ENOTSOCK) throw syscallError("listen", bound);
    throw new SyscallError(`fd ${fd} is no listening TCP or unix stream socket`, {
      code: "EINVAL",
      syscall: "listen",
      errno: -ERRNO.EINVAL,
    });
  }
  const flags = fcntl(fd, F_GETFL, 0);
  for (const result of [flags, fcntl(fd, F_SETFL, flags | O_NONBLOCK), fcntl(fd, F_SETFD, FD_CLOEXEC)]) {
    if (result < 0) throw syscallError("listen", result);
  }
  const kind = typeof bound !== "string" ? "tcp" : bound.startsWith("\0") ? "abstract" : "unix";
  return new Listener(fd, kind, bound, false, true);
}

/** Says what a descriptor listens on; -errno when it is no listening stream socket. */
export function inheritedAddress(fd: number): BoundAddress | number {
  const listens = intOption(fd, SO_ACCEPTCONN);
  if (listens < 0) return listens;
  if (listens === 0 || intOption(fd, SO_TYPE) !== SOCK_STREAM) return -ERRNO.EINVAL;
  const buffer = NativeBuffer.allocate(SOCKADDR_STORAGE_SIZE_BYTES + 4);
  buffer.bytes.writeUInt32LE(SOCKADDR_STORAGE_SIZE_BYTES, SOCKADDR_STORAGE_SIZE_BYTES);
  const result = getsockname(fd, buffer.address, buffer.address + SOCKADDR_STORAGE_SIZE_BYTES);
  if (result < 0) return result;
  const family = sockaddrFamily(buffer.bytes);
  if (family === AF_INET || family === AF_INET6) return formatSockaddr(buffer.bytes)!;
  if (family !== AF_UNIX) return -ERRNO.EINVAL;
  const length = buffer.bytes.readUInt32LE(SOCKADDR_STORAGE_SIZE_BYTES);
  const path = buffer.bytes.toString("utf8", SOCKADDR_UN_PATH_OFFSET, length);
  // A path ends with a NUL, the name of an abstract socket begins with one: unix(7).
  return path.startsWith("\0") ? path : path.split("\0")[0]!;
}

function intOption(fd: number, name: number): number {
  const buffer = NativeBuffer.allocate(8);
  buffer.bytes.writeUInt32LE(4, 4);
  const result = getsockopt(fd, SOL_SOCKET, name, buffer.address, buffer.address + 4);
  return result < 0 ? result : buffer.bytes.readInt32LE(0);
}
