/**
 * Which thread holds which descriptors, for those that must not outlive a thread that ends at any instruction: the descriptors of
 * a process do not end with one of its threads.
 *
 * One 16-bit word for each descriptor number: 0, or the number of the thread that holds it. Who holds a descriptor writes its
 * word, before it uses it and before it closes it; when the thread is dead, main closes what is left and clears the words.
 * Numbers above LEDGER_DESCRIPTORS are not kept: they would be lost, which is less than closing the wrong one.
 */

/** Descriptor numbers that a ledger keeps. */
export const LEDGER_DESCRIPTORS: number = 1 << 20;

/** The acceptor's number; a dispatcher's is its index + 1. */
export const ACCEPTOR_OWNER = 0xffff;

/** Bytes that a ledger takes; pages that are not used cost nothing. */
export function descriptorLedgerBytes(): number {
  return LEDGER_DESCRIPTORS * 2;
}

/** View of a server's ledger. */
export class DescriptorLedger {
  readonly #owners: Uint16Array;

  constructor(memory: SharedArrayBuffer) {
    this.#owners = new Uint16Array(memory);
  }

  /** Notes that a thread holds a descriptor. */
  hold(fd: number, owner: number): void {
    if (fd >= 0 && fd < LEDGER_DESCRIPTORS) this.#owners[fd] = owner;
  }

  /** Notes that nobody holds it any more; to be called before it is closed. */
  drop(fd: number): void {
    if (fd >= 0 && fd < LEDGER_DESCRIPTORS) this.#owners[fd] = 0;
  }

  /** Takes all that a dead thread held away from it. */
  takeAll(owner: number): number[] {
    const found: number[] = [];
    for (let fd = this.#owners.indexOf(owner); fd >= 0; fd = this.#owners.indexOf(owner, fd + 1)) {
      this.#owners[fd] = 0;
      found.push(fd);
    }
    return found;
  }
}
