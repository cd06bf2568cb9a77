/**
 * When a client has taken too long: one deadline a client, moved as the client gets on.
 *
 * Owned by the dispatcher. A deadline is a number in the client; moving it later is free (`net/timer-wheel.ts`).
 *
 *   phase                          | deadline
 *   no byte yet, or part of a head | HEAD_MS after it began, however many bytes dribble in
 *   body arriving                  | every RATE_MS: at least MIN_BODY_RATE must have come, unless its handler stalls it;
 *                                  | and the idle timeout, anew with each piece
 *   answer awaited or being sent   | the idle timeout, anew with each piece the client takes
 *   between requests               | the idle timeout
 *   peer has closed its half       | HALF_CLOSED_MS, if the idle timeout is longer: most such peers are gone
 *   lingering                      | LINGER_MS
 */
import type { TimerWheel } from "../net/timer-wheel.ts";
import { CLIENT_LINGERING, type Client } from "./client.ts";

/** Time for a head to arrive, in ms. Bun.serve has the same 10 seconds, whatever `idleTimeout` says. */
export const HEAD_MS = 10_000;
/** How often the rate of a body is looked at, in ms. */
export const RATE_MS = 10_000;
/** Bytes a second that a body must keep up. */
export const MIN_BODY_RATE: number = 16 * 1024;
/** Time for the answer to a client that has closed its half, in ms. */
export const HALF_CLOSED_MS = 10_000;
/** Time for a peer to close after we have, in ms. */
export const LINGER_MS = 2000;

const PHASE_HEAD = 1;
const PHASE_BODY = 2;
const PHASE_IDLE = 3;

/** Keeps the deadlines of one dispatcher's clients. */
export class Deadlines {
  readonly #wheel: TimerWheel<Client>;
  readonly #idleMs: number;

  /** @param idleMs the server's idle timeout; 0 for none */
  constructor(wheel: TimerWheel<Client>, idleMs: number) {
    this.#wheel = wheel;
    this.#idleMs = idleMs;
  }

  /** A client is new. */
  opened(client: Client, nowMs: number): void {
    client.phase = PHASE_HEAD;
    client.deadlineMs = nowMs + HEAD_MS;
    this.#wheel.add(client);
  }

  /** Something moved: a request began or ended, bytes were read or written. */
  update(client: Client, nowMs: number): void {
    if (client.state >= CLIENT_LINGERING) return;
    if (client.parser.isInHead && client.tasks.length === 0) {
      if (client.phase !== PHASE_HEAD) this.#enter(client, PHASE_HEAD, nowMs + HEAD_MS);
      return;
    }
    if (client.parser.isInBody && client.receiving !== null) {
      if (client.phase !== PHASE_BODY) {
        client.rateBytes = 0;
        client.rateUntilMs = nowMs + RATE_MS;
      }
      this.#enter(client, PHASE_BODY, Math.min(client.rateUntilMs, nowMs + this.#idleMsOf(client)));
      return;
    }
    // A client that has connected and sent nothing stays under the deadline of its first head.
    if (client.phase === PHASE_HEAD && client.answers.isIdle && client.parser.isInHead) return;
    this.#enter(client, PHASE_IDLE, nowMs + this.#idleMsOf(client));
  }

  #idleMsOf(client: Client): number {
    const given = client.idleTimeoutMs >= 0 ? client.idleTimeoutMs : this.#idleMs;
    const idleMs = given === 0 ? Number.POSITIVE_INFINITY : given;
    return client.isInputOver ? Math.min(idleMs, HALF_CLOSED_MS) : idleMs;
  }

  /** Our half is closed: the peer has a little time to do the same. */
  lingering(client: Client, nowMs: number): void {
    this.#enter(client, 0, nowMs + LINGER_MS);
  }

  /** The deadline has passed; true when the client gets another, false when it is to be closed. */
  extend(client: Client, nowMs: number): boolean {
    if (client.phase !== PHASE_BODY || client.state >= CLIENT_LINGERING) return false;
    if (nowMs < client.rateUntilMs) return false;
    const received = client.parser.bodyBytes;
    const isStalledByHandler = (client.receiving?.upload?.pieceBytes ?? 0) > 0;
    if (received - client.rateBytes < (MIN_BODY_RATE * RATE_MS) / 1000 && !isStalledByHandler) return false;
    client.rateBytes = received;
    client.rateUntilMs = nowMs + RATE_MS;
    client.deadlineMs = Math.min(client.rateUntilMs, nowMs + this.#idleMsOf(client));
    this.#wheel.add(client);
    return true;
  }

  #enter(client: Client, phase: number, deadlineMs: number): void {
    client.phase = phase;
    const isEarlier = deadlineMs < client.deadlineMs;
    client.deadlineMs = deadlineMs;
    if (isEarlier) this.#wheel.reschedule(client);
  }
}
