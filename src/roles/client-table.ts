/**
 * The clients of one dispatcher by slot, with their addresses.
 *
 * Owned by the dispatcher. A slot that is freed gets the next generation, so late events and messages miss.
 */
import { isLoopbackPeer } from "../net/address.ts";
import { NO_ADDRESS } from "../shm/admission.ts";
import { PEER_ADDRESS_WORDS } from "../shm/incoming-queue.ts";
import { Client } from "./client.ts";
import type { ConnectionCount } from "./connection-count.ts";

const FIRST_SLOTS = 64;

/** Slots of clients. */
export class ClientTable {
  #clients: (Client | null)[] = new Array(FIRST_SLOTS).fill(null);
  #generations: Int32Array = new Int32Array(FIRST_SLOTS);
  #peers: Int32Array = new Int32Array(FIRST_SLOTS * PEER_ADDRESS_WORDS);
  #free: number[] = [];
  #used = 0;
  #count = 0;
  readonly #connections: ConnectionCount | null;

  /** @param connections who is told of closed connections; null when they are not limited */
  constructor(connections: ConnectionCount | null = null) {
    this.#connections = connections;
  }

  /** Number of clients. */
  get count(): number {
    return this.#count;
  }

  /** Addresses of all clients: five words each, from `slot * PEER_ADDRESS_WORDS` on. Asked for anew after `open`. */
  get peers(): Int32Array {
    return this.#peers;
  }

  /** Makes a client of an fd; `peer` holds its address in its first five words. */
  open(fd: number, peer: Int32Array): Client {
    const slot = this.#free.pop() ?? this.#used++;
    if (slot === this.#clients.length) this.#grow();
    const client = new Client(slot, this.#generations[slot], fd);
    this.#clients[slot] = client;
    client.isNear = isLoopbackPeer(peer, 0);
    if (this.#connections !== null) {
      client.addressKey = this.#connections.keyOf(peer, 0);
      this.#connections.opened(fd, client.addressKey);
    }
    for (let i = 0; i < PEER_ADDRESS_WORDS; i++) this.#peers[slot * PEER_ADDRESS_WORDS + i] = peer[i];
    this.#count++;
    return client;
  }

  /** The client of a slot and generation, or null when it is gone. */
  find(slot: number, generation: number): Client | null {
    const client = this.#clients[slot];
    return client != null && client.generation === generation ? client : null;
  }

  /** Frees the slot of a client whose fd was closed. */
  close(client: Client): void {
    const slot = client.slot;
    if (this.#clients[slot] !== client) return;
    this.#clients[slot] = null;
    this.#generations[slot] = (this.#generations[slot] + 1) | 0;
    this.#free.push(slot);
    this.#count--;
    this.#connections?.closed(client.addressKey);
  }

  /** A proxy has said who a client is; false when there are too many connections of that address. */
  identified(client: Client): boolean {
    if (this.#connections === null) return true;
    const key = this.#connections.identify(this.#peers, client.slot * PEER_ADDRESS_WORDS);
    if (key > NO_ADDRESS) {
      client.addressKey = key;
      this.#connections.opened(client.fd, key);
    }
    return key !== NO_ADDRESS;
  }

  /** A connection was closed before it became a client; `peer` holds its address in its first five words. */
  closedUntaken(peer: Int32Array): void {
    this.#connections?.closed(this.#connections.keyOf(peer, 0));
  }

  /** Calls `visit` for each client; it may close the one it is given. */
  forEach(visit: (client: Client) => void): void {
    for (let slot = 0; slot < this.#used; slot++) {
      const client = this.#clients[slot];
      if (client != null) visit(client);
    }
  }

  #grow(): void {
    const length = this.#clients.length * 2;
    for (let i = this.#clients.length; i < length; i++) this.#clients.push(null);
    const generations = new Int32Array(length);
    generations.set(this.#generations);
    this.#generations = generations;
    const peers = new Int32Array(length * PEER_ADDRESS_WORDS);
    peers.set(this.#peers);
    this.#peers = peers;
  }
}
