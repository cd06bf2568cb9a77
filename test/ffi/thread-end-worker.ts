/** Has a descriptor shut down at its end. */
import { shutdownAtEnd } from "../../ffi/thread-end.ts";

declare const self: Worker;

self.addEventListener("message", (event) => {
  shutdownAtEnd((event as MessageEvent<number>).data, 2);
  self.postMessage("ready");
});
