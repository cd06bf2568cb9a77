/**
 * The beginning of a client: from the queue of accepted connections into the table, the poller and under a deadline.
 *
 * Owned by the dispatcher.
 */

import type { Poller } from "../net/poller.ts";
import { DispatcherCounter } from "../shm/counters.ts";
import { type IncomingQueue, PEER_ADDRESS_WORDS } from "../shm/incoming-queue.ts";
import { BoundedLog } from "./bounded-log.ts";
import type { Client } from "./client.ts";
import type { ClientCloser } from "./client-closer.ts";
import type { ClientTable } from "./client-table.ts";
import type { Deadlines } from "./deadlines.ts";
import { holdDescriptor } from "./held-descriptors.ts";
import type { ProxyStage } from "./proxy-stage.ts";

/** New clients taken in a turn. */
const INCOMING_BUDGET = 64;

/** What the taker asks of its dispatcher. */
export interface TakerOwner {
  /** Monotonic ms at the start of this turn. */
  readonly nowMs: number;
  /** Puts a client into the ready list. */
  list(client: Client): void;
}

/** Takes the clients of one dispatcher. */
export class ClientTaker {
  readonly #owner: TakerOwner;
  readonly #table: ClientTable;
  readonly #poller: Poller;
  readonly #deadlines: Deadlines;
  readonly #closer: ClientCloser;
  readonly #counters: Float64Array;
  readonly #proxy: ProxyStage | null;
  readonly #log: BoundedLog = new BoundedLog("client-refused");
  readonly #peer: Int32Array = new Int32Array(PEER_ADDRESS_WORDS);

  constructor(
    owner: TakerOwner,
    table: ClientTable,
    poller: Poller,
    deadlines: Deadlines,
    closer: ClientCloser,
    counters: Float64Array,
    proxy: ProxyStage | null = null,
  ) {
    this.#owner = owner;
    this.#table = table;
    this.#poller = poller;
    this.#deadlines = deadlines;
    this.#closer = closer;
    this.#counters = counters;
    this.#proxy = proxy;
  }

  /** Takes new clients from the queue, up to a budget. */
  take(incoming: IncomingQueue): void {
    for (let i = 0; i < INCOMING_BUDGET; i++) {
      const fd = incoming.take(this.#peer, 0);
      if (fd < 0) return;
      holdDescriptor(fd);
      const client = this.#table.open(fd, this.#peer);
      this.#counters[DispatcherCounter.clientsOpened] += 1;
      if (this.#poller.register(fd, client.slot, client.generation) < 0) {
        this.#log.say("out of memory or of watches for epoll: new clients are turned away");
        this.#closer.close(client);
        continue;
      }
      this.#proxy?.opened(client);
      this.#deadlines.opened(client, this.#owner.nowMs);
      // The kernel hands over connections whose first bytes are there (TCP_DEFER_ACCEPT): read at once.
      this.#owner.list(client);
    }
  }

  /** Closes all that are in the queue. */
  closeUntaken(incoming: IncomingQueue): void {
    for (let fd = incoming.take(this.#peer, 0); fd >= 0; fd = incoming.take(this.#peer, 0)) {
      this.#closer.closeUntaken(fd);
      this.#table.closedUntaken(this.#peer);
    }
  }
}
