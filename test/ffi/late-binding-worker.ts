/** Binds late, as a handler thread does, and posts what calls gave: the first of each and the second. */
import "../../src/roles/entry/few-bindings.ts";
import { close, epollCreate1, eventfd, read, write } from "../../ffi/calls.ts";
import { bindingPlan } from "../../ffi/late-binding.ts";
import { libc } from "../../ffi/libc.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";

declare const self: Worker;

const kinds = Object.values(libc).map((binding) => typeof binding);
const failures = [close(-1), epollCreate1(-1), close(-1), epollCreate1(-1)];
const fd = eventfd(3, 0);
const counter = NativeBuffer.allocate(8);
const results: number[] = [];
for (let round = 0; round < 2; round++) {
  // What is bound stays so.
  Bun.gc(true);
  counter.int32()[0] = 4;
  results.push(write(fd, counter.address, 8), read(fd, counter.address, 8), counter.int32()[0]!);
}
results.push(close(fd), close(fd));
self.postMessage({ isLate: bindingPlan.isLate, kinds: [...new Set(kinds)], failures, results });
