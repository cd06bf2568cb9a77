/** Benchmark peer: epollo, handlers on its threads (and inline on dispatchers where they are short). */
import { serve } from "../../src/index.ts";
import { announce } from "./announce.ts";
import { fetch } from "./app.ts";

const server = serve({ port: 0, hostname: "127.0.0.1", idleTimeout: 0, handlers: "pool", fetch });
announce(server.port);
