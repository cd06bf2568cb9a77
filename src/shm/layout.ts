/**
 * Where things lie in shared memory.
 *
 * Every structure of this folder is a block of bytes inside a `SharedArrayBuffer`, described by a list of fields. A
 * field has a size and an alignment; `declareLayout` turns the list into byte offsets once, and code names the offsets
 * instead of writing numbers. The same helper places whole structures (rings, tables, slabs) one after another in one
 * SharedArrayBuffer.
 *
 * Owned by no thread: pure arithmetic, done while setting up. Knows nothing of what the bytes mean.
 *
 * Words that different threads write lie at least `ISOLATION_BYTES` apart. A cache line is 64 bytes on x86-64 and on
 * most arm64 cores, but x86 fetches lines in pairs (the adjacent-line prefetcher) and some arm64 cores have 128-byte
 * lines, so two words 64 bytes apart may still be pulled from core to core together.
 */

/** Size of a cache line on x86-64 and most arm64 cores, in bytes. */
export const CACHE_LINE_BYTES = 64;

/** Distance that keeps words of different writers from disturbing each other, in bytes: two cache lines. */
export const ISOLATION_BYTES: number = 2 * CACHE_LINE_BYTES;

/** Size of an Int32Array element, in bytes. */
export const WORD_BYTES = 4;

/** One field of a layout: its size and its alignment, both in bytes. The alignment is a power of two. */
export interface Field {
  readonly bytes: number;
  readonly alignBytes: number;
}

/** Offsets of all fields from the start of the structure, and its whole size, in bytes. */
export interface Layout<Name extends string> {
  readonly offsets: Readonly<Record<Name, number>>;
  /** Size of the structure: a multiple of its largest alignment, so copies can follow each other. */
  readonly bytes: number;
  /** The largest alignment of its fields: what the structure itself must be aligned to. */
  readonly alignBytes: number;
}

/** Describes a field that shares its cache line with its neighbours. Default alignment: one word. */
export function field(bytes: number, alignBytes: number = WORD_BYTES): Field {
  return { bytes, alignBytes };
}

/** Describes a field that starts on a span of its own (`ISOLATION_BYTES`) because another thread writes it. */
export function isolated(bytes: number): Field {
  return { bytes, alignBytes: ISOLATION_BYTES };
}

/**
 * Places fields one after another in the order given, each at its alignment.
 * @throws RangeError when a size is negative or an alignment is no power of two.
 */
export function declareLayout<Name extends string>(fields: Readonly<Record<Name, Field>>): Layout<Name> {
  const offsets = {} as Record<Name, number>;
  let end = 0;
  let largestAlignBytes = 1;
  for (const name in fields) {
    const { bytes, alignBytes } = fields[name];
    checkPowerOfTwo(`alignment of ${name}`, alignBytes);
    if (!Number.isSafeInteger(bytes) || bytes < 0) {
      throw new RangeError(`size of ${name} must be a whole number of bytes, got ${bytes}`);
    }
    offsets[name] = alignUp(end, alignBytes);
    end = offsets[name] + bytes;
    largestAlignBytes = Math.max(largestAlignBytes, alignBytes);
  }
  return { offsets, bytes: alignUp(end, largestAlignBytes), alignBytes: largestAlignBytes };
}

/** Rounds `value` up to a multiple of `alignBytes` (a power of two). Both below 2^53; no 32-bit arithmetic. */
export function alignUp(value: number, alignBytes: number): number {
  return Math.ceil(value / alignBytes) * alignBytes;
}

/**
 * Accepts powers of two from 1 to 2^30: what a mask over Int32 positions allows.
 * @throws RangeError otherwise, with `name` in the message.
 */
export function checkPowerOfTwo(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1 || value > 0x40000000 || (value & (value - 1)) !== 0) {
    throw new RangeError(`${name} must be a power of two between 1 and 2^30, got ${value}`);
  }
}

/**
 * Accepts a structure that lies wholly inside `memory` at an aligned offset.
 * @throws RangeError otherwise, with `name` in the message.
 */
export function checkPlace(
  name: string,
  memory: SharedArrayBuffer,
  byteOffset: number,
  bytes: number,
  alignBytes: number,
): void {
  if (!Number.isSafeInteger(byteOffset) || byteOffset < 0 || byteOffset % alignBytes !== 0) {
    throw new RangeError(`${name} must start at a multiple of ${alignBytes} bytes, got ${byteOffset}`);
  }
  if (byteOffset + bytes > memory.byteLength) {
    throw new RangeError(
      `${name} needs ${bytes} bytes at offset ${byteOffset}, the memory has ${memory.byteLength}`,
    );
  }
}
