import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { close, fcntl } from "../../ffi/calls.ts";
import {
  F_GETFD,
  F_GETFL,
  FD_CLOEXEC,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_V6ONLY,
  O_NONBLOCK,
  SO_ACCEPTCONN,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOL_SOCKET,
  TCP_DEFER_ACCEPT,
} from "../../ffi/constants.ts";
import { allocateAcceptBuffer } from "../../src/net/accept.ts";
import { formatSockaddr, type SocketAddress } from "../../src/net/address.ts";
import { type Listener, type ListenerOptions, openListener } from "../../src/net/listener.ts";
import { fdCount } from "../support/process-info.ts";
import { acceptSoon, connectTcp, connectUnix, getIntOption, sendText } from "./raw-client.ts";

const listeners: Listener[] = [];
const opened: number[] = [];
const folder = mkdtempSync(join(tmpdir(), "epollo-listener-"));
afterAll(() => rmSync(folder, { recursive: true }));

afterEach(() => {
  for (const listener of listeners.splice(0)) listener.close();
  for (const fd of opened.splice(0)) close(fd);
});

function start(options: Partial<ListenerOptions>): Listener {
  const listener = openListener({ port: 0, reusePort: false, ipv6Only: false, ...options });
  listeners.push(listener);
  return listener;
}

const hasIpv6 = (() => {
  try {
    openListener({ hostname: "::1", port: 0, reusePort: false, ipv6Only: false }).close();
    return true;
  } catch {
    return false;
  }
})();

describe("the socket's options", () => {
  test("are those of Bun's listener", () => {
    const { fd } = start({ hostname: "127.0.0.1" });
    expect(fcntl(fd, F_GETFL, 0) & O_NONBLOCK).toBe(O_NONBLOCK);
    expect(fcntl(fd, F_GETFD, 0)).toBe(FD_CLOEXEC);
    expect(getIntOption(fd, SOL_SOCKET, SO_ACCEPTCONN)).toBe(1);
    expect(getIntOption(fd, SOL_SOCKET, SO_REUSEADDR)).toBe(1);
    expect(getIntOption(fd, SOL_SOCKET, SO_REUSEPORT)).toBe(0);
    expect(getIntOption(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT)).toBe(1);
  });

  test("reusePort lets two listen on one port", () => {
    const first = start({ hostname: "127.0.0.1", reusePort: true });
    const second = start({ hostname: "127.0.0.1", port: first.port, reusePort: true });
    expect(getIntOption(second.fd, SOL_SOCKET, SO_REUSEPORT)).toBe(1);
    expect(second.port).toBe(first.port);
  });

  test("the backlog is 512 unless told otherwise", () => {
    // Send-Q of a listening socket in `ss -ltn` is its backlog; /proc/net/tcp does not show it.
    const ss = Bun.which("ss");
    if (ss === null) return;
    const backlogOf = ({ port }: Listener) => {
      const line = Bun.spawnSync([ss, "-Hltn", `sport = :${port}`]).stdout.toString();
      return Number(line.trim().split(/\s+/)[2]);
    };
    expect(backlogOf(start({ hostname: "127.0.0.1" }))).toBe(512);
    expect(backlogOf(start({ hostname: "127.0.0.1", backlog: 7 }))).toBe(7);
  });
});

describe("addresses", () => {
  const cases: [string | undefined, Omit<SocketAddress, "port">, boolean][] = [
    [undefined, { address: "::", family: "IPv6" }, true],
    ["", { address: "::", family: "IPv6" }, true],
    ["::", { address: "::", family: "IPv6" }, true],
    ["::1", { address: "::1", family: "IPv6" }, true],
    ["[::1]", { address: "::1", family: "IPv6" }, true],
    ["::ffff:127.0.0.1", { address: "::ffff:127.0.0.1", family: "IPv6" }, true],
    ["0.0.0.0", { address: "0.0.0.0", family: "IPv4" }, false],
    ["0", { address: "0.0.0.0", family: "IPv4" }, false],
    ["127.1", { address: "127.0.0.1", family: "IPv4" }, false],
  ];
  for (const [hostname, expected, needsIpv6] of cases) {
    test.skipIf(needsIpv6 && !hasIpv6)(`${JSON.stringify(hostname)} (as in Bun)`, () => {
      const options = hostname === undefined ? {} : { hostname };
      const listener = start(options);
      expect(listener.kind).toBe("tcp");
      expect(listener.port).toBeGreaterThan(0);
      expect(listener.address).toEqual({ ...expected, port: listener.port });
      const bun = Bun.serve({ port: 0, fetch: () => new Response(), ...options });
      const real = (bun as unknown as { address: SocketAddress }).address;
      bun.stop(true);
      expect({ ...real, port: 0 }).toEqual({ ...expected, port: 0 });
    });
  }

  test("localhost is the address that Bun takes for it", () => {
    const bun = Bun.serve({ hostname: "localhost", port: 0, fetch: () => new Response() });
    const real = (bun as unknown as { address: SocketAddress }).address;
    bun.stop(true);
    expect((start({ hostname: "localhost" }).address as SocketAddress).address).toBe(real.address);
  });

  test.skipIf(!hasIpv6)("no host name serves both families; an IPv4 client is shown mapped", async () => {
    const listener = start({});
    expect(getIntOption(listener.fd, IPPROTO_IPV6, IPV6_V6ONLY)).toBe(0);
    const client = connectTcp(listener.port);
    opened.push(client);
    sendText(client, "x");
    const buffer = allocateAcceptBuffer();
    opened.push(await acceptSoon(listener.fd, buffer));
    expect(formatSockaddr(buffer.bytes)).toMatchObject({ address: "::ffff:127.0.0.1", family: "IPv6" });
  });

  test.skipIf(!hasIpv6)("ipv6Only keeps IPv4 clients out", () => {
    const listener = start({ hostname: "::", ipv6Only: true });
    expect(getIntOption(listener.fd, IPPROTO_IPV6, IPV6_V6ONLY)).toBe(1);
    const before = fdCount();
    expect(() => connectTcp(listener.port)).toThrow("ECONNREFUSED");
    // The failed client's socket is the test's own leak.
    expect(fdCount()).toBe(before + 1);
    opened.push(lastDescriptor());
  });
});

test.skipIf(!hasIpv6)("where the IPv6 address cannot be had, no host name means 0.0.0.0, as in Bun", () => {
  const { port } = start({ hostname: "::", ipv6Only: true });
  const listener = start({ port });
  expect(listener.address).toEqual({ address: "0.0.0.0", family: "IPv4", port });
  listener.close();
  const bun = Bun.serve({ port, fetch: () => new Response() });
  const real = (bun as unknown as { address: SocketAddress }).address;
  bun.stop(true);
  expect(real.address).toBe("0.0.0.0");
});

describe("close", () => {
  test("frees the port and the descriptor, and may be called twice", () => {
    const before = fdCount();
    const listener = start({ hostname: "127.0.0.1" });
    listener.close();
    listener.close();
    expect(fdCount()).toBe(before);
    expect(start({ hostname: "127.0.0.1", port: listener.port }).port).toBe(listener.port);
  });

  test("removes a unix socket's file", async () => {
    const path = join(folder, "ü.sock");
    const listener = start({ unix: path });
    expect([listener.kind, listener.port, listener.address]).toEqual(["unix", 0, path]);
    expect(existsSync(path)).toBe(true);
    opened.push(connectUnix(path));
    opened.push(await acceptSoon(listener.fd));
    listener.close();
    expect(existsSync(path)).toBe(false);
  });

  test("an abstract name is known to other programs as Node writes it, and free again", async () => {
    const name = `\0epollo-listener-${process.pid}`;
    const listener = start({ unix: name });
    expect([listener.kind, listener.address]).toEqual(["abstract", name]);
    const client = createConnection({ path: name });
    opened.push(await acceptSoon(listener.fd));
    client.destroy();
    listener.close();
    start({ unix: name });
  });
});

/** The highest open descriptor. */
function lastDescriptor(): number {
  let last = 0;
  for (let fd = 3; fd < 1024; fd++) if (fcntl(fd, F_GETFD, 0) >= 0) last = fd;
  return last;
}
