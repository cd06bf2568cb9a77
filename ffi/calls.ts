/**
 * System calls whose result says everything: zero or more on success, -errno on failure.
 *
 * Each function is one binding of `libc.ts` and, only after a -1, one read of errno: nothing can come between the two.
 * They throw nothing, allocate nothing, and know nothing of what the descriptor is. Any thread may call them; memory
 * is passed as an address whose owner (a NativeBuffer) must stay reachable during the call. Retrying, naming and
 * judging errors is the business of `src/net`.
 *
 * The bindings are copied into constants so that the compiler calls them directly.
 */
import { SYS_FSTAT, SYS_OPENAT, SYS_OPENAT2, SYS_READLINKAT } from "./constants.ts";
import { errno } from "./errno.ts";
import { OPEN_HOW_SIZE_BYTES } from "./layout.ts";
import { libc } from "./libc.ts";

const nativeSocket = libc.socket;
const nativeSetsockopt = libc.setsockopt;
const nativeGetsockopt = libc.getsockopt;
const nativeGetsockname = libc.getsockname;
const nativeGetpeername = libc.getpeername;
const nativeBind = libc.bind;
const nativeListen = libc.listen;
const nativeConnect = libc.connect;
const nativeAccept4 = libc.accept4;
const nativeShutdown = libc.shutdown;
const nativeClose = libc.close;
const nativeRead = libc.read;
const nativeWrite = libc.write;
const nativePread = libc.pread;
const nativeReadv = libc.readv;
const nativeWritev = libc.writev;
const nativeRecv = libc.recv;
const nativeSend = libc.send;
const nativeSendmsg = libc.sendmsg;
const nativeSendfile = libc.sendfile;
const nativeEpollCreate1 = libc.epoll_create1;
const nativeEpollCtl = libc.epoll_ctl;
const nativeEpollWait = libc.epoll_wait;
const nativeEventfd = libc.eventfd;
const nativeFcntl = libc.fcntl;
const nativeDup3 = libc.dup3;
const nativeOpen = libc.open;
const nativeUnlink = libc.unlink;
const nativeMmap = libc.mmap;
const nativeSyscall = libc.syscall;

/** Makes a socket; gives its fd. socket(2). */
export function socket(domain: number, type: number, protocol: number): number {
  const result = nativeSocket(domain, type, protocol);
  return result === -1 ? -errno() : result;
}

/** Sets a socket option from `length` bytes at `value`. setsockopt(2). */
export function setsockopt(fd: number, level: number, name: number, value: number, length: number): number {
  const result = nativeSetsockopt(fd, level, name, value, length);
  return result === -1 ? -errno() : result;
}

/** Reads a socket option into `value`; `length` is the address of a uint32 with the room there. getsockopt(2). */
export function getsockopt(fd: number, level: number, name: number, value: number, length: number): number {
  const result = nativeGetsockopt(fd, level, name, value, length);
  return result === -1 ? -errno() : result;
}

/** Reads the local address of a socket; `length` is the address of a uint32 with the room there. getsockname(2). */
export function getsockname(fd: number, sockaddr: number, length: number): number {
  const result = nativeGetsockname(fd, sockaddr, length);
  return result === -1 ? -errno() : result;
}

/** Reads the remote address of a socket; `length` is the address of a uint32 with the room there. getpeername(2). */
export function getpeername(fd: number, sockaddr: number, length: number): number {
  const result = nativeGetpeername(fd, sockaddr, length);
  return result === -1 ? -errno() : result;
}

/** Binds a socket to the sockaddr of `length` bytes. bind(2). */
export function bind(fd: number, sockaddr: number, length: number): number {
  const result = nativeBind(fd, sockaddr, length);
  return result === -1 ? -errno() : result;
}

/** Makes a bound socket listen. listen(2). */
export function listen(fd: number, backlog: number): number {
  const result = nativeListen(fd, backlog);
  return result === -1 ? -errno() : result;
}

/** Connects a socket to the sockaddr of `length` bytes. connect(2). */
export function connect(fd: number, sockaddr: number, length: number): number {
  const result = nativeConnect(fd, sockaddr, length);
  return result === -1 ? -errno() : result;
}

/** Accepts one connection; gives its fd. `sockaddr` and `length` may both be 0 (no address wanted). accept4(2). */
export function accept4(fd: number, sockaddr: number, length: number, flags: number): number {
  const result = nativeAccept4(fd, sockaddr, length, flags);
  return result === -1 ? -errno() : result;
}

/** Ends one or both directions of a connection. shutdown(2). */
export function shutdown(fd: number, how: number): number {
  const result = nativeShutdown(fd, how);
  return result === -1 ? -errno() : result;
}

/** Closes a descriptor. Whatever it returns, the descriptor is gone: never retry (close(2), "Dealing with error returns"). */
export function close(fd: number): number {
  const result = nativeClose(fd);
  return result === -1 ? -errno() : result;
}

/** Reads up to `length` bytes; 0 is the end. read(2). */
export function read(fd: number, address: number, length: number): number {
  const result = nativeRead(fd, address, length);
  return result === -1 ? -errno() : result;
}

/** Writes up to `length` bytes; gives how many were taken. write(2). */
export function write(fd: number, address: number, length: number): number {
  const result = nativeWrite(fd, address, length);
  return result === -1 ? -errno() : result;
}

/** Reads up to `length` bytes from byte `offset` of a file on, without moving its position; 0 is the end. pread(2). */
export function pread(fd: number, address: number, length: number, offset: number): number {
  const result = nativePread(fd, address, length, offset);
  return result === -1 ? -errno() : result;
}

/** Reads into `count` iovecs at `vector`. readv(2). */
export function readv(fd: number, vector: number, count: number): number {
  const result = nativeReadv(fd, vector, count);
  return result === -1 ? -errno() : result;
}

/** Writes from `count` iovecs at `vector`. writev(2). */
export function writev(fd: number, vector: number, count: number): number {
  const result = nativeWritev(fd, vector, count);
  return result === -1 ? -errno() : result;
}

/** Receives up to `length` bytes from a socket; 0 is the end. recv(2). */
export function recv(fd: number, address: number, length: number, flags: number): number {
  const result = nativeRecv(fd, address, length, flags);
  return result === -1 ? -errno() : result;
}

/** Sends up to `length` bytes to a socket; gives how many were taken. send(2). */
export function send(fd: number, address: number, length: number, flags: number): number {
  const result = nativeSend(fd, address, length, flags);
  return result === -1 ? -errno() : result;
}

/** Sends the iovecs of the msghdr at `message`; gives how many bytes were taken. sendmsg(2). */
export function sendmsg(fd: number, message: number, flags: number): number {
  const result = nativeSendmsg(fd, message, flags);
  return result === -1 ? -errno() : result;
}

/** Sends up to `length` bytes of a file from the int64 at `offset` on, which is moved forward. sendfile(2). */
export function sendfile(outFd: number, inFd: number, offset: number, length: number): number {
  const result = nativeSendfile(outFd, inFd, offset, length);
  return result === -1 ? -errno() : result;
}

/** Makes an epoll instance; gives its fd. epoll_create1(2). */
export function epollCreate1(flags: number): number {
  const result = nativeEpollCreate1(flags);
  return result === -1 ? -errno() : result;
}

/** Adds, changes or removes an interest; `event` may be 0 for a removal. epoll_ctl(2). */
export function epollCtl(epollFd: number, operation: number, fd: number, event: number): number {
  const result = nativeEpollCtl(epollFd, operation, fd, event);
  return result === -1 ? -errno() : result;
}

/** Waits for events; gives how many were written to `events`. Blocks up to `timeoutMs`, -1 is without end. epoll_wait(2). */
export function epollWait(epollFd: number, events: number, capacity: number, timeoutMs: number): number {
  const result = nativeEpollWait(epollFd, events, capacity, timeoutMs);
  return result === -1 ? -errno() : result;
}

/** Makes an eventfd; gives its fd. eventfd(2). */
export function eventfd(initial: number, flags: number): number {
  const result = nativeEventfd(initial, flags);
  return result === -1 ? -errno() : result;
}

/** Reads or changes a descriptor's flags. fcntl(2). */
export function fcntl(fd: number, command: number, argument: number): number {
  const result = nativeFcntl(fd, command, argument);
  return result === -1 ? -errno() : result;
}

/** Opens the file whose zero-terminated path lies at `path`; gives its fd. open(2). */
export function open(path: number, flags: number, mode: number): number {
  const result = nativeOpen(path, flags, mode);
  return result === -1 ? -errno() : result;
}

/** Makes `target` another descriptor for the file that is open as `fd`, in place of what it was. dup3(2). */
export function dup3(fd: number, target: number, flags: number): number {
  const result = nativeDup3(fd, target, flags);
  return result === -1 ? -errno() : result;
}

/** Removes the file whose zero-terminated path lies at `path`. unlink(2). */
export function unlink(path: number): number {
  const result = nativeUnlink(path);
  return result === -1 ? -errno() : result;
}

/** Maps memory or a file; gives its address. mmap(2). */
export function mmap(
  address: number,
  length: number,
  protection: number,
  flags: number,
  fd: number,
  offset: number,
): number {
  const result = nativeMmap(address, length, protection, flags, fd, offset);
  return result === -1 ? -errno() : result;
}

/** Makes a system call by number, for those that the C library has no function for. syscall(2). */
export function syscall(number: number, first = 0, second = 0, third = 0, fourth = 0): number {
  const result = nativeSyscall(number, first, second, third, fourth);
  return result === -1 ? -errno() : result;
}

/**
 * Writes what the kernel knows of an open file into the struct stat at `target`. fstat(2), by its number: glibc below 2.33
 * has no function of this name, and statx(2) is refused by older containers' filters.
 */
export function fstat(fd: number, target: number): number {
  const result = nativeSyscall(SYS_FSTAT, fd, target, 0, 0);
  return result === -1 ? -errno() : result;
}

/** Opens the file whose zero-terminated path, from the directory `directoryFd` on, lies at `path`; gives its fd. openat(2). */
export function openat(directoryFd: number, path: number, flags: number, mode: number): number {
  const result = nativeSyscall(SYS_OPENAT, directoryFd, path, flags, mode);
  return result === -1 ? -errno() : result;
}

/**
 * Opens as `openat` does, with limits on how the path is walked in the struct open_how at `how`. openat2(2), Linux 5.6 and
 * later: -ENOSYS before, -ENOSYS or -EPERM under filters that do not know it.
 */
export function openat2(directoryFd: number, path: number, how: number): number {
  const result = nativeSyscall(SYS_OPENAT2, directoryFd, path, how, OPEN_HOW_SIZE_BYTES);
  return result === -1 ? -errno() : result;
}

/** Reads where the symbolic link at `path` leads into `target`, not terminated; gives the number of bytes. readlinkat(2). */
export function readlinkat(directoryFd: number, path: number, target: number, capacityBytes: number): number {
  const result = nativeSyscall(SYS_READLINKAT, directoryFd, path, target, capacityBytes);
  return result === -1 ? -errno() : result;
}
