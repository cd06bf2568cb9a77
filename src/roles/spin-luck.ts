/**
 * Whether a spin before sleeping is likely to pay, by how the last ones ended.
 *
 * Each that was rewarded makes further ones likelier, each in vain makes them rarer, and after a few of those there is one
 * try in SLEEPS_UNTIL_TRY sleeps. A thread that idles sleeps and does not spin.
 *
 * Belongs to one thread.
 */

/** Spins in a row that may fail after a long success, as PENALTY counts them. */
const MOST_LUCK = 8;
const PENALTY = 2;
const SLEEPS_UNTIL_TRY = 64;

/** Remembers how spins went. */
export class SpinLuck {
  #luck = PENALTY;
  #sleeps = 0;

  /** Asked once before each sleep: whether to spin this time. */
  isDue(): boolean {
    if (this.#luck > 0) return true;
    if (++this.#sleeps < SLEEPS_UNTIL_TRY) return false;
    this.#sleeps = 0;
    return true;
  }

  /** Told once after each spin: whether it has spared the sleep. */
  note(isRewarded: boolean): void {
    this.#luck = isRewarded
      ? Math.min(MOST_LUCK, Math.max(0, this.#luck) + 1)
      : Math.max(0, this.#luck - PENALTY);
  }
}
