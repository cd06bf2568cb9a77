import { expect, test } from "bun:test";
import { join } from "node:path";

test("garbage is collected once so many threads have ended, though the engine sees no need to", async () => {
  const script = join(import.meta.dir, "../fixtures/collect-after-deaths.ts");
  const child = Bun.spawn([process.execPath, script], { stdout: "pipe" });
  const { before, after, counted } = JSON.parse(await child.stdout.text());
  expect([before, counted]).toEqual([1000, 256 << 20]);
  // One or two may be held by what lies on the stack.
  expect(after).toBeLessThan(10);
  expect(await child.exited).toBe(0);
});
