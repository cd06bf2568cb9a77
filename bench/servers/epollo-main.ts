/** Benchmark peer: epollo with the handlers on the calling thread. */
import { serve } from "../../dist/index.ts";
import { announce, options, threads } from "./announce.ts";

announce(serve({ ...options, handlers: "main", threads }).port);
