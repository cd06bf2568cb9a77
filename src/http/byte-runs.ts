/**
 * Runs of bytes as keys: compared, kept and hashed where they lie, so that what came before is found without making a string.
 *
 * Pure; any thread.
 */

/** Whether the `length` bytes of `own` from `at` on are those of `other` from `start` on. Both must reach that far. */
export function areSameBytes(
  own: Uint8Array,
  at: number,
  other: Uint8Array,
  start: number,
  length: number,
): boolean {
  for (let i = 0; i < length; i++) if (own[at + i] !== other[start + i]) return false;
  return true;
}

/** Copies `length` bytes of `from` from `start` on to `to` at `at`. For the short runs that keys are, faster than a call of `set`. */
export function copyBytes(to: Uint8Array, at: number, from: Uint8Array, start: number, length: number): void {
  for (let i = 0; i < length; i++) to[at + i] = from[start + i]!;
}

/** A hash of `bytes[start..end)` that begins with `seed`: an int32. Clients may choose bytes that collide. */
export function hashBytes(seed: number, bytes: Uint8Array, start: number, end: number): number {
  let hash = seed;
  for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + bytes[i]!) | 0;
  return hash;
}

/** The place of a hash in a table of `places`, a power of two. */
export function placeOfHash(hash: number, places: number): number {
  return (hash ^ (hash >>> 15)) & (places - 1);
}
