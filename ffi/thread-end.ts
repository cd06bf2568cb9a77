/**
 * A call into the C library at the end of this thread, also where no code of ours runs any more: `worker.terminate()`.
 *
 * The engine frees every ArrayBuffer of a thread that ends, and calls the deallocator of those that have one (any function of C with
 * up to two arguments will do) with the address of their memory and a context. Where nobody looks at the memory, both are just
 * the arguments: shutdown(2) of a descriptor, for one.
 */
import type { Pointer } from "bun:ffi";
import { mmap } from "./calls.ts";
import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } from "./constants.ts";
import { withDeallocator } from "./deallocator.ts";
import { check } from "./errno.ts";
import { addressOf, libc } from "./libc.ts";

/** A call that will be made once. */
export interface CallAtEnd {
  /** Makes the call now, and not at the end of the thread. */
  now(): void;
}

/** A call that may also not be made. */
export interface RevocableCall {
  /** The call will not be made. */
  revoke(): void;
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
  return { now: () => make(call) };
}

/**
 * Has unlink(2) called at the end of this thread. The path lies in a page of its own, which the heap does not free before.
 *
 * @param path shorter than a page
 * @throws SyscallError when there is no memory for it
 */
export function unlinkAtEnd(path: string): RevocableCall {
  const bytes = Buffer.from(`${path}\0`);
  const page = mmap(0, bytes.length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  check("mmap", page);
  const call = withDeallocator(page as Pointer, 0, bytes.length, 1 as Pointer, addressOf("unlink"));
  const view = new Uint8Array(call);
  view.set(bytes);
  held.add(call);
  return {
    revoke: () => {
      if (!held.has(call)) return;
      // There is no file of this name.
      view[0] = 0;
      make(call);
      libc.munmap(page, bytes.length);
    },
  };
}

function make(call: ArrayBuffer): void {
  if (held.delete(call)) call.transfer(0);
}
