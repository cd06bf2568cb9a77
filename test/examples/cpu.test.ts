/** examples/cpu.ts, run as a user runs it. */
import { expect, test } from "bun:test";
import { ask, runExample } from "./run-example.ts";

test("it computes and answers at once, each on its own path", async () => {
  await using cpu = await runExample("cpu");
  expect((await ask(`${cpu.url}cpu`)).text).toMatch(/^[1-9]\d* rounds in 20 ms\n$/);
  expect((await ask(cpu.url)).text).toBe("at once\n");
});

test("trivial requests finish while slow ones run", async () => {
  await using cpu = await runExample("cpu");
  // On one thread 50 computations take a second, and whatever is asked after them waits for the last one.
  let slowDone = 0;
  const slow = Array.from({ length: 50 }, async () => {
    await ask(`${cpu.url}cpu`);
    slowDone++;
  });
  for (let count = 0; count < 10; count++) expect((await ask(cpu.url)).text).toBe("at once\n");
  expect(slowDone).toBeLessThan(50);
  await Promise.all(slow);
});
