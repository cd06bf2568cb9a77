import { expect, test } from "bun:test";
import { ERRNO } from "../../ffi/errno.ts";
import { bindingPlan } from "../../ffi/late-binding.ts";

test("a function that is bound at its first call gives what the others do, errno included", async () => {
  expect(bindingPlan.isLate).toBe(false);
  const worker = new Worker(new URL("./late-binding-worker.ts", import.meta.url).href);
  const told = await new Promise((resolve, reject) => {
    worker.onmessage = (event) => resolve(event.data);
    worker.onerror = (event) => reject(new Error(event.message));
  });
  worker.terminate();
  expect(told).toEqual({
    isLate: true,
    kinds: ["function"],
    failures: [-ERRNO.EBADF, -ERRNO.EINVAL, -ERRNO.EBADF, -ERRNO.EINVAL],
    results: [8, 8, 7, 8, 8, 4, 0, -ERRNO.EBADF],
  });
});
