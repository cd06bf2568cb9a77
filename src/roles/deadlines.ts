/**
 * When a client has taken too long: one deadline a client, moved as the client gets on.
 *
 * Owned by the dispatcher. A deadline is a number in the client; moving it later is free (`net/timer-wheel.ts`).
 *
 *   phase                          | deadline
 *   no byte yet, or part of a head | headTimeoutMs after it began, however many bytes dribble in
 *   body arriving                  | every RATE_MS: at least minBodyRate must have come, and bodyTimeoutMs in all, unless
 *                                  | its handler stalls it; and the idle timeout, anew with each piece
 *   answer awaited or being sent   | the idle timeout, anew with each piece the client takes
 *   between requests               | the idle timeout
 *   peer has closed its half       | HALF_CLOSED_MS, if the idle timeout is longer: most such peers are gone
 *   lingering                      | LINGER_MS
 *
 * Beside that, from when the socket is full until all that waits has been taken: writeTimeoutMs, and every RATE_MS at
 * least minWriteRate must have been taken.
 */
import type { TimerWheel } from "../net/timer-wheel.ts";
import { CLIENT_LINGERING, type Client } from "./client.ts";

/** Times that clients are held to, in ms, and rates, in bytes a second. */
export interface ClientTimes {
  /** Infinity for none. */
  readonly headTimeoutMs: number;
  /** Infinity for none. */
  readonly bodyTimeoutMs: number;
  /** 0 for none. */
  readonly minBodyRate: number;
  /** Infinity for none. */
  readonly writeTimeoutMs: number;
  /** 0 for none. */
  readonly minWriteRate: number;
}

/** Those of a server that sets none; Bun.serve has the same 10 seconds for a head, whatever `idleTimeout` says. */
export const DEFAULT_TIMES: ClientTimes = Object.freeze({
  headTimeoutMs: 10_000,
  bodyTimeoutMs: Number.POSITIVE_INFINITY,
  minBodyRate: 16 * 1024,
  writeTimeoutMs: Number.POSITIVE_INFINITY,
  minWriteRate: 0,
});

/** How often the rate of a body, or of an answer, is looked at, in ms. */
export const RATE_MS = 10_000;
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
  readonly #times: ClientTimes;
  /** Whether writing has limits of its own. */
  readonly #isWriteLimited: boolean;

  /** @param idleMs the server's idle timeout; 0 for none */
  constructor(wheel: TimerWheel<Client>, idleMs: number, times: ClientTimes = DEFAULT_TIMES) {
    this.#wheel = wheel;
    this.#idleMs = idleMs;
    this.#times = times;
    this.#isWriteLimited = times.writeTimeoutMs !== Number.POSITIVE_INFINITY || times.minWriteRate > 0;
  }

  /** A client is new: it has a deadline, which counts from `keep` on. */
  opened(client: Client, nowMs: number): void {
    client.phase = PHASE_HEAD;
    client.phaseUntilMs = nowMs + this.#times.headTimeoutMs;
    client.deadlineMs = client.phaseUntilMs;
  }

  /** A client outlives its first turn: from now on its deadline is looked at. */
  keep(client: Client): void {
    this.#wheel.add(client);
  }

  /** Something moved: a request began or ended, bytes were read or written. */
  update(client: Client, nowMs: number): void {
    if (client.state >= CLIENT_LINGERING) return;
    if (client.parser.isInHead && client.tasks.length === 0) {
      if (client.phase !== PHASE_HEAD) this.#enter(client, PHASE_HEAD, nowMs + this.#times.headTimeoutMs);
      return;
    }
    if (isBodyArriving(client)) {
      if (client.phase !== PHASE_BODY || client.answers.assigned !== client.ratedRequest) {
        client.ratedRequest = client.answers.assigned;
        client.rateBytes = 0;
        client.bodyUntilMs = nowMs + this.#times.bodyTimeoutMs;
        client.rateUntilMs = Math.min(nowMs + RATE_MS, client.bodyUntilMs);
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

  /** The socket of a client is full: from now on it has to take what waits for it. */
  blocked(client: Client, nowMs: number): void {
    if (!this.#isWriteLimited || client.blockedSinceMs >= 0 || client.state >= CLIENT_LINGERING) return;
    client.blockedSinceMs = nowMs;
    client.takenBytes = 0;
    client.writeUntilMs = nowMs + Math.min(this.#writeStepMs, this.#times.writeTimeoutMs);
    this.#enter(client, client.phase, client.phaseUntilMs);
  }

  /** Nothing waits for a client any more. */
  drained(client: Client): void {
    client.blockedSinceMs = -1;
    client.writeUntilMs = Number.POSITIVE_INFINITY;
  }

  get #writeStepMs(): number {
    return this.#times.minWriteRate > 0 ? RATE_MS : Number.POSITIVE_INFINITY;
  }

  /** Our half is closed: the peer has a little time to do the same. */
  lingering(client: Client, nowMs: number): void {
    this.drained(client);
    this.#enter(client, 0, nowMs + LINGER_MS);
  }

  /** The deadline has passed; true when the client gets another, false when it is to be closed. */
  extend(client: Client, nowMs: number): boolean {
    if (client.state >= CLIENT_LINGERING) return false;
    if (nowMs >= client.writeUntilMs && !this.#takesEnough(client, nowMs)) return false;
    if (nowMs >= client.phaseUntilMs && !this.#sendsEnough(client, nowMs)) return false;
    client.deadlineMs = Math.min(client.phaseUntilMs, client.writeUntilMs);
    this.#wheel.add(client);
    return true;
  }

  /** Whether a client took what waits for it quickly enough; then it gets more time. */
  #takesEnough(client: Client, nowMs: number): boolean {
    const { minWriteRate, writeTimeoutMs } = this.#times;
    const untilMs = client.blockedSinceMs + writeTimeoutMs;
    if (nowMs >= untilMs || client.takenBytes < (minWriteRate * RATE_MS) / 1000) return false;
    client.takenBytes = 0;
    client.writeUntilMs = Math.min(nowMs + RATE_MS, untilMs);
    return true;
  }

  /** Whether the deadline was only one for looking at a body, and the body comes quickly enough. */
  #sendsEnough(client: Client, nowMs: number): boolean {
    if (client.phase !== PHASE_BODY || nowMs < client.rateUntilMs) return false;
    const received = client.parser.bodyBytes;
    const isStalledByHandler = (client.receiving?.upload?.pieceBytes ?? 0) > 0;
    if (!isStalledByHandler) {
      if (nowMs >= client.bodyUntilMs) return false;
      if (received - client.rateBytes < (this.#times.minBodyRate * RATE_MS) / 1000) return false;
    }
    client.rateBytes = received;
    const untilMs = nowMs + RATE_MS;
    client.rateUntilMs = client.bodyUntilMs > nowMs ? Math.min(untilMs, client.bodyUntilMs) : untilMs;
    client.phaseUntilMs = Math.min(client.rateUntilMs, nowMs + this.#idleMsOf(client));
    return true;
  }

  #enter(client: Client, phase: number, untilMs: number): void {
    client.phase = phase;
    client.phaseUntilMs = untilMs;
    const deadlineMs = Math.min(untilMs, client.writeUntilMs);
    const isEarlier = deadlineMs < client.deadlineMs;
    client.deadlineMs = deadlineMs;
    if (isEarlier) this.#wheel.reschedule(client);
  }
}

/** Whether bytes of a body are to come, be they wanted by a handler or not. One that is held back here has come. */
function isBodyArriving(client: Client): boolean {
  if (!client.parser.isInBody) return false;
  return client.receiving !== null || (client.isDropping && !client.mustParse);
}
