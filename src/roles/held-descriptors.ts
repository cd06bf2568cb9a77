/**
 * The descriptors of this thread that main is to close should the thread end without doing so (`shm/descriptor-ledger.ts`).
 *
 * For dispatchers and acceptor. On a thread that has not called `holdDescriptorsAs`, nothing is noted.
 */
import { closeSocket } from "../net/stream-socket.ts";
import type { DescriptorLedger } from "../shm/descriptor-ledger.ts";

export { ACCEPTOR_OWNER } from "../shm/descriptor-ledger.ts";

let ledger: DescriptorLedger | null = null;
let owner = 0;

/** Notes the descriptors of this thread from now on; null to note none any more. */
export function holdDescriptorsAs(memory: DescriptorLedger | null, number: number): void {
  ledger = memory;
  owner = number;
}

/** Notes a descriptor that this thread is to close. */
export function holdDescriptor(fd: number): void {
  ledger?.hold(fd, owner);
}

/** Notes that this thread closes a descriptor now, or gives it away. */
export function dropDescriptor(fd: number): void {
  ledger?.drop(fd);
}

/** Closes a descriptor that this thread holds. */
export function closeHeld(fd: number): void {
  dropDescriptor(fd);
  closeSocket(fd);
}
