/**
 * Benchmark peer: Bun.serve in one process for each core, all on one port by SO_REUSEPORT. This file starts itself: the
 * children are told the port by BENCH_PORT and that they are children by BENCH_CHILD.
 */
import { availableParallelism } from "node:os";
import { announce, options } from "./announce.ts";

if (process.env.BENCH_CHILD === "1") {
  announce(Bun.serve({ ...options, reusePort: true }).port);
} else {
  // Holds the port until the children have bound it. They end with this process: their standard input is its pipe.
  const probe = Bun.serve({ ...options, reusePort: true });
  const port = probe.port!;
  const env = { ...process.env, BENCH_CHILD: "1", BENCH_PORT: String(port) };
  for (let index = 0; index < availableParallelism(); index++) {
    const child = Bun.spawn([process.execPath, "run", import.meta.path], {
      stdin: "pipe",
      stdout: "pipe",
      env,
    });
    await child.stdout.getReader().read();
  }
  await probe.stop(true);
  announce(port);
}
