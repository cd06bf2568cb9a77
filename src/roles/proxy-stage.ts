/**
 * The PROXY protocol in a dispatcher: clients that come through a trusted proxy say first who they are.
 *
 * Owned by the dispatcher. Of each new client it is asked once whether it has to; such a client keeps a reference to this
 * stage until its header is read, and is under the deadline of its first head for all that time.
 */
import { AddressSet } from "../net/address-set.ts";
import { readProxyHeader } from "../net/proxy-header.ts";
import { PEER_ADDRESS_WORDS } from "../shm/incoming-queue.ts";
import { type Client, type Introduction, TOO_MANY } from "./client.ts";
import type { ClientTable } from "./client-table.ts";

/** Reads the headers of one dispatcher's clients. */
export class ProxyStage implements Introduction {
  readonly #trusted: AddressSet = new AddressSet();
  readonly #table: ClientTable;

  /** @param from entries of `AddressSet`, checked before */
  constructor(from: readonly string[], table: ClientTable) {
    for (const entry of from) this.#trusted.add(entry);
    this.#table = table;
  }

  /** A client is new: if its peer is a proxy, its header comes first. */
  opened(client: Client): void {
    if (this.#trusted.has(this.#table.peers, client.slot * PEER_ADDRESS_WORDS)) client.proxy = this;
  }

  /**
   * Reads the header at bytes[start..end) of a client that has to send one; then the client's address is that of the
   * header, and requests follow.
   *
   * @returns its length, 0 when not all of it is there, TOO_MANY, or another negative number when it is none
   */
  read(client: Client, bytes: Buffer, start: number, end: number): number {
    if (start === end) return 0;
    const index = client.slot * PEER_ADDRESS_WORDS;
    const length = readProxyHeader(bytes, start, end, this.#table.peers, index);
    if (length <= 0) return length;
    client.proxy = null;
    return this.#table.identified(client) ? length : TOO_MANY;
  }
}
