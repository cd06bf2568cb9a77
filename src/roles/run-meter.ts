/**
 * How long a run of user code has kept its thread, where the clock on the wall does not tell.
 *
 * On a machine that is busy, a handler of 20 us is now and then interrupted for milliseconds while others run. That is no
 * fault of the handler, and other requests would have waited as long wherever it had run. Sleeping or waiting in the kernel is
 * its fault. So a run that took suspiciously long is looked at: the kernel knows how long this thread was on a processor,
 * and whether it has waited. It is not asked before and after each run, which would cost more than a short run takes, but
 * every MARK_MS, and again when a run was long. What was used before the run, at most the time that passed, is taken off:
 *
 *      mark                start              end
 *       |---- other work ----|------ run ------|      used by the run >= used since mark - (start - mark)
 *
 * Belongs to one thread.
 */
import { readThreadUsage, type ThreadUsage } from "../../ffi/thread-usage.ts";

/** Readings are not older than this while runs follow each other, in ms. */
const MARK_MS = 1;

/** Judges the runs of one thread. */
export class RunMeter {
  readonly #mark: ThreadUsage = { cpuMs: 0, waits: 0 };
  readonly #now: ThreadUsage = { cpuMs: 0, waits: 0 };
  #markMs = Number.NEGATIVE_INFINITY;
  /** Milliseconds on a processor, at least, of the run that `keptMs` was asked about last. */
  usedMs = 0;
  /** Whether that run has waited in the kernel. */
  hasWaited = false;

  /** A run is about to start. */
  prepare(nowMs: number): void {
    if (nowMs - this.#markMs <= MARK_MS) return;
    this.#markMs = nowMs;
    readThreadUsage(this.#mark);
  }

  /** The thread may have waited once since the last run, which is not the next run's doing. */
  expectWait(): void {
    this.#mark.waits++;
  }

  /** The thread has waited for long, or often: what was read before is of no use. */
  forget(): void {
    this.#markMs = Number.NEGATIVE_INFINITY;
  }

  /** Milliseconds for which a run from `startMs` to `endMs`, now, has kept the thread: computing or waiting, not interrupted. */
  keptMs(startMs: number, endMs: number): number {
    const now = this.#now;
    const mark = this.#mark;
    readThreadUsage(now);
    const wallMs = endMs - startMs;
    const usedMs = Math.min(wallMs, Math.max(0, now.cpuMs - mark.cpuMs - (startMs - this.#markMs)));
    this.hasWaited = now.waits > mark.waits;
    this.#markMs = endMs;
    mark.cpuMs = now.cpuMs;
    mark.waits = now.waits;
    this.usedMs = usedMs;
    return this.hasWaited ? wallMs : usedMs;
  }
}
