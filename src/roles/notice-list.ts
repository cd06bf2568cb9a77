/**
 * What requests that are open on a dispatcher are to be told: kept until it is time to run user code (`inline-host.ts`).
 *
 *   TELL_CREDIT       the client took so many bytes more
 *   TELL_ABORT        the client has left
 *   TELL_HALF_CLOSED  the client has closed its half
 *   TELL_EXPIRED      the handler has taken too long, and the client has got another answer
 */
import type { Exchange } from "../fetch/exchange.ts";

export const TELL_CREDIT = 0;
export const TELL_ABORT = 1;
export const TELL_HALF_CLOSED = 2;
export const TELL_EXPIRED = 3;

interface Notice {
  readonly exchange: Exchange;
  readonly what: number;
  readonly bytes: number;
}

/** Notices in the order in which they came up. */
export class NoticeList {
  #notices: Notice[] = [];

  /** Whether there is something to tell. */
  get hasSome(): boolean {
    return this.#notices.length > 0;
  }

  /** Keeps a notice, one of TELL_*, until the next `tell`. */
  add(exchange: Exchange, what: number, bytes: number): void {
    this.#notices.push({ exchange, what, bytes });
  }

  /** Tells them; what comes up meanwhile waits for the next time. */
  tell(): void {
    if (this.#notices.length === 0) return;
    const notices = this.#notices;
    this.#notices = [];
    for (const { exchange, what, bytes } of notices) {
      if (exchange.isDone) continue;
      if (what === TELL_CREDIT) exchange.addCredit(bytes);
      else if (what === TELL_ABORT) exchange.abort();
      else if (what === TELL_EXPIRED) exchange.expire();
      else exchange.halfClose();
    }
  }
}
