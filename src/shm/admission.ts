/**
 * How many connections are open, in all and by address: what the limits on connections are decided by.
 *
 * The acceptor lets in, whoever closes a connection lets out. Layout (from 0):
 *
 *   offset | bytes            | field    | written by
 *   0      | 4                | open     | acceptor (+1), dispatchers (-1), atomically
 *   128    | PARKER_BYTES     | room     | the acceptor sleeps on it when it waits for room
 *   256    | 4                | seed     | main, once
 *   384    | 4 * ROWS * WIDTH | counters | as open
 *   then   | 4 * DESCRIPTORS  | keys     | dispatchers: the key of each descriptor's connection, for when one of them dies
 *
 * Addresses are counted in a count-min sketch (Cormode and Muthukrishnan, 2005): each has one counter in each of ROWS rows, found
 * by hashes of its key with a random seed, and its count is the least of them. Addresses that share a counter make it
 * too high, never too low, and an address is counted too high only if it shares all of its counters. So a limit may turn
 * away a little too early when there are tens of thousands of addresses, no memory is taken for an address, nothing has to
 * be looked up, and letting out is ROWS atomic subtractions. An IPv6 address counts as its network, the first 64 bits:
 * who has one of these has all of its addresses.
 */
import { checkPlace, declareLayout, isolated, WORD_BYTES } from "./layout.ts";
import { PARKER_BYTES, Parker } from "./parker.ts";

/** The limits, and the memory that connections are counted in; it can be posted to a Worker. */
export interface AdmissionMemory {
  readonly buffer: SharedArrayBuffer;
  /** Connections that may be open at once; Infinity for any number. */
  readonly connections: number;
  /** The same for one address. */
  readonly connectionsPerAddress: number;
}

/** The key of a connection that has no address. */
export const NO_ADDRESS = 0;

const ROWS = 4;
const WIDTH = 16_384;
/** Descriptor numbers whose keys are noted. */
const DESCRIPTORS = 1 << 20;
const LAYOUT = declareLayout({
  open: isolated(WORD_BYTES),
  room: isolated(PARKER_BYTES),
  seed: isolated(WORD_BYTES),
  counters: isolated(WORD_BYTES * ROWS * WIDTH),
  keys: isolated(WORD_BYTES * DESCRIPTORS),
});
const OPEN = LAYOUT.offsets.open / WORD_BYTES;
const SEED = LAYOUT.offsets.seed / WORD_BYTES;
const COUNTERS = LAYOUT.offsets.counters / WORD_BYTES;
const KEYS = LAYOUT.offsets.keys / WORD_BYTES;
/** Odd numbers that tell the rows apart. */
const FACTORS = [0x9e3779b1, 0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f] as const;

/** Allocates the memory for these limits; null when there are none. */
export function allocateAdmission(
  connections: number,
  connectionsPerAddress: number,
): AdmissionMemory | null {
  if (connections === Infinity && connectionsPerAddress === Infinity) return null;
  const buffer = new SharedArrayBuffer(LAYOUT.bytes);
  new Int32Array(buffer)[SEED] = Math.floor(Math.random() * 2 ** 32);
  return { buffer, connections, connectionsPerAddress };
}

/** Counts the connections of a server. **Thread**: any. **Blocks**: never. */
export class Admission {
  /** What the acceptor sleeps on while it waits for room. */
  readonly room: Parker;
  readonly #words: Int32Array;
  readonly #connections: number;
  readonly #connectionsPerAddress: number;

  /** @throws RangeError when the memory is too small. New memory (zeroes) counts nothing. */
  constructor(memory: AdmissionMemory) {
    const { buffer, connections, connectionsPerAddress } = memory;
    checkPlace("admission", buffer, 0, LAYOUT.bytes, LAYOUT.alignBytes);
    this.#words = new Int32Array(buffer);
    this.room = new Parker(buffer, LAYOUT.offsets.room);
    this.#connections = connections;
    this.#connectionsPerAddress = connectionsPerAddress;
  }

  /** Connections that are open. */
  get open(): number {
    return Atomics.load(this.#words, OPEN);
  }

  /** Whether no connection may be let in. */
  get isFull(): boolean {
    return this.open >= this.#connections;
  }

  /**
   * Makes the key of a peer, five words from `index` on (`net/address.ts`): above 0; NO_ADDRESS for one without an address,
   * and where addresses are not limited.
   */
  keyOf(peer: Int32Array, index: number): number {
    const family = peer[index]! & 0xffff;
    if (family === 0 || this.#connectionsPerAddress === Infinity) return NO_ADDRESS;
    const isMapped = peer[index + 1] === 0 && peer[index + 2] === 0 && peer[index + 3] === MAPPED_WORD;
    const first = family === 6 ? (isMapped ? peer[index + 4]! : peer[index + 1]!) : peer[index + 1]!;
    const second = family === 6 && !isMapped ? peer[index + 2]! : IPV4_MARK;
    return (mix(mix(first ^ this.#words[SEED]!) ^ second) | 1) & 0x7fffffff;
  }

  /** Whether this address has as many connections as it may have. */
  isAddressFull(key: number): boolean {
    return key !== NO_ADDRESS && this.countOf(key) >= this.#connectionsPerAddress;
  }

  /** Connections of an address, or a few more. */
  countOf(key: number): number {
    let least = Number.POSITIVE_INFINITY;
    for (let row = 0; row < ROWS; row++) {
      least = Math.min(least, Atomics.load(this.#words, counterOf(key, row)));
    }
    return least;
  }

  /** A connection is let in. */
  enter(key: number): void {
    Atomics.add(this.#words, OPEN, 1);
    this.#count(key, 1);
  }

  /** A connection that was let in without an address has one now. */
  enterAddress(key: number): void {
    this.#count(key, 1);
  }

  /** Notes the key of a connection that is open, by its descriptor. */
  note(fd: number, key: number): void {
    if (fd < DESCRIPTORS) this.#words[KEYS + fd] = key;
  }

  /** The key that was noted last for a descriptor. */
  noted(fd: number): number {
    return fd < DESCRIPTORS ? this.#words[KEYS + fd]! : NO_ADDRESS;
  }

  /** A connection that was let in with this key is closed. @returns whether the acceptor is to be woken for it */
  leave(key: number): boolean {
    Atomics.sub(this.#words, OPEN, 1);
    this.#count(key, -1);
    return this.room.needsWake();
  }

  #count(key: number, by: number): void {
    if (key === NO_ADDRESS) return;
    for (let row = 0; row < ROWS; row++) Atomics.add(this.#words, counterOf(key, row), by);
  }
}

/** Bytes 8 to 11 of an IPv4-mapped address, 00 00 ff ff, as a word. */
const MAPPED_WORD: number = 0xffff0000 | 0;
/** Keeps an IPv4 address and an IPv6 network with the same bits apart. */
const IPV4_MARK = 0x34765049;

function counterOf(key: number, row: number): number {
  return COUNTERS + row * WIDTH + (Math.imul(key, FACTORS[row]!) >>> 18);
}

/** Mixes 32 bits so that each depends on all (the finalizer of MurmurHash3). */
function mix(value: number): number {
  let bits = value;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
