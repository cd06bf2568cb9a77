/**
 * A short spin before a dispatcher sleeps.
 *
 * To sleep and be woken costs some microseconds of this thread and tens of them of the client that waits; where the next
 * event is likely to come within less, it is cheaper to ask for it a few times. Whether it is likely, the last spins tell:
 * each that was rewarded makes further ones likelier, each in vain makes them rarer, and after a few of those there is one
 * try in SLEEPS_UNTIL_TRY sleeps. An idle server sleeps and does not spin.
 *
 * Belongs to one dispatcher.
 */
import type { Poller } from "../net/poller.ts";

/** Polls of one spin: about 30 us, which is what a wake-up takes on a virtual machine. */
const POLLS = 120;
/** Spins in a row that may fail after a long success, as PENALTY counts them. */
const MOST_LUCK = 8;
const PENALTY = 2;
const SLEEPS_UNTIL_TRY = 64;

/** Decides whether to spin, and does. */
export class EagerPolls {
  #luck = PENALTY;
  #sleeps = 0;

  /** Polls without blocking for a while, if that has paid of late; gives the number of events, 0 when none came. */
  poll(poller: Pick<Poller, "wait">): number {
    if (this.#luck <= 0) {
      if (++this.#sleeps < SLEEPS_UNTIL_TRY) return 0;
      this.#sleeps = 0;
    }
    let count = 0;
    for (let poll = 0; poll < POLLS && count === 0; poll++) count = poller.wait(0);
    this.#luck =
      count > 0 ? Math.min(MOST_LUCK, Math.max(0, this.#luck) + 1) : Math.max(0, this.#luck - PENALTY);
    return count;
  }
}
