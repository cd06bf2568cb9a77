/** Raw sockets for the tests of src/net: a blocking client, a connected pair. */
import { close, connect, getsockopt, recv, send, setsockopt, socket } from "../../ffi/calls.ts";
import {
  AF_INET,
  AF_UNIX,
  SO_RCVBUF,
  SO_SNDBUF,
  SOCK_CLOEXEC,
  SOCK_STREAM,
  SOL_SOCKET,
} from "../../ffi/constants.ts";
import { check } from "../../ffi/errno.ts";
import { encodeSockaddrIn, encodeSockaddrUn } from "../../ffi/layout.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import { acceptClient, allocateAcceptBuffer } from "../../src/net/accept.ts";
import { type Listener, openListener } from "../../src/net/listener.ts";

/** Opens a TCP listener on a free port of 127.0.0.1. */
export function openLoopback(): Listener {
  return openListener({ hostname: "127.0.0.1", port: 0, reusePort: false, ipv6Only: false });
}

/** Connects a blocking TCP socket to 127.0.0.1; optionally with a small receive buffer. */
export function connectTcp(port: number, receiveBufferBytes = 0): number {
  const fd = check("socket", socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (receiveBufferBytes > 0) setIntOption(fd, SO_RCVBUF, receiveBufferBytes);
  const sockaddr = NativeBuffer.allocate(16);
  const length = encodeSockaddrIn(sockaddr.bytes, Uint8Array.of(127, 0, 0, 1), port);
  check("connect", connect(fd, sockaddr.address, length));
  return fd;
}

/** Connects a blocking unix socket. */
export function connectUnix(path: string): number {
  const fd = check("socket", socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr = NativeBuffer.allocate(110);
  const length = encodeSockaddrUn(sockaddr.bytes, path);
  check("connect", connect(fd, sockaddr.address, length));
  return fd;
}

/** Sends all of `text` on a blocking socket. */
export function sendText(fd: number, text: string): void {
  const native = NativeBuffer.cString(text);
  check("send", send(fd, native.address, native.length - 1, 0));
}

/** Receives once on a blocking socket, at most `length` bytes; the empty string is the end. */
export function receiveText(fd: number, length = 4096): string {
  const native = NativeBuffer.allocate(length);
  return native.bytes.toString("latin1", 0, check("recv", recv(fd, native.address, length, 0)));
}

/** Sets an integer option of level SOL_SOCKET. */
export function setIntOption(fd: number, name: number, value: number): void {
  const native = NativeBuffer.allocate(4);
  native.bytes.writeInt32LE(value);
  check("setsockopt", setsockopt(fd, SOL_SOCKET, name, native.address, 4));
}

/** Reads an integer option. */
export function getIntOption(fd: number, level: number, name: number): number {
  const native = NativeBuffer.allocate(8);
  native.bytes.writeInt32LE(4, 4);
  check("getsockopt", getsockopt(fd, level, name, native.address, native.address + 4));
  return native.bytes.readInt32LE(0);
}

/** Accepts a connection that must come: with TCP_DEFER_ACCEPT it does when the client has sent its first bytes. */
export async function acceptSoon(
  listenerFd: number,
  buffer: NativeBuffer = allocateAcceptBuffer(),
): Promise<number> {
  for (let attempt = 0; attempt < 3000; attempt++) {
    const fd = acceptClient(listenerFd, buffer);
    if (fd >= 0) return fd;
    await Bun.sleep(1);
  }
  throw new Error("nothing to accept within 3 s");
}

/** A connected TCP pair: `server` is non-blocking as accepted, `client` blocks. */
export class SocketPair {
  readonly server: number;
  readonly client: number;

  private constructor(server: number, client: number) {
    this.server = server;
    this.client = client;
  }

  /** Opens a pair, with small kernel buffers if asked. The byte sent to pass TCP_DEFER_ACCEPT is taken out again. */
  static async open(options: { areBuffersSmall?: boolean } = {}): Promise<SocketPair> {
    const listener = openLoopback();
    const client = connectTcp(listener.port, options.areBuffersSmall ? 4096 : 0);
    sendText(client, "!");
    const server = await acceptSoon(listener.fd);
    listener.close();
    if (options.areBuffersSmall) setIntOption(server, SO_SNDBUF, 4096);
    const first = NativeBuffer.allocate(1);
    check("recv", recv(server, first.address, 1, 0));
    return new SocketPair(server, client);
  }

  close(): void {
    close(this.server);
    close(this.client);
  }
}
