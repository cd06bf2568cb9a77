/** Benchmark peer: Bun.serve, one thread: what all ratios refer to. */
import { announce, options } from "./announce.ts";

announce(Bun.serve(options).port);
