/**
 * Zeroed memory that costs address space until it is touched, and of which the collector knows nothing.
 *
 * What the collector knows of counts as garbage to come: 90 MB of SharedArrayBuffer, hardly touched, had it collect twice while a
 * server started. Threads view parts of the memory by their addresses (`NativeBuffer.at`), which counts the parts alone.
 *
 * The pages are given back once the object is collected: it has an ArrayBuffer over the first of them, whose deallocator is
 * munmap(2) itself. Views do not keep them: whoever has one keeps the object, or sees to it that somebody does.
 */
import type { Pointer } from "bun:ffi";
import { mmap } from "./calls.ts";
import { MAP_ANONYMOUS, MAP_NORESERVE, MAP_PRIVATE, PROT_READ, PROT_WRITE } from "./constants.ts";
import { withDeallocator } from "./deallocator.ts";
import { check } from "./errno.ts";
import { addressOf } from "./libc.ts";

const FIRST_BYTES = 8;

let munmap: Pointer | null = null;

/** Owns pages of memory. */
export class MappedMemory {
  /** Address of the first byte, at the start of a page. Valid only while this object is reachable. */
  readonly address: number;
  /** Bytes. */
  readonly length: number;
  /** The first bytes; the memory is mapped for as long as this is reachable. */
  readonly first: ArrayBuffer;

  /**
   * @param length in bytes, at least 8
   * @throws Error with `code` ENOMEM where the process may not have so much address space
   */
  constructor(length: number) {
    munmap ??= addressOf("munmap");
    const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    this.address = mmap(0, length, PROT_READ | PROT_WRITE, flags, -1, 0);
    check("mmap", this.address);
    this.length = length;
    // Called as munmap(address, length) when it is collected.
    this.first = withDeallocator(this.address as Pointer, 0, FIRST_BYTES, length as Pointer, munmap);
  }
}
