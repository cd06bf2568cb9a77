/**
 * Replaces `Bun.serve` for a program that knows nothing of epollo: `bun --preload epollo/auto server.ts`.
 *
 * Handlers run on the main thread, so that closures and module state are exactly as with Bun.serve; with
 * `EPOLLO_HANDLERS=pool` they run on handler threads. EPOLLO_DISPATCHERS, EPOLLO_MIN_HANDLERS and EPOLLO_MAX_HANDLERS
 * are the defaults of `threads` (src/serve/auto-options.ts).
 */
import { replaceBunServe } from "./serve/bun-serve.ts";

replaceBunServe(import.meta.url);
