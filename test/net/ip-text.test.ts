/** IP addresses as text: what inet_pton(3) takes, and nothing else. */
import { describe, expect, test } from "bun:test";
import { isIP } from "node:net";
import fc from "fast-check";
import { formatPeer } from "../../src/net/address.ts";
import { parseIp, parseIpv4, parseIpv6 } from "../../src/net/ip-text.ts";

test.each([
  ["0.0.0.0", [0, 0, 0, 0]],
  ["192.0.2.1", [192, 0, 2, 1]],
  ["255.255.255.255", [255, 255, 255, 255]],
])("IPv4 %s", (text, bytes) => {
  expect([...parseIp(text)!]).toEqual(bytes);
});

test.each([
  ["::", "0".repeat(32)],
  ["::1", `${"0".repeat(31)}1`],
  ["1::", `0001${"0".repeat(28)}`],
  ["2001:db8::8:800:200c:417a", "20010db80000000000080800200c417a"],
  ["2001:DB8:0:0:8:800:200C:417A", "20010db80000000000080800200c417a"],
  ["::ffff:192.0.2.1", "00000000000000000000ffffc0000201"],
  ["1:2:3:4:5:6:7.8.9.10", "00010002000300040005000607080900a".slice(0, 28) + "090a"],
  ["1:2:3:4:5:6:7::", "00010002000300040005000600070000"],
])("IPv6 %s", (text, hex) => {
  expect(Buffer.from(parseIp(text)!).toString("hex")).toBe(hex);
});

test.each([
  ["", "no address"],
  ["1.2.3", "three numbers"],
  ["1.2.3.4.5", "five numbers"],
  ["1.2.3.256", "a number too large"],
  ["01.2.3.4", "a leading zero"],
  ["1.2.3.", "an empty number"],
  ["1.2.3.4 ", "a space"],
  ["+1.2.3.4", "a sign"],
  ["0x1.2.3.4", "hexadecimal"],
  [":", "a colon"],
  [":::", "three colons"],
  ["1::2::3", "two runs"],
  ["1:2:3:4:5:6:7", "seven groups"],
  ["1:2:3:4:5:6:7:8:9", "nine groups"],
  ["1:2:3:4:5:6:7:8::", "a run of nothing"],
  [":1:2:3:4:5:6:7", "a single colon in front"],
  ["1:2:3:4:5:6:7:", "a single colon behind"],
  ["12345::", "five digits"],
  ["g::", "no digit"],
  ["1.2.3.4::", "IPv4 in front"],
  ["::1.2.3.4:5", "IPv4 in the middle"],
  ["fe80::1%eth0", "a zone"],
  ["[::1]", "brackets"],
])("%p is refused: %s", (text) => {
  expect(parseIp(text)).toBeNull();
});

test("one family is not taken for the other", () => {
  expect([parseIpv4("::1"), parseIpv6("127.0.0.1")]).toEqual([null, null]);
});

describe("any text", () => {
  test("is judged as node:net judges it", () => {
    const part = fc.oneof(fc.constantFrom("", "0", "1", "ffff", "fffff", "255", "256", "1.2.3.4", "g", "00"));
    const text = fc
      .tuple(fc.array(part, { maxLength: 9 }), fc.constantFrom(":", ".", "::"))
      .map(([parts, separator]) => parts.join(separator));
    fc.assert(fc.property(text, (value) => (parseIp(value) !== null) === isIP(value) > 0));
  });

  test("that formatPeer makes comes back as the same bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const words = new Int32Array(5);
        words[0] = 6;
        words.set(new Int32Array(Uint8Array.from(bytes).buffer), 1);
        expect([...parseIp(formatPeer(words, 0)!.address)!]).toEqual([...bytes]);
      }),
    );
  });
});
