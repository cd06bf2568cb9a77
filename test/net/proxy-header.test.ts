/**
 * The header of the PROXY protocol: a corpus of right and wrong ones, each whole, cut at every place, byte by byte, and with
 * a request behind it.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatPeer } from "../../src/net/address.ts";
import {
  MAX_HEADER_BYTES,
  PROXY_MALFORMED,
  PROXY_NEEDS_DATA,
  readProxyHeader,
} from "../../src/net/proxy-header.ts";

const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const REQUEST = Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n");

const bytes = (...values: readonly (number | readonly number[])[]): Buffer => Buffer.from(values.flat());

/** A header of version 2; `length` where it is not that of what follows. */
function binary(command: number, family: number, rest: Uint8Array, length = rest.length): Buffer {
  return Buffer.concat([SIGNATURE, bytes(command, family, length >> 8, length & 255), rest]);
}

function tlv(type: number, value: Uint8Array): Buffer {
  return Buffer.concat([bytes(type, value.length >> 8, value.length & 255), value]);
}

const TCP4 = bytes([192, 0, 2, 1], [198, 51, 100, 2], [0xdc, 0x04], [0x01, 0xbb]);
const IP6 = Buffer.from("20010db8000000000000000000000001", "hex");
const TCP6 = Buffer.concat([IP6, IP6, bytes(0xff, 0xff, 0, 80)]);

/** A header with a checksum TLV between two others; `change` damages the sum. */
function summed(change: number): Buffer {
  const tlvs = Buffer.concat([tlv(2, Buffer.from("h2")), tlv(3, Buffer.alloc(4)), tlv(4, Buffer.alloc(3))]);
  const header = binary(0x21, 0x11, Buffer.concat([TCP4, tlvs]));
  let sum = ~0;
  for (const byte of header) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0x82f63b78 : sum >>> 1;
  }
  header.writeUInt32BE((~sum ^ change) >>> 0, 16 + 12 + 5 + 3);
  return header;
}

const KEPT = "(as it was)";

const RIGHT: readonly (readonly [name: string, header: Buffer | string, client: string | null])[] = [
  ["v1 TCP4", "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", "192.0.2.1:56324"],
  ["v1 TCP4, ports at their ends", "PROXY TCP4 255.255.255.255 0.0.0.0 65535 0\r\n", "255.255.255.255:65535"],
  ["v1 TCP6", "PROXY TCP6 2001:db8::1 ::1 1 2\r\n", "2001:db8::1:1"],
  [
    "v1 TCP6 in full",
    `PROXY TCP6 ${"ffff:".repeat(7)}ffff ${"ffff:".repeat(7)}ffff 65535 65535\r\n`,
    `${"ffff:".repeat(7)}ffff:65535`,
  ],
  ["v1 UNKNOWN", "PROXY UNKNOWN\r\n", KEPT],
  ["v1 UNKNOWN with more", "PROXY UNKNOWN ffff::1 and so on\r\n", KEPT],
  ["v1 of 107 bytes", `PROXY UNKNOWN ${"x".repeat(91)}\r\n`, KEPT],
  ["v2 TCP4", binary(0x21, 0x11, TCP4), "192.0.2.1:56324"],
  ["v2 TCP6", binary(0x21, 0x21, TCP6), "2001:db8::1:65535"],
  ["v2 unix", binary(0x21, 0x31, Buffer.alloc(216)), null],
  ["v2 unspecified", binary(0x21, 0x00, Buffer.alloc(0)), KEPT],
  ["v2 unspecified with more", binary(0x21, 0x00, Buffer.from("anything")), KEPT],
  ["v2 local", binary(0x20, 0x00, Buffer.alloc(0)), KEPT],
  ["v2 local with addresses", binary(0x20, 0x11, TCP4), KEPT],
  ["v2 local of a family that nobody knows", binary(0x20, 0xff, Buffer.from("abc")), KEPT],
  [
    "v2 with TLVs",
    binary(0x21, 0x11, Buffer.concat([TCP4, tlv(4, Buffer.alloc(9)), tlv(0xe0, Buffer.alloc(0))])),
    "192.0.2.1:56324",
  ],
  ["v2 with a checksum", summed(0), "192.0.2.1:56324"],
  [
    "v2 of the greatest length",
    binary(0x21, 0x11, Buffer.concat([TCP4, tlv(4, Buffer.alloc(MAX_HEADER_BYTES - 16 - 12 - 3))])),
    "192.0.2.1:56324",
  ],
];

const WRONG: readonly (readonly [name: string, header: Buffer | string])[] = [
  ["a request", REQUEST],
  ["lower case", "proxy TCP4 192.0.2.1 198.51.100.2 1 2\r\n"],
  ["a family that nobody knows", "PROXY TCP5 192.0.2.1 198.51.100.2 1 2\r\n"],
  ["UDP", "PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n"],
  ["no family", "PROXY \r\n"],
  ["UNKNOWNX", "PROXY UNKNOWNX\r\n"],
  ["two spaces", "PROXY  TCP4 192.0.2.1 198.51.100.2 1 2\r\n"],
  ["a space at the end", "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 \r\n"],
  ["a tab", "PROXY TCP4\t192.0.2.1 198.51.100.2 1 2\r\n"],
  ["a port missing", "PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n"],
  ["a port too many", "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n"],
  ["a port too large", "PROXY TCP4 192.0.2.1 198.51.100.2 65536 2\r\n"],
  ["a port with a leading zero", "PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n"],
  ["a port with a sign", "PROXY TCP4 192.0.2.1 198.51.100.2 -1 2\r\n"],
  ["the proxy's port wrong", "PROXY TCP4 192.0.2.1 198.51.100.2 1 x\r\n"],
  ["an address wrong", "PROXY TCP4 192.0.2.256 198.51.100.2 1 2\r\n"],
  ["the proxy's address wrong", "PROXY TCP4 192.0.2.1 198.51.100 1 2\r\n"],
  ["IPv6 in TCP4", "PROXY TCP4 ::1 ::1 1 2\r\n"],
  ["IPv4 in TCP6", "PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n"],
  ["a bare LF", "PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n"],
  ["a bare CR", "PROXY TCP4 192.0.2.1 198.51.100.2 1 2\rX"],
  ["a control byte", "PROXY UNKNOWN \x01\r\n"],
  ["a byte above ASCII", "PROXY UNKNOWN \xe4\r\n"],
  ["v1 of 108 bytes", `PROXY UNKNOWN ${"x".repeat(92)}\r\n`],
  ["v1 without end", `PROXY UNKNOWN ${"x".repeat(200)}`],
  ["v2 with a wrong byte in the signature", Buffer.from("\r\n\r\n\0\r\nQUIX\n!\x11\0\0", "latin1")],
  ["version 1 in the form of 2", binary(0x11, 0x11, TCP4)],
  ["version 3", binary(0x31, 0x11, TCP4)],
  ["a command that nobody knows", binary(0x22, 0x11, TCP4)],
  ["v2 UDP over IPv4", binary(0x21, 0x12, TCP4)],
  ["v2 datagrams of a unix socket", binary(0x21, 0x32, Buffer.alloc(216))],
  ["v2 of a family that nobody knows", binary(0x21, 0x41, TCP4)],
  ["v2 too short for its addresses", binary(0x21, 0x11, TCP4.subarray(0, 11))],
  ["v2 IPv6 with the addresses of IPv4", binary(0x21, 0x21, TCP4)],
  ["v2 too long", binary(0x21, 0x11, TCP4, MAX_HEADER_BYTES - 15)],
  ["v2 of the length that fits into the field", binary(0x20, 0x00, Buffer.alloc(0), 65535)],
  ["v2 with half a TLV", binary(0x21, 0x11, Buffer.concat([TCP4, bytes(4, 0)]))],
  [
    "v2 with a TLV that is longer than the header",
    binary(0x21, 0x11, Buffer.concat([TCP4, bytes(4, 0, 2, 1)])),
  ],
  ["v2 with a wrong checksum", summed(1)],
  ["v2 with a checksum of three bytes", binary(0x21, 0x11, Buffer.concat([TCP4, tlv(3, Buffer.alloc(3))]))],
];

interface Reading {
  readonly result: number;
  /** The client; KEPT where the record is as it was before. */
  readonly client: string | null;
}

/** Reads what lies at an odd place in its memory, so that nothing rests on where it begins. */
function read(source: Uint8Array): Reading {
  const memory = Buffer.concat([Buffer.from("..."), source, Buffer.from("PROXY")]);
  const words = new Int32Array(12).fill(-7);
  const result = readProxyHeader(memory, 3, 3 + source.length, words, 2);
  expect([words[0], words[1], words[7]]).toEqual([-7, -7, -7]);
  const peer = formatPeer(words, 2);
  const isKept = words.subarray(2, 7).every((word) => word === -7);
  return { result, client: isKept ? KEPT : peer === null ? null : `${peer.address}:${peer.port}` };
}

const asBytes = (text: Buffer | string): Buffer =>
  typeof text === "string" ? Buffer.from(text, "latin1") : text;

describe.each(RIGHT)("%s", (_name, text, client) => {
  const header = asBytes(text);

  test("is read, alone and with a request behind it", () => {
    expect(read(header)).toEqual({ result: header.length, client });
    expect(read(Buffer.concat([header, REQUEST]))).toEqual({ result: header.length, client });
    expect(read(Buffer.concat([header, header]))).toEqual({ result: header.length, client });
  });

  test("needs every byte, and changes nothing before the last one", () => {
    const isLong = header.length > 500;
    for (let length = 0; length < header.length; length += isLong ? 97 : 1) {
      expect([length, read(header.subarray(0, length))]).toEqual([
        length,
        { result: PROXY_NEEDS_DATA, client: KEPT },
      ]);
    }
    expect(read(header.subarray(0, -1)).result).toBe(PROXY_NEEDS_DATA);
  });
});

test.each(WRONG)("%s is refused", (_name, text) => {
  const header = asBytes(text);
  expect(read(header)).toEqual({ result: PROXY_MALFORMED, client: KEPT });
  // Once wrong it stays wrong, however much of it is there.
  let isWrong = false;
  for (let length = 0; length <= header.length; length++) {
    const { result } = read(header.subarray(0, length));
    expect(result).toBeLessThanOrEqual(0);
    if (isWrong) expect(result).toBe(PROXY_MALFORMED);
    isWrong ||= result === PROXY_MALFORMED;
  }
  expect(isWrong).toBe(true);
});

test("whatever the bytes, the result is one of three, and more bytes never take it back", () => {
  const start = fc.constantFrom(
    "",
    "PROXY ",
    "PROXY TCP4 ",
    SIGNATURE.toString("latin1"),
    `${SIGNATURE.toString("latin1")}!\x11`,
  );
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 60 }), (prefix, rest) => {
      const whole = Buffer.concat([Buffer.from(prefix, "latin1"), rest]);
      let last = 0;
      for (let length = 0; length <= whole.length; length++) {
        const { result } = read(whole.subarray(0, length));
        if (last !== 0) expect(result).toBe(last);
        expect(result === PROXY_MALFORMED || (result >= 0 && result <= length)).toBe(true);
        last = result;
      }
    }),
  );
});
