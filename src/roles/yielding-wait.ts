/**
 * A wait for another thread of this server that is cheaper than to sleep, where that thread is quick.
 *
 * A request that goes to a handler on another thread and back costs a wake-up each way: some microseconds of either
 * thread, and for the client tens of them. Before it sleeps, a thread therefore gives the processor away some times
 * (sched_yield), looking in between whether the other has brought something. Where both share a processor, that is all
 * it takes to let the other run, no system call wakes anybody, and meanwhile more requests come for the next batch. Where
 * a processor is free, it is a short spin. Whoever waits so has not announced sleep, so nobody wakes it.
 *
 * A thread that gives its processor away pays for that: the kernel lets others run first for about one time slice of
 * its own. So it must have a short one (`ffi/scheduling.ts`), and a wait that took long counts as one in vain.
 *
 * Belongs to one thread.
 */
import { monotonicMs } from "../../ffi/clock.ts";
import { yieldProcessor } from "../../ffi/scheduling.ts";
import { SpinLuck } from "./spin-luck.ts";

/** Yields of one wait: 15 to 25 us where nobody else wants the processor. */
const YIELDS = 40;
/** A wait that takes longer, in ms, has not been worth it, whatever it brought. */
const WORTH_MS = 1;

/** Decides whether to wait so, and does. */
export class YieldingWait {
  readonly #luck: SpinLuck = new SpinLuck();

  /** True as soon as `look` is; false when it never was, or when waiting is not likely to pay. Then it is time to sleep. */
  wait(look: () => boolean): boolean {
    if (!this.#luck.isDue()) return false;
    const startMs = monotonicMs();
    let isFound = false;
    // Somebody who computes may keep the processor for milliseconds after each yield.
    let isWorth = true;
    for (let yields = 0; yields < YIELDS && !isFound && isWorth; yields++) {
      yieldProcessor();
      isFound = look();
      isWorth = monotonicMs() - startMs < WORTH_MS;
    }
    this.#luck.note(isFound && isWorth);
    return isFound;
  }
}
