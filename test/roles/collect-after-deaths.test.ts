import { expect, test } from "bun:test";
import { collectAfterDeaths, DEATHS_UNTIL_COLLECTION } from "../../src/roles/collect-after-deaths.ts";
import { eventually } from "../support/process-info.ts";

/** Leaves garbage, held by nothing when this has returned. */
function leaveGarbage(count: number): WeakRef<object>[] {
  return Array.from({ length: count }, (_, index) => new WeakRef({ index }));
}

test("garbage is collected once so many threads have ended, though the engine sees no need to", async () => {
  // It counts as this thread's own, so that by itself the engine lets as much garbage gather.
  const counted = new SharedArrayBuffer(256 << 20);
  // To get it is itself a cause to collect.
  Bun.gc(true);
  const left = leaveGarbage(1000);
  await Bun.sleep(1);
  const alive = (): number => left.filter((ref) => ref.deref() !== undefined).length;
  for (let death = 1; death < DEATHS_UNTIL_COLLECTION; death++) collectAfterDeaths();
  await Bun.sleep(100);
  expect(alive()).toBe(1000);
  // What a WeakRef gave stays until the next turn.
  await Bun.sleep(1);
  collectAfterDeaths();
  await Bun.sleep(50);
  // One or two may be held by what lies on the stack.
  await eventually(
    "the garbage to go",
    async () => alive(),
    (count) => count < 10,
    // After a second Bun collects by itself on a thread that does nothing.
    500,
  );
  expect(counted.byteLength).toBe(256 << 20);
});
