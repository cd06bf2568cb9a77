/**
 * Collects the garbage of a thread that outlives others, once for so many of those.
 *
 * To the engine all shared memory that a thread has seen counts as its own, 1.8 MB for each pair on a dispatcher and all of it on
 * main, and it lets about as much garbage gather. That is bounded, but where threads are killed one after the other it looks
 * like a leak of 20 KB and more for each of them, until 40 MB and more have gathered (docs/reliability.md, 1).
 */

/** Threads that have ended until garbage is collected again. */
export const DEATHS_UNTIL_COLLECTION = 64;

let deaths = 0;

/** Says, on a thread that goes on, that another has ended. Once in a while that collects what is garbage here. */
export function collectAfterDeaths(): void {
  if (++deaths < DEATHS_UNTIL_COLLECTION) return;
  deaths = 0;
  // Begun, not waited for: it goes on beside what the thread does.
  Bun.gc(false);
}
