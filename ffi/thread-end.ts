/**
 * A call into the C library at the end of this thread, also where no code of ours runs any more: `worker.terminate()`.
 *
 * The engine frees every ArrayBuffer of a thread that ends, and calls the deallocator of those that have one (any function of C with
 * up to two arguments will do) with the address of their memory and a context. Nobody looks at the memory, so both are just
 * the arguments: shutdown(2) of a descriptor, for one.
 */
import type { Pointer } from "bun:ffi";
import { withDeallocator } from "./deallocator.ts";
import { addressOf } from "./libc.ts";

/** A call that will be made once. */
export interface CallAtEnd {
  /** Makes the call now, and not at the end of the thread. */
  now(): void;
}

/** A collection would make the calls of those that nobody holds. */
const held: Set<ArrayBuffer> = new Set();

/**
 * Has shutdown(2) called at the end of this thread, unless it was called before.
 *
 * @param fd must stay what it is until then: above 0, and not closed before `now` was called
 * @param how SHUT_WR or SHUT_RDWR, not 0
 */
export function shutdownAtEnd(fd: number, how: number): CallAtEnd {
  const call = withDeallocator(fd as Pointer, 0, 1, how as Pointer, addressOf("shutdown"));
  held.add(call);
  return {
    now: () => {
      if (held.delete(call)) call.transfer(0);
    },
  };
}
