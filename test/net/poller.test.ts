import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { close } from "../../ffi/calls.ts";
import { ERRNO } from "../../ffi/errno.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import { DISCONNECTED, EVENT_CAPACITY, HANGUP, Poller, READABLE, WRITABLE } from "../../src/net/poller.ts";
import { receive, resetSocket, shutdownWrite, transmit, WOULD_BLOCK } from "../../src/net/stream-socket.ts";
import { Waker } from "../../src/net/waker.ts";
import { fdCount } from "../support/process-info.ts";
import { connectTcp, openLoopback, receiveText, SocketPair, sendText } from "./raw-client.ts";

const memory = NativeBuffer.allocate(1 << 16);
let poller: Poller;
let pair: SocketPair | null = null;

beforeEach(() => {
  poller = new Poller();
});
afterEach(() => {
  poller.close();
  pair?.close();
  pair = null;
});

/** Waits until an event has one of `flags`; gives its flags, 0 after 2 s without. */
function waitFor(flags: number): number {
  const endMs = performance.now() + 2000;
  while (performance.now() < endMs) {
    const count = poller.wait(100);
    for (let index = 0; index < count; index++)
      if (poller.flagsOf(index) & flags) return poller.flagsOf(index);
  }
  return 0;
}

async function registered(options: { areBuffersSmall?: boolean } = {}): Promise<SocketPair> {
  pair = await SocketPair.open(options);
  expect(poller.register(pair.server, 1, 1)).toBe(0);
  // The first edge of every new client: writable.
  expect(poller.wait(1000)).toBe(1);
  expect(poller.flagsOf(0) & WRITABLE).not.toBe(0);
  expect(poller.flagsOf(0) & READABLE).toBe(0);
  return pair;
}

describe("tokens", () => {
  test("slot and generation come back, all 32 bits of each", async () => {
    pair = await SocketPair.open();
    for (const [slot, generation] of [
      [0, 0],
      [7, 3],
      [0x7fffffff, -1],
      [-2, 0x12345678],
    ] as const) {
      expect(poller.register(pair.server, slot, generation)).toBe(0);
      expect(poller.wait(1000)).toBe(1);
      expect([poller.slotOf(0), poller.generationOf(0)]).toEqual([slot, generation]);
      expect(poller.deregister(pair.server)).toBe(0);
    }
  });

  test("a slot given to another client has another generation, so a late event is recognised", async () => {
    const { server } = await registered();
    poller.deregister(server);
    poller.register(server, 1, 2);
    expect(poller.wait(1000)).toBe(1);
    expect([poller.slotOf(0), poller.generationOf(0)]).toEqual([1, 2]);
  });

  test("many events come at once, each with its own token", () => {
    const wakers = Array.from({ length: 40 }, () => Waker.create());
    wakers.forEach((waker, index) => {
      poller.registerReadable(waker.fd, index, index * 1000);
      waker.wake();
    });
    const count = poller.wait(1000);
    expect(count).toBe(40);
    const slots = new Set<number>();
    for (let index = 0; index < count; index++) {
      expect(poller.generationOf(index)).toBe(poller.slotOf(index) * 1000);
      slots.add(poller.slotOf(index));
    }
    expect(slots.size).toBe(40);
    for (const waker of wakers) waker.close();
  });
});

test("what two pollers watch together one of them is told of at least, and each of what is there already", () => {
  const waker = Waker.create();
  const other = new Poller();
  waker.wake();
  for (const each of [poller, other]) {
    expect(each.registerShared(waker.fd, 3, 4)).toBe(0);
    expect([each.wait(1000), each.slotOf(0), each.generationOf(0)]).toEqual([1, 3, 4]);
    expect(each.wait(0)).toBe(0);
  }
  waker.wake();
  expect(poller.wait(0) + other.wait(0)).toBeGreaterThanOrEqual(1);
  expect([poller.deregister(waker.fd), other.deregister(waker.fd)]).toEqual([0, 0]);
  other.close();
  waker.close();
});

describe("edges", () => {
  test("what is there already is reported on registering, once", async () => {
    pair = await SocketPair.open();
    sendText(pair.client, "early");
    await Bun.sleep(5);
    poller.register(pair.server, 1, 1);
    expect(poller.wait(1000)).toBe(1);
    expect(poller.flagsOf(0) & READABLE).not.toBe(0);
    expect(poller.wait(0)).toBe(0);
  });

  test("a partial read leaves no new edge; new bytes make one", async () => {
    const { server, client } = await registered();
    sendText(client, "hello");
    expect(waitFor(READABLE) & READABLE).not.toBe(0);
    expect(receive(server, memory.address, 2)).toBe(2);
    expect(poller.wait(20)).toBe(0);
    sendText(client, "!");
    expect(waitFor(READABLE) & READABLE).not.toBe(0);
    expect(receive(server, memory.address, 100)).toBe(4);
    expect(receive(server, memory.address, 100)).toBe(WOULD_BLOCK);
  });

  test("a full send buffer blocks, and a writable edge comes when the peer reads", async () => {
    const { server, client } = await registered({ areBuffersSmall: true });
    let sentBytes = 0;
    let result = transmit(server, memory.address, memory.length);
    for (; result > 0; result = transmit(server, memory.address, memory.length)) sentBytes += result;
    expect(result).toBe(WOULD_BLOCK);
    while (poller.wait(20) > 0);
    let receivedBytes = 0;
    while (receivedBytes < sentBytes) receivedBytes += receiveText(client, 1 << 16).length;
    expect(waitFor(WRITABLE) & WRITABLE).not.toBe(0);
    expect(transmit(server, memory.address, 100)).toBe(100);
  });

  test("a half-close is a hang-up but no disconnect; a reset is both", async () => {
    const { server, client } = await registered();
    shutdownWrite(client);
    const halfClosed = waitFor(HANGUP);
    expect(halfClosed & READABLE).not.toBe(0);
    expect(halfClosed & DISCONNECTED).toBe(0);
    expect(receive(server, memory.address, 10)).toBe(0);
    resetSocket(client);
    expect(waitFor(DISCONNECTED) & DISCONNECTED).not.toBe(0);
    close(server);
    pair = null;
  });

  test("what cannot be watched but must be closes the poller and throws", () => {
    const before = fdCount();
    const other = new Poller();
    expect(() => other.requireReadable(1_000_000, 1)).toThrow("EBADF: bad file descriptor, epoll_ctl");
    expect(fdCount()).toBe(before);
  });

  test("a listener is readable when a client has sent something", () => {
    const listener = openLoopback();
    expect(poller.registerReadable(listener.fd, 5, 6)).toBe(0);
    expect(poller.wait(0)).toBe(0);
    const client = connectTcp(listener.port);
    sendText(client, "x");
    expect(waitFor(READABLE) & READABLE).not.toBe(0);
    close(client);
    listener.close();
  });
});

describe("the set", () => {
  test("a deregistered socket is silent; one that was never in is -ENOENT", async () => {
    const { server, client } = await registered();
    expect(poller.deregister(server)).toBe(0);
    sendText(client, "x");
    expect(poller.wait(20)).toBe(0);
    expect(poller.deregister(server)).toBe(-ERRNO.ENOENT);
  });

  test("registering twice is -EEXIST, a closed descriptor -EBADF", async () => {
    const { server } = await registered();
    expect(poller.register(server, 2, 2)).toBe(-ERRNO.EEXIST);
    expect(poller.register(1_000_000, 2, 2)).toBe(-ERRNO.EBADF);
  });

  test("closing a socket takes it out", async () => {
    const { server, client } = await registered();
    close(server);
    sendText(client, "x");
    expect(poller.wait(20)).toBe(0);
    close(client);
    pair = null;
  });

  test("more than one batch of events comes in several waits, none lost", () => {
    const wakers = Array.from({ length: EVENT_CAPACITY + 8 }, () => Waker.create());
    wakers.forEach((waker, index) => {
      poller.registerReadable(waker.fd, index, 0);
      waker.wake();
    });
    const seen = new Set<number>();
    for (let count = poller.wait(0); count > 0; count = poller.wait(0)) {
      for (let index = 0; index < count; index++) seen.add(poller.slotOf(index));
    }
    expect(seen.size).toBe(wakers.length);
    for (const waker of wakers) waker.close();
  });
});

test("wait gives 0 when the time is over, and not much before", () => {
  const beganMs = performance.now();
  expect(poller.wait(30)).toBe(0);
  expect(performance.now() - beganMs).toBeGreaterThan(28);
});

test("close gives the descriptor back; waiting then is a mistake", () => {
  const before = fdCount();
  const other = new Poller();
  expect(fdCount()).toBe(before + 1);
  other.close();
  expect(fdCount()).toBe(before);
  expect(() => other.wait(0)).toThrow("EBADF: bad file descriptor, epoll_wait");
});
