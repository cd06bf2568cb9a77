/**
 * The header of the PROXY protocol, versions 1 and 2: what a proxy says first on a connection, who the client is.
 *
 * Pure: bytes in, an address out; any thread. Source: "The PROXY protocol, versions 1 & 2" (haproxy.org,
 * doc/proxy-protocol.txt), sections 2.1 and 2.2, read strictly: what it does not allow is an error, and then the
 * connection must be closed without an answer, since nobody can tell whose bytes follow.
 *
 *   version 1   "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n", or TCP6, or UNKNOWN and anything; 107 bytes at most
 *   version 2   12 bytes of signature, version and command, family and protocol, length; then addresses, then TLVs
 *
 * A header of version 2 is taken up to MAX_HEADER_BYTES. Its TLVs must fill it exactly; of their values the checksum
 * (PP2_TYPE_CRC32C) is verified, the others are passed over. Addresses of datagrams are an error: this is a stream.
 */
import { PEER_WORDS } from "./address.ts";
import { parseIpv4, parseIpv6 } from "./ip-text.ts";

/** Longest header that is taken, in bytes. Version 2 allows up to 65551, of which proxies use a few hundred at most. */
export const MAX_HEADER_BYTES = 4096;

/** Says that more bytes are needed. */
export const PROXY_NEEDS_DATA = 0;
/** Says that the bytes are no header. */
export const PROXY_MALFORMED = -1;

/** Version 1 with its CRLF, section 2.1. */
const MAX_LINE_BYTES = 107;
const LINE_START: Buffer = Buffer.from("PROXY ", "latin1");
const SIGNATURE: Buffer = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const FIXED_BYTES = 16;
const COMMAND_LOCAL = 0x20;
const COMMAND_PROXY = 0x21;
const UNSPECIFIED = 0x00;
const TCP4 = 0x11;
const TCP6 = 0x21;
const UNIX_STREAM = 0x31;
const CHECKSUM_TYPE = 3;

/**
 * Reads the header at bytes[start..end). May be called with any part of it, again and again from its first byte on.
 *
 * @param words gets the client's record (`address.ts`) from `index` on; it stays as it is where the header names none:
 * version 1 UNKNOWN, version 2 LOCAL and UNSPEC
 * @returns the length of the header in bytes, PROXY_NEEDS_DATA or PROXY_MALFORMED
 */
export function readProxyHeader(
  bytes: Buffer,
  start: number,
  end: number,
  words: Int32Array,
  index: number,
): number {
  if (startsLike(bytes, start, end, LINE_START)) return readLine(bytes, start, end, words, index);
  if (startsLike(bytes, start, end, SIGNATURE)) return readBinary(bytes, start, end, words, index);
  return PROXY_MALFORMED;
}

/** Whether the bytes that are there are those of `expected`. */
function startsLike(bytes: Buffer, start: number, end: number, expected: Buffer): boolean {
  const length = Math.min(end - start, expected.length);
  for (let i = 0; i < length; i++) if (bytes[start + i] !== expected[i]) return false;
  return true;
}

function readLine(bytes: Buffer, start: number, end: number, words: Int32Array, index: number): number {
  const most = Math.min(end, start + MAX_LINE_BYTES);
  for (let i = start; i < most; i++) {
    const byte = bytes[i]!;
    if (byte >= 0x20 && byte <= 0x7e) continue;
    if (byte !== 0x0d) return PROXY_MALFORMED;
    if (i + 1 === most) break;
    if (bytes[i + 1] !== 0x0a) return PROXY_MALFORMED;
    return takeLine(bytes.toString("latin1", start, i), words, index) ? i + 2 - start : PROXY_MALFORMED;
  }
  return end - start < MAX_LINE_BYTES ? PROXY_NEEDS_DATA : PROXY_MALFORMED;
}

function takeLine(line: string, words: Int32Array, index: number): boolean {
  const parts = line.split(" ");
  const family = parts[1];
  if (family === "UNKNOWN") return true;
  if ((family !== "TCP4" && family !== "TCP6") || parts.length !== 6) return false;
  const parse = family === "TCP4" ? parseIpv4 : parseIpv6;
  const source = parse(parts[2]!);
  const port = parsePort(parts[4]!);
  if (source === null || parse(parts[3]!) === null || port < 0 || parsePort(parts[5]!) < 0) return false;
  store(source, 0, source.length, port, words, index);
  return true;
}

function parsePort(text: string): number {
  return /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65535 ? Number(text) : -1;
}

function readBinary(bytes: Buffer, start: number, end: number, words: Int32Array, index: number): number {
  const have = end - start;
  if (have > 12) {
    const command = bytes[start + 12];
    if (command !== COMMAND_LOCAL && command !== COMMAND_PROXY) return PROXY_MALFORMED;
  }
  if (have < FIXED_BYTES) return PROXY_NEEDS_DATA;
  const length = FIXED_BYTES + ((bytes[start + 14]! << 8) | bytes[start + 15]!);
  if (length > MAX_HEADER_BYTES) return PROXY_MALFORMED;
  if (have < length) return PROXY_NEEDS_DATA;
  // Of a connection of the proxy's own nothing counts but its length, section 2.2.
  if (bytes[start + 12] === COMMAND_LOCAL) return length;
  const at = start + FIXED_BYTES;
  const family = bytes[start + 13];
  if (family === UNSPECIFIED) return length;
  const addressBytes = family === TCP4 ? 12 : family === TCP6 ? 36 : family === UNIX_STREAM ? 216 : -1;
  if (addressBytes < 0 || FIXED_BYTES + addressBytes > length) return PROXY_MALFORMED;
  if (!areTlvsRight(bytes, start, at + addressBytes, start + length)) return PROXY_MALFORMED;
  if (family === UNIX_STREAM) words.fill(0, index, index + PEER_WORDS);
  else {
    const ipBytes = family === TCP4 ? 4 : 16;
    const portAt = at + 2 * ipBytes;
    store(bytes, at, ipBytes, (bytes[portAt]! << 8) | bytes[portAt + 1]!, words, index);
  }
  return length;
}

function areTlvsRight(bytes: Buffer, start: number, from: number, end: number): boolean {
  let at = from;
  while (at < end) {
    if (at + 3 > end) return false;
    const length = (bytes[at + 1]! << 8) | bytes[at + 2]!;
    const valueAt = at + 3;
    if (valueAt + length > end) return false;
    if (bytes[at] === CHECKSUM_TYPE) {
      if (length !== 4 || bytes.readUInt32BE(valueAt) !== checksum(bytes, start, end, valueAt)) return false;
    }
    at = valueAt + length;
  }
  return true;
}

/** CRC32c (RFC 9260 appendix A) of bytes[start..end), the four at `zeroAt` taken for zeros, section 2.2.4. */
function checksum(bytes: Buffer, start: number, end: number, zeroAt: number): number {
  let sum = ~0;
  for (let i = start; i < end; i++) {
    sum ^= i >= zeroAt && i < zeroAt + 4 ? 0 : bytes[i]!;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (0x82f63b78 & -(sum & 1));
  }
  return ~sum >>> 0;
}

function store(
  bytes: Uint8Array,
  at: number,
  length: number,
  port: number,
  words: Int32Array,
  index: number,
): void {
  words[index] = (length === 4 ? 4 : 6) | (port << 16);
  for (let word = 0; word < 4; word++) {
    const byte = at + word * 4;
    words[index + 1 + word] =
      word * 4 < length
        ? bytes[byte]! | (bytes[byte + 1]! << 8) | (bytes[byte + 2]! << 16) | (bytes[byte + 3]! << 24)
        : 0;
  }
}
