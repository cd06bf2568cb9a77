/**
 * Counting connections (`shm/admission.ts`) as the threads of a server do it: the acceptor asks whether one may come in,
 * dispatchers say which have been closed.
 *
 * A proxy that says who its clients are (`proxy-stage.ts`) is counted by no address of its own; each of its clients is
 * counted by the address that the proxy tells, from then on.
 */
import { AddressSet } from "../net/address-set.ts";
import type { Waker } from "../net/waker.ts";
import { type Admission, NO_ADDRESS } from "../shm/admission.ts";

/** The connections of a server. */
export class ConnectionCount {
  readonly #admission: Admission;
  readonly #acceptor: Waker | null;
  readonly #proxies: AddressSet | null = null;

  /**
   * @param proxies entries of `AddressSet`, checked before: who says for whom it stands; null for nobody
   * @param acceptor who is woken when it waits for a connection to be closed; null on the acceptor itself
   */
  constructor(admission: Admission, proxies: readonly string[] | null, acceptor: Waker | null) {
    this.#admission = admission;
    this.#acceptor = acceptor;
    if (proxies === null) return;
    this.#proxies = new AddressSet();
    for (const entry of proxies) this.#proxies.add(entry);
  }

  /** The key under which the peer of a new connection is counted: five words from `index` on. */
  keyOf(peer: Int32Array, index: number): number {
    if (this.#proxies?.has(peer, index)) return NO_ADDRESS;
    return this.#admission.keyOf(peer, index);
  }

  /** Whether there is no room for any connection; then `announceFull` has whoever closes one wake the acceptor. */
  get isFull(): boolean {
    return this.#admission.isFull;
  }

  /** As `isFull`; if it is, this thread is woken when a connection is closed. */
  announceFull(): boolean {
    const { room } = this.#admission;
    if (!this.isFull) return false;
    room.announce();
    if (this.isFull) return true;
    room.cancel();
    return false;
  }

  /** Counts a new connection if it may come in. */
  enter(key: number): boolean {
    if (this.isFull || this.#admission.isAddressFull(key)) return false;
    this.#admission.enter(key);
    return true;
  }

  /** Counts a connection by the address that a proxy has told; NO_ADDRESS when that one has too many, -1 without a limit. */
  identify(peer: Int32Array, index: number): number {
    const key = this.#admission.keyOf(peer, index);
    if (key === NO_ADDRESS) return -1;
    if (this.#admission.isAddressFull(key)) return NO_ADDRESS;
    this.#admission.enterAddress(key);
    return key;
  }

  /** A connection is this dispatcher's now. */
  opened(fd: number, key: number): void {
    this.#admission.note(fd, key);
  }

  /** A connection is closed. */
  closed(key: number): void {
    if (this.#admission.leave(key)) this.#acceptor?.wake();
  }
}
