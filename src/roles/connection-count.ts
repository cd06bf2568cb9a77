/**
 * A dispatcher's part in counting connections (`shm/admission.ts`): it says which have been closed.
 */
import type { Waker } from "../net/waker.ts";
import type { Admission } from "../shm/admission.ts";

/** Says which connections have been closed, and wakes an acceptor that waits for that. */
export class ConnectionCount {
  readonly #admission: Admission;
  readonly #acceptor: Waker;

  constructor(admission: Admission, acceptor: Waker) {
    this.#admission = admission;
    this.#acceptor = acceptor;
  }

  /** The key under which a peer is counted: five words from `index` on. */
  keyOf(peer: Int32Array, index: number): number {
    return this.#admission.keyOf(peer, index);
  }

  /** A connection is closed. */
  closed(key: number): void {
    if (this.#admission.leave(key)) this.#acceptor.wake();
  }
}
