/**
 * Replaces `Bun.serve` for a program that knows nothing of epollo: `bun --preload epollo/auto server.ts`.
 *
 * Handlers run on the main thread, so that closures and module state are exactly as with Bun.serve; with
 * `EPOLLO_HANDLERS=pool` they run on handler threads.
 */
import { readEnvironment } from "./serve/environment.ts";
import { serveOptions } from "./serve/serve.ts";

function serve(options: unknown): unknown {
  if (typeof (options as { onNodeHTTPRequest?: unknown } | null)?.onNodeHTTPRequest === "function") {
    return nativeServe(options as Parameters<typeof Bun.serve>[0]);
  }
  const defaultHandlers = process.env.EPOLLO_HANDLERS === "pool" ? "pool" : "main";
  return serveOptions(options, { ...readEnvironment(), defaultHandlers });
}

const nativeServe = Bun.serve;
Bun.serve = serve as typeof Bun.serve;
