// Made by types/make.ts: npm run declarations.
/**
 * epollo: an HTTP server for Bun on Linux that takes what Bun.serve takes and serves on every core.
 *
 * @module
 */
import type { Serve } from "./types.js";
export type { LogHook, LogLevel, LogRecord } from "./log.js";
export type { HealthOptions } from "./health-options.js";
export type { LimitOptions } from "./limit-types.js";
export type { AccessLogOptions, ObserveOptions } from "./observe-options.js";
export type { ProxyProtocolOptions } from "./proxy-options.js";
export { type TextRequest, textHandler } from "./text-handler.js";
export type { DispatcherStats, DispatchThreadStats, EpolloOptions, GracefulSignals, HandlerStats, Handlers, ModuleOptions, RunningStats, Serve, ServeOptions, Server, ServerStats, ThreadOptions, ThreadStats, } from "./types.js";
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
export declare const serve: Serve;
