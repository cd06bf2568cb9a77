/**
 * When a handler thread may be started again after others have failed: a pause that doubles, so that a module that cannot be
 * loaded, or that ends its thread soon after, does not keep a core busy with trying.
 *
 * Owned by the supervisor. Knows neither threads nor clocks.
 */

/** Pause after a thread failed while starting, in ms; it doubles up to the longest. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;
/** A thread that ended of itself before this, in ms, lived too short; so many of them in a row make a pause. */
const SHORT_LIFE_MS = 1000;
const SHORT_LIVES = 4;
/** The longest pause for those: a request that ends its thread must not keep others waiting for long. */
const LONGEST_SHORT_PAUSE_MS = 1000;

/** Paces the starts of one pool's threads. */
export class StartPacer {
  #pauseMs = 0;
  #shortLives = 0;
  #untilMs = 0;
  #isFailing = false;

  /** Whether the last thread that was started failed, and none has come up since. */
  get isFailing(): boolean {
    return this.#isFailing;
  }

  /** Whether no thread may be started now. */
  isPaused(nowMs: number): boolean {
    return nowMs < this.#untilMs;
  }

  /** A thread has failed before it was ready; gives the pause from now on, in ms. */
  failed(nowMs: number): number {
    this.#isFailing = true;
    return this.#pause(nowMs, LONGEST_PAUSE_MS);
  }

  /** A thread is ready. */
  ready(): void {
    this.#isFailing = false;
    if (this.#shortLives < SHORT_LIVES) this.#pauseMs = 0;
  }

  /** A thread has ended that nobody had asked to, so many ms after it was ready; gives the pause from now on, 0 without one. */
  ended(nowMs: number, livedMs: number): number {
    if (livedMs >= SHORT_LIFE_MS) {
      this.#shortLives = 0;
      return 0;
    }
    if (++this.#shortLives < SHORT_LIVES) return 0;
    return this.#pause(nowMs, LONGEST_SHORT_PAUSE_MS);
  }

  #pause(nowMs: number, longestMs: number): number {
    this.#pauseMs = Math.min(longestMs, this.#pauseMs === 0 ? FIRST_PAUSE_MS : this.#pauseMs * 2);
    this.#untilMs = nowMs + this.#pauseMs;
    return this.#pauseMs;
  }
}
