/** Benchmark peer: epollo with the handlers on the calling thread. */
import { serve } from "../../src/index.ts";
import { announce } from "./announce.ts";
import { fetch } from "./app.ts";

const server = serve({ port: 0, hostname: "127.0.0.1", idleTimeout: 0, handlers: "main", fetch });
announce(server.port);
