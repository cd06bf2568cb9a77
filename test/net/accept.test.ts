import { afterEach, describe, expect, test } from "bun:test";
import { close, fcntl } from "../../ffi/calls.ts";
import { F_GETFD, F_GETFL, FD_CLOEXEC, IPPROTO_TCP, O_NONBLOCK, TCP_NODELAY } from "../../ffi/constants.ts";
import { ERRNO, type ErrnoName } from "../../ffi/errno.ts";
import * as accept from "../../src/net/accept.ts";
import { encodePeer, formatPeer, formatSockaddr } from "../../src/net/address.ts";
import { type Listener, openListener } from "../../src/net/listener.ts";
import { fdCount } from "../support/process-info.ts";
import {
  acceptSoon,
  connectTcp,
  connectUnix,
  getIntOption,
  openLoopback,
  receiveText,
  sendText,
} from "./raw-client.ts";

const opened: number[] = [];
let listener: Listener | null = null;
afterEach(() => {
  for (const fd of opened.splice(0)) close(fd);
  listener?.close();
  listener = null;
});

function connected(port: number): number {
  const client = connectTcp(port);
  opened.push(client);
  sendText(client, "x");
  return client;
}

test("failures have names", () => {
  expect(accept.acceptFailureName(-ERRNO.EPERM)).toBe("EPERM");
});

describe("acceptClient", () => {
  test("gives a non-blocking, close-on-exec socket without delay, and the peer's address", async () => {
    listener = openLoopback();
    const buffer = accept.allocateAcceptBuffer();
    expect(accept.classifyAcceptFailure(accept.acceptClient(listener.fd, buffer))).toBe(accept.ACCEPT_WAIT);
    connected(listener.port);
    const fd = await acceptSoon(listener.fd, buffer);
    opened.push(fd);
    expect(fcntl(fd, F_GETFL, 0) & O_NONBLOCK).toBe(O_NONBLOCK);
    expect(fcntl(fd, F_GETFD, 0)).toBe(FD_CLOEXEC);
    // Handed down by the listener.
    expect(getIntOption(fd, IPPROTO_TCP, TCP_NODELAY)).not.toBe(0);
    const peer = formatSockaddr(buffer.bytes)!;
    expect([peer.address, peer.family]).toEqual(["127.0.0.1", "IPv4"]);
    expect(peer.port).toBeGreaterThan(0);
  });

  test("a unix client has no address, even after one that had", async () => {
    const buffer = accept.allocateAcceptBuffer();
    buffer.bytes.fill(0xff, 0, 128);
    const name = `\0epollo-accept-${process.pid}`;
    listener = openListener({ unix: name, port: 0, reusePort: false, ipv6Only: false });
    opened.push(connectUnix(name));
    opened.push(await acceptSoon(listener.fd, buffer));
    const words = new Int32Array(5).fill(7);
    encodePeer(buffer.bytes, words, 0);
    expect(formatPeer(words, 0)).toBeNull();
  });

  test("on what is no listener is fatal", () => {
    const buffer = accept.allocateAcceptBuffer();
    for (const fd of [1_000_000, -1]) {
      expect(accept.classifyAcceptFailure(accept.acceptClient(fd, buffer))).toBe(accept.ACCEPT_FATAL);
    }
  });
});

test("failures are sorted as accept(2) says", () => {
  const kinds: [number, ErrnoName[]][] = [
    [accept.ACCEPT_WAIT, ["EAGAIN"]],
    [accept.ACCEPT_RETRY, ["EINTR", "ECONNABORTED", "EPROTO", "ENETDOWN", "EHOSTUNREACH", "ENONET", "EPERM"]],
    [accept.ACCEPT_EXHAUSTED, ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]],
    [accept.ACCEPT_FATAL, ["EBADF", "ENOTSOCK", "EFAULT", "ENOSYS"]],
    [accept.ACCEPT_OVER, ["EINVAL"]],
  ];
  for (const [kind, names] of kinds) {
    for (const name of names)
      expect(`${name} ${accept.classifyAcceptFailure(-ERRNO[name])}`).toBe(`${name} ${kind}`);
  }
});

describe("SpareDescriptor", () => {
  test("turns one client away and takes its descriptor again", async () => {
    listener = openLoopback();
    const before = fdCount();
    const spare = new accept.SpareDescriptor();
    expect(spare.isHeld).toBe(true);
    expect(spare.shed(listener.fd)).toBe(-ERRNO.EAGAIN);
    expect(spare.isHeld).toBe(true);
    const client = connectTcp(listener.port);
    opened.push(client);
    sendText(client, "x");
    let result = spare.shed(listener.fd);
    for (let attempt = 0; result !== 0 && attempt < 3000; attempt++) {
      await Bun.sleep(1);
      result = spare.shed(listener.fd);
    }
    expect(result).toBe(0);
    // The client's byte was never read, so closing resets the connection: the client sees an error or the end, no wait.
    expect(() => {
      if (receiveText(client) === "") throw new Error("end");
    }).toThrow();
    spare.close();
    spare.close();
    expect(spare.isHeld).toBe(false);
    expect(fdCount()).toBe(before + 1);
  });

  test("helps when the process has no descriptor left (in a process of its own)", () => {
    const script = `ulimit -n 64; exec "${process.execPath}" "${import.meta.dir}/exhausted.ts"`;
    const child = Bun.spawnSync({ cmd: ["sh", "-c", script] });
    expect(child.stderr.toString()).toBe("");
    expect(child.stdout.toString().trim()).toBe("exhausted, shed, client told, room again");
  });
});
