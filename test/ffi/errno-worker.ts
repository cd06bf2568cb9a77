/** Fails in another way than the main thread does, many times, and posts how often errno was not its own. */
import { epollCreate1 } from "../../ffi/calls.ts";
import { ERRNO } from "../../ffi/errno.ts";

declare const self: Worker;

let wrong = 0;
for (let round = 0; round < 100_000; round++) if (epollCreate1(-1) !== -ERRNO.EINVAL) wrong++;
self.postMessage(wrong);
