/**
 * Lines on standard error for what may happen thousands of times a second: one a second, the others are counted.
 *
 * Owned by one thread.
 */
import { monotonicMs } from "../../ffi/clock.ts";
import { type Log, threadLog } from "../log/log.ts";

/** Time between two lines, in ms. */
export const LOG_EVERY_MS = 1000;

/** Writes lines at a bounded rate. */
export class BoundedLog {
  readonly #event: string;
  readonly #log: Log;
  #loggedMs = Number.NEGATIVE_INFINITY;
  #untold = 0;

  /** @param event of its records (`log/log.ts`) */
  constructor(event: string, log: Log = threadLog()) {
    this.#event = event;
    this.#log = log;
  }

  /** Writes a line, or counts it when one was written less than a second ago; the next line that is written tells how many. */
  say(text: string, nowMs: number = monotonicMs()): void {
    if (nowMs - this.#loggedMs < LOG_EVERY_MS) {
      this.#untold++;
      return;
    }
    const more = this.#untold === 0 ? "" : ` (${this.#untold} more like this were not logged)`;
    this.#log.error(this.#event, `${text}${more}`, { unlogged: this.#untold });
    this.#loggedMs = nowMs;
    this.#untold = 0;
  }
}
