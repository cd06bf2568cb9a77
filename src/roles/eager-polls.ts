/**
 * A short spin before a dispatcher that answers requests itself sleeps.
 *
 * To sleep and be woken costs some microseconds of this thread and tens of them of the client that waits; where the next
 * event is likely to come within less (`spin-luck.ts`), it is cheaper to ask for it a few times.
 *
 * Belongs to one dispatcher. One whose handlers run on other threads leaves the processor to them (`yielding-wait.ts`).
 */
import { monotonicMs } from "../../ffi/clock.ts";
import type { Poller } from "../net/poller.ts";
import { SpinLuck } from "./spin-luck.ts";

/** How long one spin takes, in ms: what a wake-up takes on a virtual machine, or a little more. */
const SPIN_MS = 0.05;
/** Polls between two looks at the clock. A poll takes 0.25 us, or 1 us where the machine is slow at system calls. */
const POLLS = 8;

/** Decides whether to spin, and does. */
export class EagerPolls {
  readonly #luck: SpinLuck = new SpinLuck();

  /** Polls without blocking for a while, if that has paid of late; gives the number of events, 0 when none came. */
  poll(poller: Pick<Poller, "wait">): number {
    if (!this.#luck.isDue()) return 0;
    // The clock is not read where the first poll has something already.
    const count = poller.wait(0) || spin(poller);
    this.#luck.note(count > 0);
    return count;
  }
}

function spin(poller: Pick<Poller, "wait">): number {
  const endMs = monotonicMs() + SPIN_MS;
  do {
    for (let poll = 0; poll < POLLS; poll++) {
      const count = poller.wait(0);
      if (count > 0) return count;
    }
  } while (monotonicMs() < endMs);
  return 0;
}
