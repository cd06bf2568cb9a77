/** The clients of one dispatcher over real sockets and a real poller; the test plays peers, handlers and the clock. */
import { HandlerLink } from "../../src/channel/handler-link.ts";
import { DEFAULT_LIMITS } from "../../src/http/limits.ts";
import { Poller } from "../../src/net/poller.ts";
import type { ClientSettings } from "../../src/roles/client-settings.ts";
import { Clients } from "../../src/roles/clients.ts";
import { DEFAULT_TIMES } from "../../src/roles/deadlines.ts";
import { DEFAULT_PIPELINED } from "../../src/roles/request-reader.ts";
import { incomingOf, pairOf } from "../../src/roles/server-memory.ts";
import type { IncomingQueue } from "../../src/shm/incoming-queue.ts";
import { PEER, PEER_INDEX } from "../channel/link-pair.ts";
import { SocketPair } from "../net/raw-client.ts";
import { Peer } from "./peer.ts";
import { PlayedHandler } from "./played-handler.ts";
import { Scheduling } from "./scheduling.ts";

/** How `Serving` differs from a server with the default options. */
export interface ServingOptions extends Partial<ClientSettings> {
  readonly maxBacklog?: number;
  /** Without a handler thread requests wait in the backlog. */
  readonly hasHandler?: boolean;
}

/** One dispatcher without its thread. */
export class Serving {
  readonly scheduling: Scheduling;
  handler: PlayedHandler;
  readonly clients: Clients;
  readonly incoming: IncomingQueue;
  readonly #poller: Poller = new Poller();
  readonly #peers: Peer[] = [];

  constructor(options: ServingOptions = {}) {
    this.scheduling = new Scheduling(1, "bounded", options.maxBacklog ?? 1000);
    // Its service time is so short that it has room for all that a test gives.
    if (options.hasHandler !== false) this.scheduling.ready([0], 0.00001);
    this.handler = new PlayedHandler(this.scheduling.handlers[0]!);
    this.incoming = incomingOf(this.scheduling.memory);
    const settings = {
      limits: options.limits ?? DEFAULT_LIMITS,
      maxBodyBytes: options.maxBodyBytes ?? 1 << 30,
      idleTimeoutMs: options.idleTimeoutMs ?? 10_000,
      isTimeoutTold: false,
      times: options.times ?? DEFAULT_TIMES,
      pipelined: options.pipelined ?? DEFAULT_PIPELINED,
      requestsPerConnection: options.requestsPerConnection ?? Number.POSITIVE_INFINITY,
      routes: options.routes ?? null,
      proxies: null,
      ownAccepts: null,
      isInlineAllowed: options.isInlineAllowed ?? false,
      areKindsKept: options.areKindsKept ?? options.isInlineAllowed ?? false,
    };
    const { control, scheduler, links, counters } = this.scheduling;
    this.clients = new Clients(0, settings, 0, control, this.#poller, scheduler, links, counters);
  }

  /** Connects a peer; its client waits in the queue for the next turn. */
  async connect(areBuffersSmall = false): Promise<Peer> {
    const sockets = await SocketPair.open({ areBuffersSmall });
    if (!this.incoming.push(sockets.server, PEER, PEER_INDEX)) throw new Error("the queue is full");
    const peer = new Peer(sockets.client);
    this.#peers.push(peer);
    return peer;
  }

  /** What a dispatcher does in a turn, then the handler's turn. */
  turn(): void {
    const { clients, scheduling } = this;
    const count = this.#poller.wait(0);
    for (let index = 0; index < count; index++) {
      clients.onEvent(
        this.#poller.slotOf(index),
        this.#poller.generationOf(index),
        this.#poller.flagsOf(index),
      );
    }
    clients.take(this.incoming);
    clients.serveReady();
    for (const link of scheduling.links) link.flush();
    for (const link of scheduling.links) while (clients.results.collect(link));
    clients.inline?.notices.tell();
    clients.writer.flushDirty();
    scheduling.scheduler.drain(clients.nowMs);
    if (clients.retries.hasSome) clients.retries.retry();
    clients.expire();
    for (const link of scheduling.links) link.flush();
    this.handler.play();
  }

  /** Starts the next thread in the slot of one that has died; it has the dead one's memory and nothing else. */
  replaceHandler(): void {
    const { memory, control } = this.scheduling;
    const link = new HandlerLink(pairOf(memory, 0, 0), control.dispatcherParker(0), () => {});
    this.handler = new PlayedHandler(link);
  }

  /** Takes turns until `condition` holds; fails after 3 s. */
  async until(condition: () => boolean): Promise<void> {
    const deadline = Date.now() + 3000;
    for (;;) {
      this.turn();
      if (condition()) return;
      if (Date.now() > deadline) throw new Error("not within 3 s");
      await Bun.sleep(0);
    }
  }

  /** Takes some turns, for what must not happen. */
  async turns(count = 10): Promise<void> {
    for (let turn = 0; turn < count; turn++) {
      this.turn();
      await Bun.sleep(0);
    }
  }

  /** Lets the clock of the dispatcher run up to `nowMs`, in steps of 250 ms. */
  pass(nowMs: number): void {
    while (this.clients.nowMs < nowMs) {
      this.clients.nowMs = Math.min(nowMs, this.clients.nowMs + 250);
      this.turn();
    }
  }

  /** Requests in flight, as the control block says. */
  get inFlight(): number {
    return this.scheduling.control.pendingRequests;
  }

  /** Closes everything; fails if a client is left. */
  close(): void {
    this.clients.closeAll(this.incoming);
    const { count } = this.clients;
    for (const peer of this.#peers) peer.close();
    this.#poller.close();
    if (count !== 0) throw new Error(`${count} clients are left`);
  }
}
