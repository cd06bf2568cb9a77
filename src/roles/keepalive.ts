/**
 * What keeps the process alive while a server runs, `server.ref()` and `unref()`: neither its threads nor what it waits for do.
 */

const EVERY_MS = 2 ** 31 - 1;

/** Keeps the process alive, or not. */
export class Keepalive {
  #timer: ReturnType<typeof setInterval> | null = null;
  #isEnded = false;

  /** Keeps the process alive from now on, unless it has ended. */
  ref(): void {
    if (this.#timer === null && !this.#isEnded) this.#timer = setInterval(() => {}, EVERY_MS);
  }

  /** Lets the process end. */
  unref(): void {
    this.#stop();
  }

  /** Lets the process end for good. */
  end(): void {
    this.#isEnded = true;
    this.#stop();
  }

  #stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}
