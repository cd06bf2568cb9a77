/**
 * The acceptor: one thread that owns the listening fd and hands accepted clients to the dispatchers.
 *
 * It accepts until the kernel has no more, pushes each fd with its peer's address on the shared incoming queue, and wakes
 * at most one sleeping dispatcher for a batch, the one with the fewest clients. Out of descriptors it gives up its spare
 * one to accept and close politely, says so once a second at most, and waits; it never spins.
 */

import { monotonicMs } from "../../ffi/clock.ts";
import {
  ACCEPT_EXHAUSTED,
  ACCEPT_FATAL,
  ACCEPT_OVER,
  ACCEPT_RETRY,
  ACCEPT_WAIT,
  acceptClient,
  acceptFailureName,
  allocateAcceptBuffer,
  classifyAcceptFailure,
  SpareDescriptor,
  stopListening,
} from "../net/accept.ts";
import { encodePeer } from "../net/address.ts";
import { firstReserved } from "../net/descriptors.ts";
import { Poller } from "../net/poller.ts";
import { Waker } from "../net/waker.ts";
import { NO_ADDRESS } from "../shm/admission.ts";
import { type ControlBlock, SERVER_CLOSED, SERVER_RUNNING } from "../shm/control-block.ts";
import { AcceptorCounter } from "../shm/counters.ts";
import { type IncomingQueue, PEER_ADDRESS_WORDS } from "../shm/incoming-queue.ts";
import type { Parker } from "../shm/parker.ts";
import { AcceptDuty, LOOK_MS } from "./accept-duty.ts";
import { BoundedLog, LOG_EVERY_MS } from "./bounded-log.ts";
import type { ConnectionCount } from "./connection-count.ts";
import { dropDescriptor, holdDescriptor } from "./held-descriptors.ts";
import { connectionCountOf } from "./optional-stages.ts";
import { Refusal } from "./refusal.ts";
import {
  acceptedCount,
  acceptorCounters,
  controlOf,
  incomingOf,
  type ServerMemory,
} from "./server-memory.ts";

/** Connections accepted before the dispatchers are woken for them. */
const BATCH = 64;
/** Pause after running out of descriptors, or while the queue is full, in ms. */
const PAUSE_MS = 10;

/** Clients that are accepted after the server was told to stop: those that waited in the kernel's queue, and a bound. */
const LAST_CLIENTS = 4096;

/** What the acceptor is told when it starts. */
export interface AcceptorSettings {
  readonly memory: ServerMemory;
  readonly listenerFd: number;
  /** Whether other processes listen on the very same socket: what waits in its queue is theirs when this server stops. */
  readonly isShared: boolean;
  /** Its eventfd, written when the server stops. */
  readonly wakerFd: number;
  readonly dispatcherWakerFds: readonly number[];
  /** What happens to connections past the limit: they are accepted and answered with 503, or stay with the kernel. */
  readonly whenFull: "refuse" | "wait";
  /** Peers that say for whom they stand; null for none. */
  readonly proxies: readonly string[] | null;
  /** Whether dispatchers may accept themselves. */
  readonly isDutyShared: boolean;
}

/** The loop of the acceptor. */
export class Acceptor {
  readonly #control: ControlBlock;
  readonly #incoming: IncomingQueue;
  readonly #counters: Float64Array;
  readonly #listenerFd: number;
  readonly #isShared: boolean;
  readonly #poller: Poller = new Poller();
  readonly #dispatchers: readonly { parker: Parker; waker: Waker }[];
  readonly #buffer = allocateAcceptBuffer();
  readonly #peer: Int32Array = new Int32Array(PEER_ADDRESS_WORDS);
  readonly #connections: ConnectionCount | null;
  readonly #waitsWhenFull: boolean;
  readonly #refusal: Refusal = new Refusal();
  /** The key of the connection that was accepted last. */
  #key = NO_ADDRESS;
  readonly #supervisor: Parker;
  readonly #spare: SpareDescriptor = new SpareDescriptor();
  /** Connections with this number and above are turned away: the rest of the process needs descriptors too. */
  #firstReserved: number = firstReserved();
  readonly #log: BoundedLog = new BoundedLog("accept-failed");
  readonly #duty: AcceptDuty | null;
  /** Whether the poller watches the listener. */
  #isWatching = true;

  constructor(settings: AcceptorSettings) {
    this.#control = controlOf(settings.memory);
    this.#incoming = incomingOf(settings.memory);
    this.#supervisor = this.#control.supervisorParker();
    this.#counters = acceptorCounters(settings.memory);
    this.#listenerFd = settings.listenerFd;
    this.#isShared = settings.isShared;
    this.#connections = connectionCountOf(settings.memory, settings.proxies, null);
    this.#waitsWhenFull = settings.whenFull === "wait";
    this.#dispatchers = settings.dispatcherWakerFds.map((fd, index) => ({
      parker: this.#control.dispatcherParker(index),
      waker: Waker.attach(fd),
    }));
    this.#duty = settings.isDutyShared
      ? new AcceptDuty(this.#control, acceptedCount(settings.memory), monotonicMs())
      : null;
    holdDescriptor(this.#poller.fd);
    this.#poller.requireReadable(settings.listenerFd, 0);
    this.#poller.requireReadable(settings.wakerFd, 1);
  }

  /** Accepts until the server stops, then what waits in the kernel's queue; blocks the thread. The listener is main's to close. */
  run(): void {
    if (this.#control.startAcceptor()) this.#run();
    else this.#close();
  }

  /** Accepts what waits in the kernel's queue of a server that stops before its acceptor has begun; for main, which has claimed that. */
  runLast(): void {
    this.#finish();
  }

  #run(): void {
    let timeoutMs = 0;
    while (this.#control.serverState === SERVER_RUNNING) {
      this.#poller.wait(timeoutMs);
      if (this.#control.serverState === SERVER_RUNNING) timeoutMs = this.#share(this.#acceptAll());
    }
    this.#finish();
  }

  #finish(): void {
    if (!this.#isShared) {
      if (this.#control.serverState !== SERVER_CLOSED) this.#acceptLast();
      stopListening(this.#listenerFd);
    }
    this.#close();
    this.#control.endAcceptor();
    for (const { waker } of this.#dispatchers) waker.wake();
  }

  #close(): void {
    this.#spare.close();
    dropDescriptor(this.#poller.fd);
    this.#poller.close();
  }

  /** Gives the duty to accept to the dispatchers, or takes it back; gives how long to wait then. */
  #share(timeoutMs: number): number {
    const duty = this.#duty;
    if (duty === null) return timeoutMs;
    if (duty.look(monotonicMs()) && duty.isGiven) {
      for (const { parker, waker } of this.#dispatchers) if (parker.needsWake()) waker.wake();
      this.#poller.deregister(this.#listenerFd);
      this.#isWatching = false;
    }
    // What waits already is told of on registering.
    if (!duty.isGiven && !this.#isWatching) {
      this.#isWatching = this.#poller.registerReadable(this.#listenerFd, 0, 0) >= 0;
    }
    return this.#isWatching || timeoutMs >= 0 ? timeoutMs : LOOK_MS;
  }

  /** Accepts what there is; gives how long to wait then, in ms, -1 for until the next event. */
  #acceptAll(): number {
    let batch = 0;
    let failures = 0;
    for (;;) {
      if (this.#waitsWhenFull && this.#connections?.announceFull()) {
        if (batch > 0) this.#wakeOne();
        return -1;
      }
      if (!this.#incoming.hasRoom) {
        // The kernel's own queue keeps them until a dispatcher has taken some.
        this.#counters[AcceptorCounter.queueFull] += 1;
        this.#wakeOne();
        return PAUSE_MS;
      }
      const fd = acceptClient(this.#listenerFd, this.#buffer);
      if (fd >= this.#firstReserved && this.#isReserved(fd)) continue;
      if (fd >= 0) {
        holdDescriptor(fd);
        this.#hand(fd);
        if (++batch === BATCH) {
          this.#wakeOne();
          batch = 0;
          if (this.#control.serverState !== SERVER_RUNNING) return 0;
        }
        continue;
      }
      const failure = classifyAcceptFailure(fd);
      // Each takes a connection from the queue, but nothing says that it must.
      if (failure === ACCEPT_RETRY && ++failures < BATCH) continue;
      if (batch > 0) this.#wakeOne();
      if (failure === ACCEPT_WAIT || failure === ACCEPT_OVER) return -1;
      this.#counters[AcceptorCounter.acceptErrors] += 1;
      if (failure === ACCEPT_RETRY) {
        this.#log.say(`new clients fail one after the other: ${acceptFailureName(fd)}`);
        return PAUSE_MS;
      }
      if (failure === ACCEPT_EXHAUSTED) {
        this.#log.say("out of descriptors or memory: new clients are turned away");
        this.#spare.shed(this.#listenerFd);
        this.#firstReserved = firstReserved();
        return PAUSE_MS;
      }
      if (failure === ACCEPT_FATAL) {
        this.#log.say(`accept4 failed: ${acceptFailureName(fd)}`);
        return LOG_EVERY_MS;
      }
    }
  }

  /** Turns a connection away whose descriptor is one of the last; false when the limit has been raised meanwhile. */
  #isReserved(fd: number): boolean {
    this.#firstReserved = firstReserved();
    if (fd < this.#firstReserved) return false;
    this.#counters[AcceptorCounter.refused] += 1;
    this.#log.say("descriptors run out: new clients are turned away");
    this.#refusal.refuse(fd);
    return true;
  }

  /** Clients whose connections the kernel has made already would be reset when the listener closes. */
  #acceptLast(): void {
    for (let count = 0; count < LAST_CLIENTS && this.#incoming.hasRoom; count++) {
      const fd = acceptClient(this.#listenerFd, this.#buffer);
      if (fd < 0 && classifyAcceptFailure(fd) === ACCEPT_RETRY) continue;
      if (fd < 0) return;
      this.#hand(fd);
    }
  }

  /** Counts a connection, or turns it away. */
  #admit(fd: number): boolean {
    const connections = this.#connections;
    if (connections === null) return true;
    this.#key = connections.keyOf(this.#peer, 0);
    if (connections.enter(this.#key)) return true;
    this.#counters[AcceptorCounter.refused] += 1;
    this.#refusal.refuse(fd);
    return false;
  }

  /** Gives a connection to the dispatchers, whose queue has room. */
  #hand(fd: number): void {
    this.#counters[AcceptorCounter.accepted] += 1;
    encodePeer(this.#buffer.bytes, this.#peer, 0);
    // From here on it is the dispatcher's that takes it, or closed.
    dropDescriptor(fd);
    if (this.#admit(fd)) this.#incoming.push(fd, this.#peer, 0);
  }

  /** Wakes the sleeping dispatcher with the fewest clients; those awake look at the queue in each turn anyway. */
  #wakeOne(): void {
    if (this.#control.takeWatchWish() && this.#supervisor.needsWake()) this.#supervisor.notify();
    let chosen = -1;
    let fewest = Number.POSITIVE_INFINITY;
    for (let index = 0; index < this.#dispatchers.length; index++) {
      const clients = this.#control.load(index).clients;
      if (this.#dispatchers[index].parker.isAsleep && clients < fewest) {
        fewest = clients;
        chosen = index;
      }
    }
    if (chosen >= 0 && this.#dispatchers[chosen].parker.needsWake()) {
      this.#counters[AcceptorCounter.wakeUps] += 1;
      this.#dispatchers[chosen].waker.wake();
    }
  }
}
