/**
 * Lines on standard error for what may happen thousands of times a second: one a second, or some, the others are counted.
 *
 * Owned by one thread.
 */
import { monotonicMs } from "../../ffi/clock.ts";
import { type Log, type LogFields, threadLog } from "../log/log.ts";

/** Time between two lines, in ms. */
export const LOG_EVERY_MS = 1000;

/** Writes lines at a bounded rate. */
export class BoundedLog {
  readonly #event: string;
  readonly #log: Log;
  readonly #most: number;
  /** When the second began whose lines are counted. */
  #beganMs = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #untold = 0;

  /**
   * @param event of its records (`log/log.ts`)
   * @param most lines in a second
   */
  constructor(event: string, log: Log = threadLog(), most = 1) {
    this.#most = most;
    this.#event = event;
    this.#log = log;
  }

  /** Writes a line, or counts it when enough were written in this second; the next line that is written tells how many. */
  say(text: string, nowMs: number = monotonicMs(), fields: LogFields = {}): void {
    if (nowMs - this.#beganMs >= LOG_EVERY_MS) {
      this.#beganMs = nowMs;
      this.#lines = 0;
    }
    if (this.#lines >= this.#most) {
      this.#untold++;
      return;
    }
    this.#lines++;
    const more = this.#untold === 0 ? "" : ` (${this.#untold} more like this were not logged)`;
    this.#log.error(this.#event, `${text}${more}`, { ...fields, unlogged: this.#untold });
    this.#untold = 0;
  }
}
