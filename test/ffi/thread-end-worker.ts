/** Has a descriptor shut down at its end, holds nothing of that, and collects. */
import { shutdownAtEnd } from "../../ffi/thread-end.ts";

declare const self: Worker;

self.addEventListener("message", (event) => {
  shutdownAtEnd((event as MessageEvent<number>).data, 2);
  for (let round = 0; round < 5; round++) Bun.gc(true);
  self.postMessage("ready");
});
