/**
 * Zeroed memory that every thread of the process sees at the same address, and that counts in nobody's heap.
 *
 * A SharedArrayBuffer would do, but to the engine its bytes are garbage in waiting: the thread that makes one of 90 MB collects
 * at once (6 to 10 ms), and lets about as much garbage gather ever after. So the pages come from the kernel, and what is
 * collected is a buffer of a few bytes that stands for them: the engine calls munmap(2) for it, whose arguments are those
 * of a deallocator (`bytes`, `context`; the context is the length).
 *
 * Pages take memory once they are touched. Source: mmap(2), JavaScriptCore's JSTypedArrayBytesDeallocator.
 */
import { dlopen, type Pointer, toArrayBuffer } from "bun:ffi";
import { check, errno } from "./errno.ts";
import { libc, libcCandidates } from "./libc.ts";

const PROT_READ_WRITE = 1 | 2;
const MAP_PRIVATE_ANONYMOUS_NORESERVE = 0x02 | 0x20 | 0x4000;
/** What stands for the pages: less has no place of its own in memory. */
const KEEPER_BYTES = 8;

/** As Bun documents it; its types leave out the last two. */
const bufferWithDeallocator = toArrayBuffer as unknown as (
  address: Pointer,
  offset: number,
  length: number,
  context: number,
  deallocator: Pointer,
) => ArrayBuffer;

let munmapAddress: Pointer | null = null;

function addressOfMunmap(): Pointer {
  if (munmapAddress !== null) return munmapAddress;
  for (const name of libcCandidates()) {
    try {
      const { symbols, close } = dlopen(name, { munmap: { args: ["ptr", "usize"], returns: "i32" } });
      munmapAddress = (symbols.munmap as unknown as { readonly ptr: Pointer }).ptr;
      // The process itself is linked with the library: it stays where it is.
      close();
      return munmapAddress;
    } catch {
      // The other library.
    }
  }
  throw new Error("epollo found no munmap in the C library");
}

/** Memory from the kernel. It is given back when `keeper` is collected: whoever uses the address keeps that. */
export interface MappedMemory {
  /** Of the first byte, a multiple of the page size. */
  readonly address: number;
  readonly keeper: ArrayBuffer;
}

/**
 * Maps `length` zeroed bytes.
 *
 * @throws SyscallError when the process has no addresses or mappings left (ENOMEM)
 */
export function mapMemory(length: number): MappedMemory {
  const munmap = addressOfMunmap();
  const mapped = libc.mmap(0, length, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS_NORESERVE, -1, 0);
  const address = check("mmap", mapped === -1 ? -errno() : mapped);
  const keeper = bufferWithDeallocator(address as Pointer, 0, KEEPER_BYTES, length, munmap);
  return { address, keeper };
}
