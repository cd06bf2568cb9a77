/** Benchmark peer: Bun.serve, one thread: what all ratios refer to. */
import { announce } from "./announce.ts";
import { fetch } from "./app.ts";

const server = Bun.serve({ port: 0, hostname: "127.0.0.1", idleTimeout: 0, development: false, fetch });
announce(server.port);
