import { afterEach, describe, expect, test } from "bun:test";
import { close, open } from "../../ffi/calls.ts";
import { IPPROTO_TCP, O_CLOEXEC, O_RDONLY, SO_SNDBUF, SOL_SOCKET, TCP_NODELAY } from "../../ffi/constants.ts";
import { ERRNO } from "../../ffi/errno.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import * as stream from "../../src/net/stream-socket.ts";
import { fdCount } from "../support/process-info.ts";
import { getIntOption, receiveText, SocketPair, sendText } from "./raw-client.ts";

let pair: SocketPair | null = null;
afterEach(() => {
  pair?.close();
  pair = null;
});

async function openPair(options: { areBuffersSmall?: boolean } = {}): Promise<SocketPair> {
  pair = await SocketPair.open(options);
  return pair;
}

test("the constants are the errno values they stand for", () => {
  expect(stream.WOULD_BLOCK).toBe(-ERRNO.EAGAIN);
  expect(stream.INTERRUPTED).toBe(-ERRNO.EINTR);
  expect([0, 5, stream.WOULD_BLOCK, -ERRNO.EPIPE].map(stream.isBroken)).toEqual([false, false, false, true]);
});

describe("receive", () => {
  test("gives nothing, bytes, and the end, in this order", async () => {
    const { server, client } = await openPair();
    const memory = NativeBuffer.shared(new SharedArrayBuffer(64), 8, 16);
    expect(stream.receive(server, memory.address, memory.length)).toBe(stream.WOULD_BLOCK);
    sendText(client, "hello");
    expect(stream.receive(server, memory.address, 3)).toBe(3);
    expect(stream.receive(server, memory.address + 3, 13)).toBe(2);
    expect(memory.bytes.toString("latin1", 0, 5)).toBe("hello");
    expect(stream.shutdownWrite(client)).toBe(0);
    expect(stream.receive(server, memory.address, 16)).toBe(0);
  });

  test("after a reset the connection is broken", async () => {
    const { server, client } = await openPair();
    const memory = NativeBuffer.allocate(16);
    expect(stream.resetSocket(client)).toBe(0);
    const result = stream.receive(server, memory.address, 16);
    expect(result).toBe(-ERRNO.ECONNRESET);
    expect(stream.isBroken(result)).toBe(true);
    close(server);
    pair = null;
  });
});

describe("transmit", () => {
  test("fills the kernel's buffer, then would block, and nothing is lost", async () => {
    const { server, client } = await openPair({ areBuffersSmall: true });
    const memory = NativeBuffer.allocate(1 << 20);
    for (let index = 0; index < memory.length; index++) memory.bytes[index] = index % 251;
    let sentBytes = 0;
    let result = stream.transmit(server, memory.address, memory.length);
    while (result > 0) {
      sentBytes += result;
      result = stream.transmit(server, memory.address + sentBytes, memory.length - sentBytes);
    }
    expect(result).toBe(stream.WOULD_BLOCK);
    expect(sentBytes).toBeGreaterThan(0);
    expect(sentBytes).toBeLessThan(memory.length);
    stream.shutdownWrite(server);
    const received = Buffer.concat(await drain(client));
    expect(received.equals(memory.bytes.subarray(0, sentBytes))).toBe(true);
  });

  test("to a peer that is gone gives an error, not a signal", async () => {
    const { server, client } = await openPair();
    const memory = NativeBuffer.allocate(16);
    stream.resetSocket(client);
    expect(stream.isBroken(stream.transmit(server, memory.address, 16))).toBe(true);
    expect(stream.transmit(server, memory.address, 16)).toBe(-ERRNO.EPIPE);
    close(server);
    pair = null;
  });
});

describe("transmitVector", () => {
  test("sends the pieces in order", async () => {
    const { server, client } = await openPair();
    const pieces = ["one ", "two ", "three"].map((text) => NativeBuffer.cString(text));
    const vector = new stream.SendVector(3);
    for (const piece of pieces) expect(vector.append(piece.address, piece.length - 1)).toBe(true);
    expect(vector.append(pieces[0]!.address, 4)).toBe(false);
    expect([vector.count, vector.byteLength]).toEqual([3, 13]);
    expect(stream.transmitVector(server, vector)).toBe(13);
    expect(receiveText(client)).toBe("one two three");
    vector.clear();
    vector.append(pieces[1]!.address, 3);
    expect(stream.transmitVector(server, vector)).toBe(3);
    expect(receiveText(client)).toBe("two");
  });

  test("would block when the buffer is full, after taking a part", async () => {
    const { server } = await openPair({ areBuffersSmall: true });
    const memory = NativeBuffer.allocate(1 << 20);
    const vector = new stream.SendVector(2);
    vector.append(memory.address, memory.length);
    vector.append(memory.address, memory.length);
    const first = stream.transmitVector(server, vector);
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThan(vector.byteLength);
    let result = first;
    while (result > 0) result = stream.transmitVector(server, vector);
    expect(result).toBe(stream.WOULD_BLOCK);
  });

  test("a capacity that makes no sense is refused", () => {
    for (const capacity of [0, -1, 1.5, 1025])
      expect(() => new stream.SendVector(capacity)).toThrow(RangeError);
  });
});

describe("sendFile", () => {
  const path = NativeBuffer.cString(import.meta.path);

  test("sends a part of a file after a head, from any offset, and 0 at its end", async () => {
    const { server, client } = await openPair();
    const text = await Bun.file(import.meta.path).text();
    const file = open(path.address, O_RDONLY | O_CLOEXEC, 0);
    const head = NativeBuffer.cString("head:");
    expect(stream.transmitMore(server, head.address, 5)).toBe(5);
    expect(stream.sendFile(server, file, 10, 20)).toBe(20);
    expect(stream.sendFile(server, file, 0, 6)).toBe(6);
    expect(stream.sendFile(server, file, text.length, 100)).toBe(0);
    expect(stream.sendFile(server, file, 2 ** 40, 100)).toBe(0);
    stream.shutdownWrite(server);
    expect(Buffer.concat(await drain(client)).toString()).toBe(
      `head:${text.slice(10, 30)}${text.slice(0, 6)}`,
    );
    close(file);
  });

  test("to a peer that is gone is broken, and the process lives", async () => {
    const { server, client } = await openPair();
    const file = open(path.address, O_RDONLY | O_CLOEXEC, 0);
    stream.resetSocket(client);
    stream.sendFile(server, file, 0, 10);
    expect(stream.sendFile(server, file, 0, 10)).toBe(-ERRNO.EPIPE);
    close(file);
    close(server);
    pair = null;
  });
});

test("setNoDelay and closeSocket do what they say", async () => {
  const opened = await openPair();
  expect(stream.setNoDelay(opened.client)).toBe(0);
  expect(getIntOption(opened.client, IPPROTO_TCP, TCP_NODELAY)).not.toBe(0);
  const before = fdCount();
  expect(stream.closeSocket(opened.client)).toBe(0);
  expect(stream.closeSocket(opened.server)).toBe(0);
  expect(fdCount()).toBe(before - 2);
  expect(stream.closeSocket(1_000_000)).toBe(-ERRNO.EBADF);
  pair = null;
});

test("fixSendBuffer sets a size, which the kernel doubles", async () => {
  const { server } = await openPair();
  expect(stream.fixSendBuffer(server, 50_000)).toBe(0);
  expect(getIntOption(server, SOL_SOCKET, SO_SNDBUF)).toBe(100_000);
  expect(stream.fixSendBuffer(1_000_000, 50_000)).toBe(-ERRNO.EBADF);
});

/** Receives until the end. */
async function drain(fd: number): Promise<Buffer[]> {
  const chunks: Buffer[] = [];
  for (;;) {
    const memory = NativeBuffer.allocate(1 << 16);
    const result = stream.receive(fd, memory.address, memory.length);
    if (result > 0) chunks.push(memory.bytes.subarray(0, result));
    else if (result === stream.WOULD_BLOCK) await Bun.sleep(1);
    else if (result === 0) return chunks;
    else throw new Error(`receive: ${result}`);
  }
}
