/** Benchmark peer: node:http under Node, one thread. */
import { createServer } from "node:http";
import { announce, handle } from "./node-app.mjs";

const server = createServer(handle);
server.keepAliveTimeout = 0;
server.listen(Number(process.env.BENCH_PORT ?? 0), "127.0.0.1", 4096, () => announce(server.address().port));
