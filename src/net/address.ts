/**
 * Addresses: of peers as five words of shared memory, and of any socket as text.
 *
 * Pure functions, any thread. The acceptor writes a peer's address once, next to the fd that it hands over; a handler
 * thread makes text of it only if the user asks (`server.requestIP`).
 *
 * A record (PEER_WORDS int32 words):
 *
 * | word | content | written by | read by |
 * | --- | --- | --- | --- |
 * | 0 | low 16 bits: family 0 (none or unix), 4, 6; high 16 bits: port | acceptor | whoever formats |
 * | 1-4 | the address in network order, byte by byte; IPv4 in word 1 alone | acceptor | whoever formats |
 *
 * Publication (who may see the words when) is the business of the memory they lie in.
 *
 * IPv6 text follows RFC 5952 as inet_ntop(3) does: lower case, the longest run of two or more zero groups shortened, the first
 * of equals, IPv4-mapped addresses with dots. Bun shows a client of a dual-stack listener as `::ffff:127.0.0.1`, family IPv6.
 */
import { AF_INET, AF_INET6 } from "../../ffi/constants.ts";

/** Is the length of a peer's record in int32 words. */
export const PEER_WORDS = 5;

/** Describes one end of a TCP connection, with the keys of Bun's `server.requestIP` and `server.address` in their order. */
export interface SocketAddress {
  /** The IP address as text. */
  address: string;
  /** The family as text. */
  family: "IPv4" | "IPv6";
  /** The port, 0 to 65535. */
  port: number;
}

/** Writes the record of a sockaddr (first 28 bytes used) to `words` from `index` on. Unix and unknown families give zeros. */
export function encodePeer(sockaddr: Buffer, words: Int32Array, index: number): void {
  const family = sockaddr[0]! | (sockaddr[1]! << 8);
  const port = (sockaddr[2]! << 8) | sockaddr[3]!;
  words[index + 2] = 0;
  words[index + 3] = 0;
  words[index + 4] = 0;
  if (family === AF_INET) {
    words[index] = 4 | (port << 16);
    words[index + 1] = wordOf(sockaddr, 4);
  } else if (family === AF_INET6) {
    words[index] = 6 | (port << 16);
    for (let word = 0; word < 4; word++) words[index + 1 + word] = wordOf(sockaddr, 8 + word * 4);
  } else {
    words[index] = 0;
    words[index + 1] = 0;
  }
}

/** Reads the record at `index` of `words`; null for a unix peer or when there is none. */
export function formatPeer(words: Int32Array, index: number): SocketAddress | null {
  const head = words[index]!;
  const family = head & 0xffff;
  const port = head >>> 16;
  if (family === 4) return { address: ipv4Text(words[index + 1]!), family: "IPv4", port };
  if (family !== 6) return null;
  const groups: number[] = [];
  for (let word = 1; word <= 4; word++) {
    const bytes = words[index + word]!;
    groups.push(((bytes & 0xff) << 8) | ((bytes >>> 8) & 0xff), ((bytes >>> 8) & 0xff00) | (bytes >>> 24));
  }
  return { address: ipv6Text(groups, words[index + 4]!), family: "IPv6", port };
}

/** Whether the record at `index` of `words` is an address of the loopback interface: 127/8 (mapped to IPv6 as well), ::1. RFC 6890. */
export function isLoopbackPeer(words: Int32Array, index: number): boolean {
  const family = words[index]! & 0xffff;
  const first = words[index + 1]!;
  if (family === 4) return (first & 0xff) === 127;
  if (family !== 6 || first !== 0 || words[index + 2] !== 0) return false;
  const last = words[index + 4]!;
  return words[index + 3] === 0 ? last === ONE_LAST : words[index + 3] === MAPPED && (last & 0xff) === 127;
}

/** Reads a sockaddr as text; null when it is neither IPv4 nor IPv6. */
export function formatSockaddr(sockaddr: Buffer): SocketAddress | null {
  const words = new Int32Array(PEER_WORDS);
  encodePeer(sockaddr, words, 0);
  return formatPeer(words, 0);
}

/** The third and fourth word of an address, as they lie in memory: ::ffff:0:0/96 and ::1. */
const MAPPED = 0xffff0000 | 0;
const ONE_LAST = 0x01000000;

function wordOf(bytes: Buffer, offset: number): number {
  return bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 24);
}

function ipv4Text(word: number): string {
  return `${word & 0xff}.${(word >>> 8) & 0xff}.${(word >>> 16) & 0xff}.${word >>> 24}`;
}

/** RFC 5952 section 4 and 5; `lastWord` holds the last four bytes once more, for the forms that end in IPv4. */
function ipv6Text(groups: number[], lastWord: number): string {
  let runStart = -1;
  let runLength = 1; // a single zero group is not shortened, section 4.2.2
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && groups[end] === 0) end++;
    if (end - start > runLength) {
      runStart = start;
      runLength = end - start;
    }
    if (end > start) start = end;
  }
  const isMapped = runStart === 0 && runLength === 5 && groups[5] === 0xffff;
  if (isMapped) return `::ffff:${ipv4Text(lastWord)}`;
  if (runStart === 0 && runLength === 6) return `::${ipv4Text(lastWord)}`; // IPv4-compatible, as inet_ntop prints it
  const hex = groups.map((group) => group.toString(16));
  if (runStart < 0) return hex.join(":");
  return `${hex.slice(0, runStart).join(":")}::${hex.slice(runStart + runLength).join(":")}`;
}
