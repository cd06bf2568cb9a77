/**
 * The public types: what `serve` takes and gives.
 *
 * Types and their documentation only, no code; any thread. Everything that Bun.serve accepts is accepted, with Bun's
 * own types (bun-types, `Bun.Serve.Options`), so a program typed for Bun.serve needs no change. Added are `handlers`,
 * `threads`, `limits`, `observe`, `server.stats()` and `server.metrics()`. How options are checked is in options.ts,
 * thread-options.ts, limit-options.ts and observe-options.ts.
 */

import type { HealthOptions } from "./health-options.ts";
import type { LimitOptions } from "./limit-types.ts";
import type { ObserveOptions } from "./observe-options.ts";
import type { ProxyProtocolOptions } from "./proxy-options.ts";

/**
 * Says where handlers run.
 *
 * - `"pool"`: on handler threads, each of which evaluates the program's entry module.
 * - `"main"`: on the thread that called `serve()`, with its closures and module state, as with Bun.serve.
 * - a `URL`, a URL as a string or an absolute path: on handler threads that load only this module, whose default
 *   export is the options.
 */
export type Handlers = "pool" | "main" | URL | (string & {});

/** How many threads there are and how requests get to them. */
export interface ThreadOptions {
  /** The same as the option `handlers` one level up. Giving both with different values is an error. */
  handlers?: Handlers | undefined;
  /** Dispatch threads, 1 to 256. Default: half the cores, at least 1. */
  dispatchers?: number | undefined;
  /** Handler threads kept even when idle, 0 to 256. Default: 1, or `max` if that is less. */
  min?: number | undefined;
  /** Handler threads at most, 1 to 256. Default: 4 per core, at least 8, not below `min`. */
  max?: number | undefined;
  /** Milliseconds that a handler thread above `min` may be idle before it ends; `Infinity` for ever. Default: 10000. */
  retireAfter?: number | undefined;
  /**
   * Milliseconds from the start of a handler to the first byte of its answer, 1 to 2147483647. Past them the client gets 503;
   * a thread that does not even react is terminated and replaced. `Infinity` for no limit. Default: `Infinity`.
   */
  handlerTimeout?: number | undefined;
  /**
   * Milliseconds that a thread may take to load the module of its handlers, 1 to 2147483647; `Infinity` for ever. A handler
   * thread that takes longer is terminated, and counts as one that could not be started. Default: 30000, or four times what
   * the program took to call `serve()` if that is more, 300000 at most.
   */
  startTimeout?: number | undefined;
  /** Requests that may wait for a handler before more are answered with 503, 1 to 2147483647. Default: 65536. */
  maxBacklog?: number | undefined;
  /**
   * How a handler thread is chosen. `"bounded"`: one that has room, so that no request waits behind a slow one.
   * `"random"`: one at random. Default: `"bounded"`.
   */
  balance?: "bounded" | "random" | undefined;
  /**
   * Whether dispatch threads may run handlers themselves that have shown to be short; they load the program too then.
   * Default: true, but false when `max` is 1 or `balance` is `"random"`.
   */
  inline?: boolean | undefined;
  /**
   * Whether SIGTERM and SIGINT stop the server and end the process with 0 once what is in flight is answered; a second
   * signal ends it at once, with 128 + its number. Default: false, what the process does otherwise.
   */
  gracefulSignals?: boolean | GracefulSignals | undefined;
}

/** How a process ends that was sent SIGTERM or SIGINT. */
export interface GracefulSignals {
  /** Milliseconds after which requests that are still in flight are cut off, 0 to 2147483647. Default: 25000. */
  grace?: number | undefined;
  /**
   * Milliseconds in which clients without a request may still send one, which is answered with `Connection: close`; then
   * they are closed. 0 to 2147483647, not above `grace`. Default: 1000, or `grace` if that is less.
   */
  idle?: number | undefined;
}

/** The options that Bun.serve does not have. */
export interface EpolloOptions {
  /** Where handlers run. Default: `"pool"`; under `bun test`, in the REPL and for `bun -e` it is `"main"`. */
  handlers?: Handlers | undefined;
  /** How many threads there are and how requests get to them. */
  threads?: ThreadOptions | undefined;
  /** What clients are held to. */
  limits?: LimitOptions | undefined;
  /** What the server shows of itself. Default: nothing. */
  observe?: ObserveOptions | undefined;
  /** Where the server says whether it is alive and takes new work. Default: nowhere. */
  health?: HealthOptions | undefined;
  /**
   * A listening socket that the process was started with, in place of `port`, `hostname` and `unix`: its descriptor, or its
   * name as in LISTEN_FDNAMES. Without it a socket that systemd hands over (LISTEN_FDS) for the very address that the
   * options name is taken. The socket is closed when the server stops, and goes on listening where others have it open.
   */
  fd?: number | string | undefined;
  /** Who speaks the PROXY protocol to this server. Default: nobody. */
  proxyProtocol?: false | ProxyProtocolOptions | undefined;
}

/**
 * The options of `serve`: those of Bun.serve, and {@link EpolloOptions}.
 *
 * Defaults of Bun's options: `port` BUN_PORT, PORT, NODE_PORT, `--port`, bunfig's `[serve] port`, 3000; `hostname` all
 * addresses, IPv6 and IPv4; `idleTimeout` 10 seconds (0 to 255, 0 turns it off); `maxRequestBodySize` 134217728 bytes;
 * `development` true unless NODE_ENV is "production"; `reusePort` false, but true when `development` is given and
 * false; `ipv6Only` false.
 *
 * @typeParam WebSocketData the type of `ws.data`
 * @typeParam Routes the paths of `routes`, inferred
 */
export type ServeOptions<WebSocketData = undefined, Routes extends string = string> = Bun.Serve.Options<
  WebSocketData,
  Routes
> &
  EpolloOptions;

/**
 * The options of `serve` in module mode: where to listen. The functions are in the default export of the module that
 * `handlers` names, so there is no `fetch` here.
 */
export type ModuleOptions = (
  | Bun.Serve.HostnamePortServeOptions<undefined>
  | Bun.Serve.UnixServeOptions<undefined>
) & {
  /** The module: a `URL`, a URL as a string or an absolute path. */
  handlers: URL | (string & {});
  /** How many threads there are and how requests get to them. */
  threads?: ThreadOptions | undefined;
  /** What clients are held to. */
  limits?: LimitOptions | undefined;
  /** What the server shows of itself. Default: nothing. */
  observe?: ObserveOptions | undefined;
  /** Where the server says whether it is alive and takes new work. Default: nowhere. */
  health?: HealthOptions | undefined;
  /**
   * A listening socket that the process was started with, in place of `port`, `hostname` and `unix`: its descriptor, or its
   * name as in LISTEN_FDNAMES. Without it a socket that systemd hands over (LISTEN_FDS) for the very address that the
   * options name is taken. The socket is closed when the server stops, and goes on listening where others have it open.
   */
  fd?: number | string | undefined;
  /** Who speaks the PROXY protocol to this server. Default: nobody. */
  proxyProtocol?: false | ProxyProtocolOptions | undefined;
};

/** The counters of one dispatch thread, since it was started. */
export interface DispatcherStats {
  /** Requests received whole enough to be dispatched or answered. */
  readonly requests: number;
  /** Requests whose handlers ran on dispatch threads (`threads.inline`). */
  readonly requestsInline: number;
  /**
   * Kinds of requests (a method and a route, or a pattern of a path) that have shown to be short, and run on this thread from then
   * on; again each time they come back. A pattern that stands for paths never seen counts too.
   */
  readonly promotions: number;
  /** Kinds that were slow there, or waited for something, and went back to handler threads: each may have delayed clients once. */
  readonly demotions: number;
  /** Requests that wait for a handler with room, now. */
  readonly backlog: number;
  /** Requests with a handler, not yet answered, now. */
  readonly inFlight: number;
  /** Open clients, now. */
  readonly connections: number;
  /** Bytes read from clients. */
  readonly bytesReceived: number;
  /** Bytes written to clients. */
  readonly bytesSent: number;
  /** Requests refused because they broke HTTP's grammar or a limit. */
  readonly parseErrors: number;
  /** Tasks taken back from a handler thread that turned out slow, and given to another. */
  readonly takenBack: number;
  /** Requests answered with 503 because their handler, or one that its thread was ended for, took longer than `threads.handlerTimeout`. */
  readonly handlerTimeouts: number;
}

/** The request that has kept a thread for a second or longer without a pause. */
export interface RunningStats {
  readonly method: string;
  /** Without its query, which may hold secrets; cut after 200 bytes. */
  readonly path: string;
  /** For how long, in ms. */
  readonly ms: number;
}

/** What one dispatch thread counts, and what it runs. */
export interface DispatchThreadStats extends DispatcherStats {
  /** The request whose handler, run there (`threads.inline`), has kept it and its clients for a second or longer; else null. */
  readonly running: RunningStats | null;
}

/** The counters of one handler thread, since it was started. */
export interface HandlerStats {
  /** Whether it is being started, takes requests, or is about to end. */
  readonly state: "starting" | "running" | "stopping";
  /** Tasks it has started. */
  readonly requests: number;
  /** Tasks it has started and not finished, now. */
  readonly inFlight: number;
  /** The request that has kept it for a second or longer without a pause; else null. */
  readonly running: RunningStats | null;
}

/** The counters of the handler threads. */
export interface ThreadStats {
  /** Handler threads started since the server was. */
  readonly spawned: number;
  /** Handler threads ended because they were idle. */
  readonly retired: number;
  /** Handler threads terminated because of `threads.handlerTimeout`. */
  readonly killed: number;
  /** Handler threads that take requests, now. */
  readonly alive: number;
  /** Handler threads that are being started, now. */
  readonly starting: number;
}

/** A reading of a server's counters. Sums over all threads, threads that have ended included. */
export interface ServerStats extends DispatcherStats {
  /** Blocks of 64 KiB of shared memory that hold parts of answers on their way, now. */
  readonly blocks: number;
  /** Connections turned away by `limits.connections` and `limits.connectionsPerAddress`. */
  readonly connectionsRefused: number;
  /** The handler threads. */
  readonly threads: ThreadStats;
  /** One entry for each dispatch thread. */
  readonly dispatchers: readonly DispatchThreadStats[];
  /** One entry for each handler thread there is now. */
  readonly handlers: readonly HandlerStats[];
}

/** A running server: Bun's `Server`, and {@link Server.stats}. */
export interface Server<WebSocketData = undefined> extends Bun.Server<WebSocketData> {
  /** Reads the counters. Costs a few microseconds; threads are not disturbed. */
  stats(): ServerStats;
  /** The counters as text for Prometheus (its text format 0.0.4), for a program that serves them itself. */
  metrics(): string;
  /** Replaces handlers and routes without closing clients; other options are ignored, as by Bun. */
  reload<Routes extends string>(options: ServeOptions<WebSocketData, Routes>): Server<WebSocketData>;
}

/** The type of `serve`: that of `Bun.serve` with {@link ServeOptions} and {@link Server}. */
export interface Serve {
  <WebSocketData = undefined, Routes extends string = never>(
    options: ServeOptions<WebSocketData, Routes>,
  ): Server<WebSocketData>;
  (options: ModuleOptions): Server;
}
