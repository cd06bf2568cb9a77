/**
 * Payloads of the stress tests: pseudo-random bytes that say themselves whether they are intact.
 *
 * Used by both ends, in any thread. The bytes follow from a seed, so a reader needs nothing but the record's own words.
 */

/** A small deterministic generator (xorshift32). Returns the next int32 state; never 0 for a state that is not 0. */
export function nextRandom(state: number): number {
  let x = state;
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  return x;
}

/** Writes the payload of `seed` into `bytes` at `offset`. */
export function fillPayload(bytes: Buffer, offset: number, length: number, seed: number): void {
  let state = (seed * 2654435761) | 1;
  for (let index = 0; index < length; index++) {
    state = nextRandom(state);
    bytes[offset + index] = state;
  }
}

/** True when `bytes` at `offset` hold the payload of `seed`. */
export function isPayload(bytes: Buffer, offset: number, length: number, seed: number): boolean {
  let state = (seed * 2654435761) | 1;
  for (let index = 0; index < length; index++) {
    state = nextRandom(state);
    if (bytes[offset + index] !== (state & 255)) return false;
  }
  return true;
}
