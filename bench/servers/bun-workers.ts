/**
 * Benchmark peer: Bun.serve in one Worker for each core, all on one port by SO_REUSEPORT: what one can have without
 * epollo. The kernel spreads connections by hash, whatever the Workers are busy with.
 */
import { availableParallelism } from "node:os";
import { parentPort } from "node:worker_threads";
import { announce, options } from "./announce.ts";

if (Bun.isMainThread) {
  // Holds the port until the Workers have bound it.
  const probe = Bun.serve({ ...options, reusePort: true });
  const port = probe.port!;
  const ready: Promise<unknown>[] = [];
  for (let index = 0; index < availableParallelism(); index++) {
    const worker = new Worker(import.meta.url);
    ready.push(new Promise((resolve) => worker.addEventListener("message", resolve, { once: true })));
    worker.postMessage(port);
  }
  await Promise.all(ready);
  await probe.stop(true);
  announce(port);
} else {
  listenWhenTold();
}

function listenWhenTold(): void {
  parentPort!.on("message", (port: number) =>
    parentPort!.postMessage(Bun.serve({ ...options, port, reusePort: true }).port),
  );
}
