/** Says what the time is on this thread whenever it is asked. */
import { monotonicMs } from "../../ffi/clock.ts";

declare const self: Worker;
self.onmessage = (): void => self.postMessage(monotonicMs());
