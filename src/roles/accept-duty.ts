/**
 * Whose duty it is to accept: the acceptor's, or the dispatchers' own while many connections come.
 *
 * A connection that the acceptor takes costs two wake-ups, of the acceptor and of a dispatcher, and on a machine with few
 * processors the acceptor takes the time of those that serve. So while connections come at a high rate dispatchers
 * accept themselves (`own-accepts.ts`), and the acceptor looks only now and then whether one is left over: dispatchers may
 * all be busy, or have too many clients each. When the rate falls it takes the duty back, and it gets it back from a
 * dispatcher that fails to accept.
 *
 * Belongs to the acceptor.
 */
import type { ServerWords } from "../shm/server-words.ts";

/** Connections a ms from which on dispatchers accept, measured over so many ms at least. */
const GIVE_RATE = 2;
const GIVE_MS = 50;
/** Connections a ms below which they do not any more. */
const TAKE_RATE = 0.5;
const TAKE_MS = 100;
/** A dispatcher could not accept: for so long, in ms, it is the acceptor's business. */
const FAILED_MS = 1000;

/** How often the acceptor looks for connections that are left over while dispatchers accept, in ms. */
export const LOOK_MS = 5;

/** Decides who accepts. */
export class AcceptDuty {
  /** Whether dispatchers accept. */
  isGiven = false;
  readonly #words: ServerWords;
  readonly #accepted: () => number;
  #sinceMs: number;
  #acceptedBefore = 0;
  #notBeforeMs = Number.NEGATIVE_INFINITY;

  /** @param accepted how many connections were accepted so far, by whomever */
  constructor(words: ServerWords, accepted: () => number, nowMs: number) {
    this.#words = words;
    this.#accepted = accepted;
    this.#sinceMs = nowMs;
    // Another acceptor, which has ended, may have given it away.
    words.letDispatchersAccept(false);
  }

  /** Decides again. @returns whether the duty has changed hands */
  look(nowMs: number): boolean {
    if (this.isGiven && !this.#words.doDispatchersAccept) {
      this.isGiven = false;
      this.#notBeforeMs = nowMs + FAILED_MS;
      this.#begin(nowMs, this.#accepted());
      return true;
    }
    const passedMs = nowMs - this.#sinceMs;
    if (passedMs < (this.isGiven ? TAKE_MS : GIVE_MS)) return false;
    const accepted = this.#accepted();
    const rate = (accepted - this.#acceptedBefore) / passedMs;
    this.#begin(nowMs, accepted);
    const isToGive = this.isGiven ? rate >= TAKE_RATE : rate >= GIVE_RATE && nowMs >= this.#notBeforeMs;
    if (isToGive === this.isGiven) return false;
    this.isGiven = isToGive;
    this.#words.letDispatchersAccept(isToGive);
    return true;
  }

  #begin(nowMs: number, accepted: number): void {
    this.#sinceMs = nowMs;
    this.#acceptedBefore = accepted;
  }
}
