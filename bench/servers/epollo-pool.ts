/** Benchmark peer: epollo, handlers on its threads (and inline on dispatchers where they are short). */
import { serve } from "../../dist/index.ts";
import { announce, options, threads } from "./announce.ts";

announce(serve({ ...options, handlers: "pool", threads }).port);
