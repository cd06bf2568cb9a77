/**
 * Bytes and their address, kept together.
 *
 * `ptr()` gives a number, and a number keeps nothing alive: a program that remembers only the address of a buffer has a
 * dangling pointer as soon as the collector runs. So whoever passes memory to the C library owns a NativeBuffer and
 * keeps it for as long as the address may be used.
 *
 * Any thread may own one. Over a SharedArrayBuffer several threads may each have their own NativeBuffer for the same
 * bytes; the address is the same in all of them.
 *
 * The address is stable because the bytes always lie in an explicit ArrayBuffer or SharedArrayBuffer. A small typed
 * array made without one lives in the collector's own storage, and JavaScriptCore moves its bytes at the first use of
 * its `.buffer`; memory for system calls must never be made that way.
 */
import { type Pointer, ptr, toArrayBuffer } from "bun:ffi";

/** Owns a run of bytes together with its address in memory. */
export class NativeBuffer {
  /** The bytes; writes through it are seen by the C library at once. */
  readonly bytes: Buffer;
  /** Address of the first byte. Valid only while this object is reachable. */
  readonly address: number;
  /** The number of bytes, the same as `bytes.length`. */
  readonly length: number;

  readonly #isOwned: boolean;

  private constructor(bytes: Buffer, isOwned: boolean = false) {
    this.#isOwned = isOwned;
    this.bytes = bytes;
    this.address = ptr(bytes) as unknown as number;
    this.length = bytes.length;
  }

  /**
   * Makes a zeroed buffer of `length` bytes that belongs to this thread, aligned to at least 8.
   * @param isOwned nobody else has the memory: `free` gives it back
   * @throws RangeError when `length` is not a positive integer.
   */
  static allocate(length: number, isOwned: boolean = false): NativeBuffer {
    requireLength(length);
    return new NativeBuffer(Buffer.from(new ArrayBuffer(length)), isOwned);
  }

  /**
   * Views `length` bytes of shared memory from `byteOffset` on.
   * @throws RangeError when the range is empty or leaves the memory.
   */
  static shared(memory: SharedArrayBuffer, byteOffset: number, length: number): NativeBuffer {
    requireLength(length);
    return new NativeBuffer(Buffer.from(memory as unknown as ArrayBuffer, byteOffset, length));
  }

  /**
   * Views `length` bytes at an address. They are somebody else's, who keeps them for as long as this object is used: it does not.
   * To the collector of this thread they count as its own.
   * @throws RangeError when `length` is not a positive integer.
   */
  static at(address: number, length: number): NativeBuffer {
    requireLength(length);
    return new NativeBuffer(Buffer.from(toArrayBuffer(address as Pointer, 0, length)));
  }

  /**
   * Views bytes that are there already and that nobody changes but the owner of this object. They must be more than 4096: the
   * memory of smaller typed arrays may move.
   * @param isOwned nobody else has the memory: `free` gives it back
   * @throws RangeError when they are fewer.
   */
  static over(bytes: Uint8Array, isOwned: boolean = false): NativeBuffer {
    if (bytes.length <= 4096) throw new RangeError(`${bytes.length} bytes may move; they must be copied`);
    return new NativeBuffer(
      Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length),
      isOwned,
    );
  }

  /** This buffer from byte `start` (less than its length) on; it takes the place of this object, the right to free the memory included. */
  from(start: number): NativeBuffer {
    return start === 0 ? this : new NativeBuffer(this.bytes.subarray(start), this.#isOwned);
  }

  /** Gives memory that is this object's own (`isOwned`) back at once; does nothing to any other. Not used afterwards. */
  free(): void {
    if (this.#isOwned) (this.bytes.buffer as ArrayBuffer).transfer(0);
  }

  /** Makes a zero-terminated UTF-8 copy of `text`, as C functions expect strings. A NUL inside ends it early, as in C. */
  static cString(text: string): NativeBuffer {
    const native = NativeBuffer.allocate(Buffer.byteLength(text) + 1);
    native.bytes.write(text, "utf8");
    return native;
  }

  /**
   * Makes an Int32Array over the same bytes, in the byte order of the machine (little-endian on both architectures).
   * Shape: `floor(length / 4)` elements. Make it once and keep it.
   * @throws RangeError when the bytes do not start at a multiple of 4 in their memory.
   */
  int32(): Int32Array {
    return new Int32Array(this.bytes.buffer as ArrayBuffer, this.bytes.byteOffset, this.length >> 2);
  }
}

function requireLength(length: number): void {
  if (!Number.isInteger(length) || length < 1) {
    throw new RangeError(`a native buffer needs a length of at least 1 byte, not ${length}`);
  }
}
