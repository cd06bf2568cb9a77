/**
 * How a server's thread hears from the main thread what it is to do.
 *
 * Settings come as the first message: `workerData` would cost each thread the loading of `node:worker_threads`, 4 ms. In a
 * bundle they are in `workerData`, since there a thread must know what it is before the rest of the bundle is evaluated.
 */
import { isBundled } from "./thread.ts";

const post = globalThis.postMessage as (message: unknown) => void;

/** Calls `start` once, with the settings that `startThread` was given for this thread. */
export function whenTold<Settings>(start: (settings: Settings) => void): void {
  if (isBundled()) {
    const { workerData } = require("node:worker_threads") as typeof import("node:worker_threads");
    start(workerData as Settings);
    return;
  }
  globalThis.addEventListener("message", (event) => start((event as MessageEvent).data as Settings), {
    once: true,
  });
}

/** Keeps this thread from ending although nothing on its event loop does; a port that is listened on does so. */
export function keepAlive(): void {
  if (Bun.isMainThread) return;
  globalThis.addEventListener("message", () => {});
}

/** Says something to the thread that started this one. */
export function tellMain(message: unknown): void {
  post(message);
}
