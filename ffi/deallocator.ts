/** An ArrayBuffer over memory at an address, with a function of C that is called when it is freed. */
import { type Pointer, toArrayBuffer } from "bun:ffi";

/**
 * Makes such an ArrayBuffer. It is freed when it is collected, detached (`transfer`), or when its thread ends.
 *
 * The declarations of bun-types 1.4 know neither the context nor the function.
 *
 * @param address not 0. Nothing is read there unless somebody looks at the bytes
 * @param byteOffset 0
 * @param byteLength in bytes, at least 1
 * @param context second argument of the call, not 0; the first is the address
 * @param deallocator address of the function (`addressOf` of libc.ts)
 */
export const withDeallocator = toArrayBuffer as (
  address: Pointer,
  byteOffset: number,
  byteLength: number,
  context: Pointer,
  deallocator: Pointer,
) => ArrayBuffer;
