/**
 * The beginning of a client: from the queue of accepted connections into the table and, if it outlives its first turn,
 * into the poller and under a deadline.
 *
 * Owned by the dispatcher.
 */

import type { Poller } from "../net/poller.ts";
import { DispatcherCounter } from "../shm/counters.ts";
import { type IncomingQueue, PEER_ADDRESS_WORDS } from "../shm/incoming-queue.ts";
import { BoundedLog } from "./bounded-log.ts";
import { CLIENT_CLOSED, type Client } from "./client.ts";
import type { ClientCloser } from "./client-closer.ts";
import type { ClientTable } from "./client-table.ts";
import type { Deadlines } from "./deadlines.ts";
import { holdDescriptor } from "./held-descriptors.ts";
import { LISTENER_SLOT, type OwnAccepts } from "./own-accepts.ts";
import type * as Proxies from "./proxy-stage.ts";

/** New clients taken in a turn. */
const INCOMING_BUDGET = 64;

/** What the taker asks of its dispatcher. */
export interface TakerOwner {
  /** Monotonic ms at the start of this turn. */
  readonly nowMs: number;
  /** Puts a client into the ready list. */
  list(client: Client): void;
}

/** Where a client is put. */
export interface TakerPlaces {
  readonly table: ClientTable;
  readonly poller: Poller;
  readonly deadlines: Deadlines;
  readonly closer: ClientCloser;
}

/** With `require`: most servers have no proxy in front of them, and dispatchers start sooner without it. */
function proxyStage(proxies: readonly string[], table: ClientTable): Proxies.ProxyStage {
  const { ProxyStage } = require("./proxy-stage.ts") as typeof Proxies;
  return new ProxyStage(proxies, table);
}

/** Takes the clients of one dispatcher. */
export class ClientTaker {
  readonly #owner: TakerOwner;
  readonly #table: ClientTable;
  readonly #poller: Poller;
  readonly #deadlines: Deadlines;
  readonly #closer: ClientCloser;
  readonly #counters: Float64Array;
  readonly #proxy: Proxies.ProxyStage | null;
  readonly #own: OwnAccepts | null;
  readonly #log: BoundedLog = new BoundedLog("client-refused");
  readonly #peer: Int32Array = new Int32Array(PEER_ADDRESS_WORDS);

  constructor(
    owner: TakerOwner,
    places: TakerPlaces,
    counters: Float64Array,
    proxies: readonly string[] | null,
    own: OwnAccepts | null,
  ) {
    this.#owner = owner;
    this.#table = places.table;
    this.#poller = places.poller;
    this.#deadlines = places.deadlines;
    this.#closer = places.closer;
    this.#counters = counters;
    this.#proxy = proxies === null ? null : proxyStage(proxies, places.table);
    this.#own = own;
  }

  /** Whether there may be connections to accept in the next turn. */
  get hasMore(): boolean {
    return this.#own?.hasMore === true;
  }

  /** Takes new clients, from the queue and from the listener, up to a budget. */
  take(incoming: IncomingQueue): void {
    this.#own?.look();
    for (let i = 0; i < INCOMING_BUDGET; i++) {
      let fd = incoming.take(this.#peer, 0);
      if (fd < 0 && this.#own?.hasMore === true) fd = this.#own.accept(this.#peer, this.#table.count);
      if (fd < 0) return;
      holdDescriptor(fd);
      const client = this.#table.open(fd, this.#peer);
      this.#counters[DispatcherCounter.clientsOpened] += 1;
      this.#proxy?.opened(client);
      this.#deadlines.opened(client, this.#owner.nowMs);
      // The kernel hands over connections whose first bytes are there (TCP_DEFER_ACCEPT): read at once.
      this.#owner.list(client);
    }
  }

  /** The poller has an event for a slot that is no client's. @returns null: no client */
  noticed(slot: number): null {
    if (slot === LISTENER_SLOT) this.#own?.noticed();
    return null;
  }

  /**
   * A client is still there after its first turn: the poller and its deadline are kept from now on. Many are not, those
   * that make a connection for each request.
   */
  watch(client: Client): void {
    if (client.state === CLIENT_CLOSED) return;
    client.isWatched = true;
    this.#deadlines.keep(client);
    if (this.#poller.register(client.fd, client.slot, client.generation) >= 0) return;
    this.#log.say("out of memory or of watches for epoll: new clients are turned away");
    this.#closer.close(client);
  }

  /** Closes all that are in the queue. */
  closeUntaken(incoming: IncomingQueue): void {
    for (let fd = incoming.take(this.#peer, 0); fd >= 0; fd = incoming.take(this.#peer, 0)) {
      this.#closer.closeUntaken(fd);
      this.#table.closedUntaken(this.#peer);
    }
  }
}
