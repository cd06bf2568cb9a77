/**
 * Listening sockets: TCP, unix, abstract unix; the same options and the same errors as Bun.serve.
 *
 * Opened on the thread that calls `serve()`, synchronously, so that a taken port is an exception there. The fd number
 * then goes to the acceptor; whoever holds the Listener closes it. Knows nothing of what is served.
 *
 * TCP sockets get SO_REUSEADDR, TCP_DEFER_ACCEPT 1 and a backlog of 512 as in Bun, and TCP_NODELAY, which Linux hands down
 * to each accepted socket: that saves a setsockopt for every client. Addresses are tried one after the other, IPv6
 * first; the error of the last one counts. Without a host name that is `::` for both families, then `0.0.0.0`, on
 * machines without IPv6. A unix path is never removed before binding (an existing one is EADDRINUSE), only by `close`.
 *
 * Every path that fails closes the descriptor. Errors were compared with Bun 1.4.5 (BUN-SERVE §4.3).
 */
import { bind, close, getsockname, listen, open, setsockopt, socket, unlink } from "../../ffi/calls.ts";
import {
  AF_INET6,
  AF_UNIX,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_V6ONLY,
  O_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  SHUT_RDWR,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  TCP_DEFER_ACCEPT,
  TCP_NODELAY,
} from "../../ffi/constants.ts";
import { check, ERRNO, SyscallError, syscallError } from "../../ffi/errno.ts";
import {
  encodeSockaddrIn,
  encodeSockaddrIn6,
  encodeSockaddrUn,
  SOCKADDR_IN_SIZE_BYTES,
  SOCKADDR_IN6_SIZE_BYTES,
  SOCKADDR_STORAGE_SIZE_BYTES,
  SOCKADDR_UN_SIZE_BYTES,
  setSockaddrPort,
  sockaddrFamily,
} from "../../ffi/layout.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import type * as ThreadEnd from "../../ffi/thread-end.ts";
import { stopListening } from "./accept.ts";
import { formatSockaddr, type SocketAddress } from "./address.ts";
import { resolveHost } from "./resolve.ts";

// What `openListener` throws.
export { SyscallError };

/** Is how many connections wait for accept at most, unless told otherwise; the kernel caps it at net.core.somaxconn. */
export const DEFAULT_BACKLOG = 512;

/** Says where to listen. */
export interface ListenerOptions {
  /** Host name or address; absent or empty: every address of both families. Not used with `unix`. */
  hostname?: string;
  /** Port, 0 to 65535; 0 lets the kernel choose. Not used with `unix`. */
  port: number;
  /** Unix socket path, or NUL and a name for an abstract socket; absent or empty: TCP. */
  unix?: string;
  /** Lets other sockets with the same option listen on the port (SO_REUSEPORT). TCP only. */
  reusePort: boolean;
  /** Keeps IPv4 connections away from an IPv6 socket (IPV6_V6ONLY). */
  ipv6Only: boolean;
  /** How many connections may wait for accept; 512 by default. */
  backlog?: number;
}

/** Names the kinds of listeners. */
export type ListenerKind = "tcp" | "unix" | "abstract";

/** Owns a listening socket; made by `openListener`. */
export class Listener {
  /** The listening descriptor: non-blocking, close-on-exec. */
  readonly fd: number;
  /** The kind of its address. */
  readonly kind: ListenerKind;
  /** The port that it really listens on; 0 for unix sockets. */
  readonly port: number;
  /** The address that it is bound to, as Bun's `server.address`; the path as given for unix sockets. */
  readonly address: SocketAddress | string;
  /** Whether the socket came from another process, which may go on listening on it: it is never shut down from here. */
  readonly isShared: boolean;
  /** Whether other sockets may listen on the same port (SO_REUSEPORT). */
  readonly isReusePort: boolean;
  #isListening = true;
  #isOpen = true;
  /** Where the thread that called `serve()` can be terminated: nobody would accept any more, and clients would wait. */
  readonly #atThreadEnd: ThreadEnd.CallAtEnd | null = null;
  readonly #fileAtThreadEnd: ThreadEnd.RevocableCall | null = null;

  /** Takes over a descriptor that listens already. */
  constructor(
    fd: number,
    kind: ListenerKind,
    address: SocketAddress | string,
    isReusePort: boolean = false,
    isShared: boolean = false,
  ) {
    this.isReusePort = isReusePort;
    this.fd = fd;
    this.isShared = isShared;
    this.kind = kind;
    this.address = address;
    this.port = typeof address === "string" ? 0 : address.port;
    if (Bun.isMainThread || isShared || fd === 0) return;
    // With `require`: most servers are the main thread's.
    const { shutdownAtEnd, unlinkAtEnd } = require("../../ffi/thread-end.ts") as typeof ThreadEnd;
    this.#atThreadEnd = shutdownAtEnd(fd, SHUT_RDWR);
    if (kind === "unix" && typeof address === "string") this.#fileAtThreadEnd = unlinkAtEnd(address);
  }

  /**
   * Stops listening at once and leaves the descriptor open, to be closed when no thread uses it any more: a number that
   * is closed under one could be another socket's by the time it calls accept4 again. New connections are refused, the
   * address is free, the file of a unix socket is removed. A shared socket stays as it is.
   */
  shutdown(): void {
    if (!this.#isListening) return;
    this.#isListening = false;
    if (this.isShared) return;
    stopListening(this.fd);
    this.#unlink();
  }

  #unlink(): void {
    if (this.isShared || this.kind !== "unix" || typeof this.address !== "string") return;
    this.#fileAtThreadEnd?.revoke();
    const path = NativeBuffer.cString(this.address);
    unlink(path.address);
  }

  /** Stops listening: closes the descriptor and removes the file of a unix socket. A second call does nothing. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#atThreadEnd?.now();
    close(this.fd);
    if (this.#isListening) this.#unlink();
    this.#isListening = false;
  }
}

/**
 * Opens a listening socket. Blocks while a host name is looked up.
 * @throws SyscallError with the fields, in the order, and the message that Bun.serve's error has.
 */
export function openListener(options: ListenerOptions): Listener {
  return options.unix ? openUnix(options.unix, options) : openTcp(options);
}

function openTcp(options: ListenerOptions): Listener {
  // Bun reports a name that is not known with whatever errno was left over, mostly this one.
  let failure: number = -ERRNO.EADDRNOTAVAIL;
  for (const sockaddr of options.hostname ? resolveHost(options.hostname) : anyAddresses()) {
    setSockaddrPort(sockaddr.bytes, options.port);
    const family = sockaddrFamily(sockaddr.bytes);
    const fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    failure = fd < 0 ? fd : startTcp(fd, family, sockaddr, options);
    if (failure >= 0) return new Listener(fd, "tcp", boundAddress(fd), options.reusePort);
    if (fd >= 0) close(fd);
  }
  throw tcpError(failure, options);
}

/** Sets the options, binds, listens; gives 0 or the first -errno. */
function startTcp(fd: number, family: number, sockaddr: NativeBuffer, options: ListenerOptions): number {
  if (options.reusePort) {
    const result = setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (result < 0) return result;
  }
  setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (family === AF_INET6) setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6Only ? 1 : 0);
  const bound = bind(fd, sockaddr.address, sockaddr.length);
  if (bound < 0) return bound;
  const listening = listen(fd, options.backlog ?? DEFAULT_BACKLOG);
  if (listening < 0) return listening;
  // Improvements, not conditions: their failure changes nothing that a client could see.
  setOption(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1);
  setOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  return 0;
}

function openUnix(path: string, options: ListenerOptions): Listener {
  const fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw syscallError("listen", fd, path);
  let result = bindUnix(fd, path);
  if (result >= 0) result = listen(fd, options.backlog ?? DEFAULT_BACKLOG);
  if (result >= 0) return new Listener(fd, path.startsWith("\0") ? "abstract" : "unix", path);
  close(fd);
  throw syscallError("listen", result, path);
}

/** Binds to a path; one that does not fit into a sockaddr is shortened through a descriptor of its folder, as Bun does. */
function bindUnix(fd: number, path: string): number {
  const sockaddr = NativeBuffer.allocate(SOCKADDR_UN_SIZE_BYTES);
  const length = encodeSockaddrUn(sockaddr.bytes, path);
  if (length >= 0) return bind(fd, sockaddr.address, length);
  const nameStart = path.lastIndexOf("/") + 1;
  if (path.startsWith("\0") || nameStart === 0) return -ERRNO.ENAMETOOLONG;
  const folder = NativeBuffer.cString(path.slice(0, nameStart));
  const folderFd = open(folder.address, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  if (folderFd < 0) return -ERRNO.ENAMETOOLONG;
  const shortLength = encodeSockaddrUn(sockaddr.bytes, `/proc/self/fd/${folderFd}/${path.slice(nameStart)}`);
  const result = shortLength < 0 ? -ERRNO.ENAMETOOLONG : bind(fd, sockaddr.address, shortLength);
  close(folderFd);
  return result;
}

function anyAddresses(): NativeBuffer[] {
  const ipv6 = NativeBuffer.allocate(SOCKADDR_IN6_SIZE_BYTES);
  encodeSockaddrIn6(ipv6.bytes, new Uint8Array(16), 0);
  const ipv4 = NativeBuffer.allocate(SOCKADDR_IN_SIZE_BYTES);
  encodeSockaddrIn(ipv4.bytes, new Uint8Array(4), 0);
  return [ipv6, ipv4];
}

function setOption(fd: number, level: number, name: number, value: number): number {
  const buffer = NativeBuffer.allocate(4);
  buffer.bytes.writeInt32LE(value, 0);
  return setsockopt(fd, level, name, buffer.address, 4);
}

function boundAddress(fd: number): SocketAddress {
  const buffer = NativeBuffer.allocate(SOCKADDR_STORAGE_SIZE_BYTES + 4);
  buffer.bytes.writeUInt32LE(SOCKADDR_STORAGE_SIZE_BYTES, SOCKADDR_STORAGE_SIZE_BYTES);
  try {
    check("getsockname", getsockname(fd, buffer.address, buffer.address + SOCKADDR_STORAGE_SIZE_BYTES));
    return formatSockaddr(buffer.bytes)!;
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** Bun words a taken port and a forbidden one in its own way, with errno 0. */
function tcpError(failure: number, options: ListenerOptions): SyscallError {
  if (failure === -ERRNO.EADDRINUSE) {
    return new SyscallError(`Failed to start server. Is port ${options.port} in use?`, {
      code: "EADDRINUSE",
      syscall: "listen",
      errno: 0,
    });
  }
  if (failure === -ERRNO.EACCES) {
    const host = options.hostname || "0.0.0.0";
    return new SyscallError(`permission denied ${host}:${options.port}`, {
      code: "EACCES",
      syscall: "listen",
      errno: 0,
    });
  }
  return syscallError("listen", failure);
}
