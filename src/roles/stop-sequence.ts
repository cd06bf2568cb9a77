/**
 * How a server stops, step by step, so that no request is lost on the way.
 *
 * Lives on the thread that called `serve()`. It tells the other threads by the server's state alone and waits for them no
 * longer than ACCEPTOR_MS.
 *
 *   RUNNING, unready   balancers are told to send new work elsewhere; all is served        `unreadyMs`
 *   RUNNING, leaving   other processes listen on the port: new connections go there        LEAVE_MS
 *   FINISHING          nothing is accepted; each client may send one more request          `idleMs`
 *   DRAINING           clients without a request are closed, the others get their answers
 *   CLOSED             every client is gone
 */
import type { Listener } from "../net/listener.ts";
import { ListenerGroup } from "../net/listener-group.ts";
import { type ControlBlock, SERVER_CLOSED, SERVER_DRAINING, SERVER_FINISHING } from "../shm/control-block.ts";

/** How long the acceptor may take to accept what waits in the kernel's queue, in ms; this thread waits for it. */
const ACCEPTOR_MS = 100;

/**
 * How long the port is left alone before it is given up, in ms: longer than the handshakes take that had begun; and how
 * often it is tried. What still comes in the second half of that time was not steered away.
 */
const LEAVE_MS = 250;
const LEAVE_TRIES = 4;

/** Stops one server. */
export class StopSequence {
  readonly #control: ControlBlock;
  readonly #listener: Listener;
  readonly #unreadyMs: number;
  readonly #wakeAll: () => void;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isBegun = false;
  #idleMs = 0;

  readonly #acceptedCount: () => number;

  /** @param acceptedCount tells how many connections were accepted so far */
  constructor(
    control: ControlBlock,
    listener: Listener,
    unreadyMs: number,
    wakeAll: () => void,
    acceptedCount: () => number,
  ) {
    this.#acceptedCount = acceptedCount;
    this.#control = control;
    this.#listener = listener;
    this.#unreadyMs = unreadyMs;
    this.#wakeAll = wakeAll;
  }

  /** Begins to stop; clients without a request have `idleMs` to send one. A second call does nothing. */
  begin(idleMs: number): void {
    if (this.#isBegun) return;
    this.#isBegun = true;
    this.#idleMs = idleMs;
    this.#control.setUnready();
    this.#after(this.#unreadyMs, () => this.#leave());
  }

  /** Where other processes listen on the port, has new connections go there, so that closing it loses none. */
  #leave(): void {
    const group = this.#listener.isReusePort ? new ListenerGroup(this.#listener.fd) : null;
    if (group === null || group.doesKernelMigrate() || !group.hasOthers()) {
      this.#close();
      return;
    }
    group.acceptEarly();
    // The older of two sockets has the number 0: it is the one that is told to stop as a rule.
    const isSteered = group.steerTo(1);
    if (!group.refuseNew() && !isSteered) {
      this.#close();
      return;
    }
    this.#watchLeaving(group, 1, LEAVE_TRIES);
  }

  #watchLeaving(group: ListenerGroup, index: number, tries: number): void {
    this.#after(LEAVE_MS / 2, () => {
      const before = this.#acceptedCount();
      this.#after(LEAVE_MS / 2, () => {
        if (this.#acceptedCount() === before || tries === 1) {
          // Between these two calls connections may still come here.
          group.steerByHash();
          this.#listener.shutdown();
          this.#close();
          return;
        }
        // The number was this socket's own.
        group.steerTo(1 - index);
        this.#watchLeaving(group, 1 - index, tries - 1);
      });
    });
  }

  /** Closes everything at once, whatever step it was at. */
  force(): void {
    this.#isBegun = true;
    this.#cancel();
    if (this.#control.serverState === SERVER_CLOSED) return;
    this.#control.setUnready();
    this.#listener.shutdown();
    this.#enter(SERVER_CLOSED);
  }

  #close(): void {
    this.#enter(this.#idleMs > 0 ? SERVER_FINISHING : SERVER_DRAINING);
    // Whoever connects after stop() has returned is refused; until the acceptor is done it would be accepted.
    this.#control.awaitAcceptorEnd(ACCEPTOR_MS);
    this.#listener.shutdown();
    if (this.#idleMs > 0) this.#after(this.#idleMs, () => this.#enter(SERVER_DRAINING));
  }

  #enter(state: number): void {
    // Threads may have drained, and the server closed, in the meantime.
    if (this.#control.serverState === SERVER_CLOSED) return;
    this.#control.serverState = state;
    this.#wakeAll();
  }

  #after(delayMs: number, step: () => void): void {
    if (delayMs <= 0) {
      step();
      return;
    }
    this.#timer = setTimeout(() => {
      this.#timer = null;
      step();
    }, delayMs);
  }

  #cancel(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
