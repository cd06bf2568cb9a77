/**
 * A set of peers: addresses, CIDR blocks, and unix sockets as a whole.
 *
 * Pure, any thread. Made once from text, asked once for each new client, without allocating. IPv4 addresses match in both of
 * their forms: a listener for both families shows 192.0.2.1 as ::ffff:192.0.2.1.
 */
import { parseIp } from "./ip-text.ts";

/** One block: the bits of `words` that `masks` select. */
interface Block {
  readonly words: Int32Array;
  readonly masks: Int32Array;
}

/** Is the entry that stands for all peers of a unix socket. */
export const UNIX_PEERS = "unix";

/** Is ::ffff:0:0/96 as the words of a peer's record: where IPv4 addresses lie within IPv6. */
const MAPPED_WORD: number = 0xffff0000 | 0;

/** A set of peers. */
export class AddressSet {
  readonly #blocks: Block[] = [];
  #hasUnix = false;

  /** Adds "192.0.2.1", "10.0.0.0/8", "2001:db8::/32" or "unix"; false, and nothing is added, for any other text. */
  add(text: string): boolean {
    if (text === UNIX_PEERS) {
      this.#hasUnix = true;
      return true;
    }
    const [address, prefix, ...rest] = text.split("/");
    const bytes = parseIp(address!);
    if (bytes === null || rest.length > 0) return false;
    const isIpv4 = bytes.length === 4;
    const most = bytes.length * 8;
    if (prefix !== undefined && (!/^(?:0|[1-9]\d{0,2})$/.test(prefix) || Number(prefix) > most)) return false;
    const length = (prefix === undefined ? most : Number(prefix)) + (isIpv4 ? 96 : 0);
    const whole = new Uint8Array(16);
    if (isIpv4) whole.set([0xff, 0xff, ...bytes], 10);
    else whole.set(bytes);
    const mask = new Uint8Array(16);
    for (let bit = 0; bit < length; bit++) mask[bit >> 3]! |= 0x80 >> (bit & 7);
    const block = { words: new Int32Array(whole.buffer), masks: new Int32Array(mask.buffer) };
    // Bits behind the prefix would never match: "10.1.2.3/8" is more likely a mistake than meant.
    for (let word = 0; word < 4; word++) {
      if ((block.words[word]! & ~block.masks[word]!) !== 0) return false;
    }
    this.#blocks.push(block);
    return true;
  }

  /** Whether the peer whose record (`address.ts`) begins at `index` of `words` is in the set. */
  has(words: Int32Array, index: number): boolean {
    const family = words[index]! & 0xffff;
    if (family === 0) return this.#hasUnix;
    const isIpv4 = family === 4;
    const first = isIpv4 ? 0 : words[index + 1]!;
    const second = isIpv4 ? 0 : words[index + 2]!;
    const third = isIpv4 ? MAPPED_WORD : words[index + 3]!;
    const fourth = isIpv4 ? words[index + 1]! : words[index + 4]!;
    for (const { words: block, masks } of this.#blocks) {
      if (
        (((first ^ block[0]!) & masks[0]!) |
          ((second ^ block[1]!) & masks[1]!) |
          ((third ^ block[2]!) & masks[2]!) |
          ((fourth ^ block[3]!) & masks[3]!)) ===
        0
      )
        return true;
    }
    return false;
  }
}
