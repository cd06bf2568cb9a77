/** Benchmark peer: node:http in one process for each core, by node:cluster: the primary accepts and hands out in turn. */
import cluster from "node:cluster";
import { createServer } from "node:http";
import { availableParallelism } from "node:os";
import { announce, handle } from "./node-app.mjs";

if (cluster.isPrimary) {
  const count = availableParallelism();
  let listening = 0;
  // All that ask for port 0 get the same one.
  cluster.on("listening", (_worker, address) => {
    if (++listening === count) announce(address.port);
  });
  for (let index = 0; index < count; index++) cluster.fork();
} else {
  const server = createServer(handle);
  server.keepAliveTimeout = 0;
  server.listen(Number(process.env.BENCH_PORT ?? 0), "127.0.0.1", 4096);
}
