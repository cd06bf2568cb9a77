/**
 * Kills a handler thread at random moments, over and over on the same memory, and lets the dispatcher clean up.
 *
 * The handler is producer of one ring and slab and consumer of the other, so each kill is the death of a producer and of
 * a consumer (the mirror case) at once. `KILL_CYCLES` makes a longer drill.
 */
import { expect, test } from "bun:test";
import { KillDispatcher } from "./kill-dispatcher.ts";
import { BROKEN, PLACES, RUNNING } from "./kill-memory.ts";
import { nextRandom } from "./records.ts";
import { runWorker } from "./worker-run.ts";

const CYCLES = Number(process.env.KILL_CYCLES ?? 1000);

test(
  `${CYCLES} kills wedge no ring, break no record and lose no task and no block`,
  async () => {
    const memory = new SharedArrayBuffer(PLACES.bytes);
    const status = new Int32Array(memory, PLACES.offsets.status, 2);
    const dispatcher = new KillDispatcher(memory);
    let random = (Date.now() & 0x3fffffff) | 1;
    for (let cycle = 0; cycle < CYCLES; cycle++) {
      random = nextRandom(random);
      Atomics.store(status, RUNNING, 0);
      const { worker, message, ended } = runWorker("kill-handler.ts", { memory, seed: random });
      const running = Atomics.waitAsync(status, RUNNING, 0);
      // The handler says nothing: its message settles only when it has failed.
      if (running.async) await Promise.race([running.value, message]);
      // Killed at once, or after up to 4 ms of work: cold and warm code, empty and full rings.
      const end = performance.now() + ((random >>> 8) % 5) - (random & 1023) / 1024;
      while (performance.now() < end) {
        random = nextRandom(random);
        dispatcher.send();
        if ((random & 0x300) !== 0) dispatcher.publish();
        if ((random & 0x7c00) === 0) dispatcher.takeBack();
        if ((random & 0x3000) === 0) dispatcher.read(20);
      }
      await Promise.all([worker.terminate(), ended]);
      dispatcher.bury((random & 0x10000) === 0);
      if (Atomics.load(status, BROKEN) !== 0)
        throw new Error(`the handler met a broken task in cycle ${cycle}`);
    }
    if (process.env.KILL_CYCLES !== undefined) console.log(dispatcher.totals);
    // The kills hit: each kind of thing that a death can leave behind was found and cleaned up.
    if (CYCLES >= 500) {
      for (const [name, count] of Object.entries(dispatcher.totals)) {
        expect({ name, isHit: count > 0 }).toEqual({ name, isHit: true });
      }
    }
  },
  Math.max(60_000, CYCLES * 60),
);
