/**
 * epollo: an HTTP server for Bun on Linux that takes what Bun.serve takes and serves on every core.
 *
 * @module
 */
import "./serve/bundled-thread.ts";
import { atCaller } from "./serve/caller.ts";
import { serveOptions } from "./serve/serve.ts";
import type { Serve } from "./serve/types.ts";

export type { LogHook, LogLevel, LogRecord } from "./log/log.ts";
export type { HealthOptions } from "./serve/health-options.ts";
export type { LimitOptions } from "./serve/limit-types.ts";
export type { AccessLogOptions, ObserveOptions } from "./serve/observe-options.ts";
export type { ProxyProtocolOptions } from "./serve/proxy-options.ts";
export { type TextRequest, textHandler } from "./serve/text-handler.ts";
export type {
  DispatcherStats,
  DispatchThreadStats,
  EpolloOptions,
  GracefulSignals,
  HandlerStats,
  Handlers,
  ModuleOptions,
  RunningStats,
  Serve,
  ServeOptions,
  Server,
  ServerStats,
  ThreadOptions,
  ThreadStats,
} from "./serve/types.ts";

/**
 * Starts an HTTP server: `Bun.serve` with threads.
 *
 * @param options those of Bun.serve, and `handlers`, `threads`, `limits` and `observe`
 * @returns the server, listening
 * @throws TypeError or RangeError for bad options, an Error with `code` when it cannot listen; all as Bun.serve does
 * @example
 * ```ts
 * import { serve } from "epollo";
 * const server = serve({ port: 3000, fetch: () => new Response("hello") });
 * console.log(`listening on ${server.url}`);
 * ```
 */
export const serve: Serve = function serve(options: unknown): unknown {
  try {
    return serveOptions(options);
  } catch (error) {
    throw atCaller(error, serve);
  }
} as Serve;
