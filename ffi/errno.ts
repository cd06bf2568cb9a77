/**
 * errno: its value on this thread, its names, and the error that carries it.
 *
 * errno is a thread's own variable, so its address is asked for once per thread and then read as memory. It must be
 * read right after a call that returned -1: any other call into the C library may change it.
 *
 * The numbers are those of linux/asm-generic/errno.h, alike on x86-64 and arm64. The texts are those that Bun
 * prints (libuv's, not strerror's), because people compare messages.
 */
import { type Pointer, read } from "bun:ffi";
import { libc } from "./libc.ts";

let location: Pointer | 0 = 0;

/** Reads the calling thread's errno. Call it at once after a binding returned -1, before any other binding. */
export function errno(): number {
  if (location === 0) location = libc.__errno_location() as unknown as Pointer;
  return read.i32(location, 0);
}

/** Names the errors that ERRNO lists. */
export type ErrnoName =
  | "EPERM"
  | "ENOENT"
  | "EINTR"
  | "EIO"
  | "EBADF"
  | "EAGAIN"
  | "ENOMEM"
  | "EACCES"
  | "EFAULT"
  | "EEXIST"
  | "ENODEV"
  | "ENOTDIR"
  | "EISDIR"
  | "EINVAL"
  | "ENFILE"
  | "EMFILE"
  | "ENOSPC"
  | "ESPIPE"
  | "EROFS"
  | "EPIPE"
  | "ENAMETOOLONG"
  | "ENOSYS"
  | "ELOOP"
  | "ENONET"
  | "EPROTO"
  | "EOVERFLOW"
  | "ENOTSOCK"
  | "EMSGSIZE"
  | "ENOPROTOOPT"
  | "EPROTONOSUPPORT"
  | "ESOCKTNOSUPPORT"
  | "EOPNOTSUPP"
  | "EAFNOSUPPORT"
  | "EADDRINUSE"
  | "EADDRNOTAVAIL"
  | "ENETDOWN"
  | "ENETUNREACH"
  | "ECONNABORTED"
  | "ECONNRESET"
  | "ENOBUFS"
  | "EISCONN"
  | "ENOTCONN"
  | "ETIMEDOUT"
  | "ECONNREFUSED"
  | "EHOSTDOWN"
  | "EHOSTUNREACH"
  | "EALREADY"
  | "EINPROGRESS";

/** Maps the name of an error to its number (positive). Source: errno(3), asm-generic/errno.h. */
export const ERRNO: Readonly<Record<ErrnoName, number>> = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EEXIST: 17,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOSPC: 28,
  ESPIPE: 29,
  EROFS: 30,
  EPIPE: 32,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ELOOP: 40,
  ENONET: 64,
  EPROTO: 71,
  EOVERFLOW: 75,
  ENOTSOCK: 88,
  EMSGSIZE: 90,
  ENOPROTOOPT: 92,
  EPROTONOSUPPORT: 93,
  ESOCKTNOSUPPORT: 94,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ECONNABORTED: 103,
  ECONNRESET: 104,
  ENOBUFS: 105,
  EISCONN: 106,
  ENOTCONN: 107,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTDOWN: 112,
  EHOSTUNREACH: 113,
  EALREADY: 114,
  EINPROGRESS: 115,
};

let names: Map<number, ErrnoName> | null = null;

/** Made when the first error is named: on most threads none is. */
function nameOf(code: number): ErrnoName | undefined {
  names ??= new Map(Object.entries(ERRNO).map(([name, number]) => [number, name as ErrnoName]));
  return names.get(Math.abs(code));
}

const TEXTS: Readonly<Record<ErrnoName, string>> = {
  EPERM: "operation not permitted",
  ENOENT: "no such file or directory",
  EINTR: "interrupted system call",
  EIO: "i/o error",
  EBADF: "bad file descriptor",
  EAGAIN: "resource temporarily unavailable",
  ENOMEM: "not enough memory",
  EACCES: "permission denied",
  EFAULT: "bad address in system call argument",
  EEXIST: "file already exists",
  ENODEV: "no such device",
  ENOTDIR: "not a directory",
  EISDIR: "illegal operation on a directory",
  EINVAL: "invalid argument",
  ENFILE: "file table overflow",
  EMFILE: "too many open files",
  ENOSPC: "no space left on device",
  ESPIPE: "invalid seek",
  EROFS: "read-only file system",
  EPIPE: "broken pipe",
  ENAMETOOLONG: "name too long",
  ENOSYS: "function not implemented",
  ELOOP: "too many symbolic links encountered",
  ENONET: "machine is not on the network",
  EPROTO: "protocol error",
  EOVERFLOW: "value too large for defined data type",
  ENOTSOCK: "socket operation on non-socket",
  EMSGSIZE: "message too long",
  ENOPROTOOPT: "protocol not available",
  EPROTONOSUPPORT: "protocol not supported",
  ESOCKTNOSUPPORT: "socket type not supported",
  EOPNOTSUPP: "operation not supported on socket",
  EAFNOSUPPORT: "address family not supported",
  EADDRINUSE: "address already in use",
  EADDRNOTAVAIL: "address not available",
  ENETDOWN: "network is down",
  ENETUNREACH: "network is unreachable",
  ECONNABORTED: "software caused connection abort",
  ECONNRESET: "connection reset by peer",
  ENOBUFS: "no buffer space available",
  EISCONN: "socket is already connected",
  ENOTCONN: "socket is not connected",
  ETIMEDOUT: "connection timed out",
  ECONNREFUSED: "connection refused",
  EHOSTDOWN: "host is down",
  EHOSTUNREACH: "host is unreachable",
  EALREADY: "connection already in progress",
  EINPROGRESS: "operation in progress",
};

/** Gives the name of an error number, either sign: `EADDRINUSE` for 98 and -98; `UNKNOWN` for a number not listed. */
export function errnoName(code: number): string {
  return nameOf(code) ?? "UNKNOWN";
}

/** Gives the text that Bun prints for an error number, either sign; `unknown error` for one that has none here. */
export function errnoText(code: number): string {
  const name = nameOf(code);
  return name ? TEXTS[name] : "unknown error";
}

/** Says what a SyscallError carries beside its message. The keys become the error's own keys, in the order given. */
export interface SyscallErrorDetails {
  /** Name of the error, such as `EADDRINUSE`. */
  code: string;
  /** Unix socket path, when there is one. */
  path?: string;
  /** The call that failed, such as `listen`. */
  syscall: string;
  /** Host name, when it could not be looked up. */
  hostname?: string;
  /** Number as Bun gives it: mostly -errno, 0 or a resolver's code in some cases. */
  errno: number;
}

/** Reports a failed system call during set-up, with the fields that errors of Node and Bun have. Its name is `Error`, as theirs. */
export class SyscallError extends Error {
  /** Name of the error, such as `EADDRINUSE`. */
  declare readonly code: string;
  /** Negative number of the error, or what Bun puts there. */
  declare readonly errno: number;
  /** The call that failed. */
  declare readonly syscall: string;
  /** Unix socket path; absent for other errors. */
  declare readonly path?: string;
  /** Host name that could not be looked up; absent for other errors. */
  declare readonly hostname?: string;

  constructor(message: string, details: SyscallErrorDetails) {
    super(message);
    Object.assign(this, details);
  }
}

/** Makes the error for `syscall` having failed with `result` (-errno): `CODE: text, syscall`, and `'path'` after it if given. */
export function syscallError(syscall: string, result: number, path?: string): SyscallError {
  const code = errnoName(result);
  const message = `${code}: ${errnoText(result)}, ${syscall}`;
  if (path === undefined) return new SyscallError(message, { code, syscall, errno: result });
  return new SyscallError(`${message} '${path}'`, { code, path, syscall, errno: result });
}

/**
 * Passes on the result of a set-up call.
 * @throws SyscallError when `result` is negative (-errno).
 */
export function check(syscall: string, result: number): number {
  if (result < 0) throw syscallError(syscall, result);
  return result;
}
