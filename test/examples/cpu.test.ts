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
  // What it costs to answer is known by now, and the threads are there: while they start, two cores are busy with that.
  for (let count = 0; count < 20; count++) await ask(count % 4 === 0 ? `${cpu.url}cpu` : cpu.url);
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
