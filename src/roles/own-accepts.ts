/**
 * A dispatcher that accepts its clients itself, while it is the dispatchers' duty (`accept-duty.ts`).
 *
 * Its poller watches the listener then, together with those of the other dispatchers: the kernel wakes one that sleeps.
 * One that has many more clients than another leaves connections to that one, or to the acceptor, which hands them to
 * whoever has the fewest. What else than "no connection" accept4 says is the acceptor's business, and so are the last
 * descriptors of the process: the duty goes back to it. Before the acceptor has begun (`acceptor-start.ts`) there is nobody to take it:
 * then a dispatcher turns away those for whom there are no descriptors, and tries again after a pause.
 */
import { monotonicMs } from "../../ffi/clock.ts";
import {
  ACCEPT_RETRY,
  ACCEPT_WAIT,
  acceptClient,
  allocateAcceptBuffer,
  classifyAcceptFailure,
} from "../net/accept.ts";
import { encodePeer } from "../net/address.ts";
import { firstReserved } from "../net/descriptors.ts";
import type { Listener } from "../net/listener.ts";
import type { Poller } from "../net/poller.ts";
import { Waker } from "../net/waker.ts";
import { type ControlBlock, SERVER_RUNNING } from "../shm/control-block.ts";
import { DispatcherCounter } from "../shm/counters.ts";
import { BoundedLog } from "./bounded-log.ts";
import type * as Refusals from "./refusal.ts";
import type { RetryList } from "./retry-list.ts";
import type { ServerMemory } from "./server-memory.ts";

/** Epoll slot of the listener. */
export const LISTENER_SLOT = -2;
/** The duty goes back this many descriptors before the last ones. */
const DESCRIPTORS_LEFT = 64;
/** Connections that may fail in a row. */
const FAILURES = 16;
/** A dispatcher accepts while it has no more clients than twice those of any other and so many. */
const CLIENTS_MORE = 64;
/** After a failure, where there is no acceptor yet, in ms. */
const PAUSE_MS = 10;

/** What is needed to accept. */
export interface OwnAcceptSettings {
  readonly listenerFd: number;
  readonly acceptorWakerFd: number;
}

/**
 * How dispatchers may accept the clients of a server; null where they may not. Limits are the acceptor's to keep; a listener
 * of other processes, and the name of an abstract one, are to be let go of as soon as the server stops.
 */
export function ownAccepts(
  listener: Listener,
  memory: ServerMemory,
  acceptorWakerFd: number,
): OwnAcceptSettings | null {
  const may = listener.kind === "tcp" && !listener.isShared && memory.admission === null;
  return may ? { listenerFd: listener.fd, acceptorWakerFd } : null;
}

/** Accepts the clients of one dispatcher. */
export class OwnAccepts {
  /** There may be connections to accept. */
  hasMore = false;
  readonly #settings: OwnAcceptSettings;
  readonly #index: number;
  readonly #control: ControlBlock;
  readonly #poller: Poller;
  readonly #counters: Float64Array;
  readonly #acceptor: Waker;
  readonly #buffer = allocateAcceptBuffer();
  readonly #retries: RetryList;
  readonly #log: BoundedLog = new BoundedLog("accept-failed");
  #isOnDuty = false;
  #firstReserved = 0;
  #refusal: Refusals.Refusal | null = null;

  constructor(
    settings: OwnAcceptSettings,
    index: number,
    control: ControlBlock,
    poller: Poller,
    counters: Float64Array,
    retries: RetryList,
  ) {
    this.#retries = retries;
    this.#settings = settings;
    this.#index = index;
    this.#control = control;
    this.#poller = poller;
    this.#counters = counters;
    this.#acceptor = Waker.attach(settings.acceptorWakerFd);
  }

  /** As the constructor; null without settings. */
  static of(
    settings: OwnAcceptSettings | null,
    index: number,
    control: ControlBlock,
    poller: Poller,
    counters: Float64Array,
    retries: RetryList,
  ): OwnAccepts | null {
    return settings === null ? null : new OwnAccepts(settings, index, control, poller, counters, retries);
  }

  /** Begins or ends to accept, as it is wanted now. */
  look(): void {
    const control = this.#control;
    const isWanted = control.doDispatchersAccept && control.serverState === SERVER_RUNNING;
    if (isWanted === this.#isOnDuty) return;
    this.#isOnDuty = isWanted;
    this.hasMore = false;
    const { listenerFd } = this.#settings;
    if (!isWanted) {
      this.#poller.deregister(listenerFd);
      return;
    }
    this.#firstReserved = firstReserved() - DESCRIPTORS_LEFT;
    if (this.#poller.registerShared(listenerFd, LISTENER_SLOT, 0) < 0) this.#giveBack();
  }

  /** The poller says that there are connections. */
  noticed(): void {
    this.hasMore = this.#isOnDuty;
  }

  /**
   * Accepts one connection and writes its peer's address to `peer`.
   *
   * @param clients those that this dispatcher has
   * @returns its descriptor, or -1: then there is none, or it is left to others
   */
  accept(peer: Int32Array, clients: number): number {
    if (clients >= CLIENTS_MORE && this.#control.hasAcceptorBegun && this.#isToLeave(clients)) {
      this.hasMore = false;
      return -1;
    }
    for (let failures = 0; failures < FAILURES; failures++) {
      const fd = acceptClient(this.#settings.listenerFd, this.#buffer);
      if (fd >= 0) {
        this.#counters[DispatcherCounter.clientsAccepted] += 1;
        if (fd >= this.#firstReserved && this.#isRefused(fd)) continue;
        encodePeer(this.#buffer.bytes, peer, 0);
        return fd;
      }
      const failure = classifyAcceptFailure(fd);
      if (failure === ACCEPT_RETRY) continue;
      this.hasMore = false;
      if (failure !== ACCEPT_WAIT) this.#giveBack();
      return -1;
    }
    this.#giveBack();
    return -1;
  }

  #isToLeave(clients: number): boolean {
    const control = this.#control;
    for (let index = 0; index < control.dispatcherCount; index++) {
      if (index !== this.#index && clients > control.load(index).clients * 2 + CLIENTS_MORE) return true;
    }
    return false;
  }

  /** One of the last descriptors: the duty goes back; without an acceptor that takes it, true when the connection was turned away. */
  #isRefused(fd: number): boolean {
    if (this.#control.hasAcceptorBegun) {
      this.#giveBack();
      return false;
    }
    const first = firstReserved();
    this.#firstReserved = first - DESCRIPTORS_LEFT;
    if (fd < first) return false;
    this.#log.say("descriptors run out: new clients are turned away");
    this.#refusal ??= new (require("./refusal.ts") as typeof Refusals).Refusal();
    this.#refusal.refuse(fd);
    return true;
  }

  #giveBack(): void {
    this.hasMore = false;
    if (!this.#control.hasAcceptorBegun) {
      this.#tryLater();
      return;
    }
    this.#control.letDispatchersAccept(false);
    this.#acceptor.wake();
  }

  /** Nobody takes the duty yet, and the poller tells of a listener once. */
  #tryLater(): void {
    const dueMs = monotonicMs() + PAUSE_MS;
    this.#retries.add(() => {
      if (monotonicMs() < dueMs) return false;
      this.hasMore = this.#isOnDuty;
      return true;
    });
  }
}
