import { dlopen } from "bun:ffi";
import { describe, expect, test } from "bun:test";
import { encodeSockaddrIn, encodeSockaddrIn6, encodeSockaddrUn } from "../../ffi/layout.ts";
import { libcCandidates } from "../../ffi/libc.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import { encodePeer, formatPeer, formatSockaddr, isLoopbackPeer, PEER_WORDS } from "../../src/net/address.ts";

const AF_INET6 = 10;

function inetNtop(address: Uint8Array): string {
  const open = (name: string) =>
    dlopen(name, { inet_ntop: { args: ["i32", "ptr", "ptr", "u32"], returns: "cstring" } }).symbols.inet_ntop;
  const [glibc, musl] = libcCandidates();
  let inet: ReturnType<typeof open>;
  try {
    inet = open(glibc!);
  } catch {
    inet = open(musl!);
  }
  const source = NativeBuffer.allocate(16);
  source.bytes.set(address);
  const target = NativeBuffer.allocate(64);
  inet(AF_INET6, source.bytes, target.bytes, 64);
  return target.bytes.toString("latin1", 0, target.bytes.indexOf(0));
}

function ipv6(groups: string): Uint8Array {
  const bytes = new Uint8Array(16);
  groups.split(":").forEach((group, index) => {
    bytes[index * 2] = Number.parseInt(group, 16) >> 8;
    bytes[index * 2 + 1] = Number.parseInt(group, 16) & 0xff;
  });
  return bytes;
}

function text6(address: Uint8Array): string {
  const sockaddr = Buffer.alloc(28);
  encodeSockaddrIn6(sockaddr, address, 1);
  return formatSockaddr(sockaddr)!.address;
}

describe("a peer of the loopback interface", () => {
  const isLoopback = (sockaddr: Buffer): boolean => {
    const words = new Int32Array(9).fill(-1);
    encodePeer(sockaddr, words, 2);
    return isLoopbackPeer(words, 2);
  };

  test.each([
    ["127.0.0.1", true],
    ["127.255.0.9", true],
    ["126.0.0.127", false],
    ["192.0.2.127", false],
    ["0:0:0:0:0:0:0:1", true],
    ["0:0:0:0:0:ffff:7f00:2", true],
    ["0:0:0:0:0:ffff:c000:27f", false],
    ["0:0:0:0:0:0:7f00:1", false],
    ["0:0:0:0:0:0:0:2", false],
    ["0:0:0:1:0:0:0:1", false],
    ["7f00:0:0:0:0:0:0:1", false],
    ["2001:db8:0:0:0:ffff:7f00:1", false],
  ])("%s: %p", (text, expected) => {
    const sockaddr = Buffer.alloc(128);
    if (text.includes(":")) encodeSockaddrIn6(sockaddr, ipv6(text), 1);
    else encodeSockaddrIn(sockaddr, Uint8Array.from(text.split("."), Number), 1);
    expect(isLoopback(sockaddr)).toBe(expected);
  });

  test("of a unix socket there is no address", () => {
    const sockaddr = Buffer.alloc(128);
    encodeSockaddrUn(sockaddr, "/tmp/socket");
    expect(isLoopback(sockaddr)).toBe(false);
  });
});

describe("a peer's record", () => {
  test("IPv4: family, port and address in two words, the others zero", () => {
    const sockaddr = Buffer.alloc(128, 0xee);
    encodeSockaddrIn(sockaddr, Uint8Array.of(192, 0, 2, 255), 65535);
    const words = new Int32Array(9).fill(-1);
    encodePeer(sockaddr, words, 2);
    expect([...words]).toEqual([-1, -1, 4 | (0xffff << 16), 0xff0200c0 | 0, 0, 0, 0, -1, -1]);
    const peer = formatPeer(words, 2)!;
    expect(peer).toEqual({ address: "192.0.2.255", family: "IPv4", port: 65535 });
    expect(Object.keys(peer)).toEqual(["address", "family", "port"]);
  });

  test("IPv6: five words", () => {
    const sockaddr = Buffer.alloc(128, 0xee);
    encodeSockaddrIn6(sockaddr, ipv6("2001:db8:0:0:8000:ff:fe00:ffff"), 8080);
    const words = new Int32Array(PEER_WORDS);
    encodePeer(sockaddr, words, 0);
    expect(words[0]).toBe(6 | (8080 << 16));
    expect(formatPeer(words, 0)).toEqual({
      address: "2001:db8::8000:ff:fe00:ffff",
      family: "IPv6",
      port: 8080,
    });
  });

  test("an IPv4 client of a dual-stack listener is shown as Bun shows it", () => {
    const sockaddr = Buffer.alloc(28);
    encodeSockaddrIn6(sockaddr, ipv6("0:0:0:0:0:ffff:7f00:1"), 5);
    expect(formatSockaddr(sockaddr)).toEqual({ address: "::ffff:127.0.0.1", family: "IPv6", port: 5 });
  });

  test("unix peers and empty records are null, and nothing of the peer before is left", () => {
    const words = new Int32Array(PEER_WORDS).fill(-1);
    const sockaddr = Buffer.alloc(110);
    encodeSockaddrUn(sockaddr, "/tmp/x");
    encodePeer(sockaddr, words, 0);
    expect([...words]).toEqual([0, 0, 0, 0, 0]);
    expect(formatPeer(words, 0)).toBeNull();
    expect(formatSockaddr(Buffer.alloc(128))).toBeNull();
  });
});

describe("IPv6 text", () => {
  const cases: [string, string][] = [
    ["0:0:0:0:0:0:0:0", "::"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["1:0:0:0:0:0:0:0", "1::"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"], // RFC 5952 section 4.2.2
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"], // 4.2.3, the longest
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"], // 4.2.3, the first of equals
    ["2001:DB8:0:0:0:0:0:A", "2001:db8::a"], // 4.3
    ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
    ["1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"],
    ["0:0:3:4:5:6:7:8", "::3:4:5:6:7:8"],
    ["0:1:0:0:0:0:0:0", "0:1::"],
    ["0:0:0:0:0:ffff:102:304", "::ffff:1.2.3.4"],
    ["0:0:0:0:ffff:0:102:304", "::ffff:0:102:304"],
  ];
  for (const [groups, expected] of cases) {
    test(expected, () => expect(text6(ipv6(groups))).toBe(expected));
  }

  test("is what inet_ntop prints, for 3000 addresses with many zeros", () => {
    for (let round = 0; round < 3000; round++) {
      const address = new Uint8Array(16);
      crypto.getRandomValues(address);
      for (let group = 0; group < 8; group++) {
        const kind = Math.random();
        if (kind < 0.6) address.fill(0, group * 2, group * 2 + 2);
        else if (kind < 0.7) address.fill(0xff, group * 2, group * 2 + 2);
        else if (kind < 0.8) address[group * 2] = 0;
      }
      expect(text6(address)).toBe(inetNtop(address));
    }
  });
});
