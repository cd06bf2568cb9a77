// Made by types/make.ts: npm run declarations.
/**
 * Checks `observe`: what a server shows of itself.
 *
 * Runs on the thread that called `serve()`, once per call. A value of the wrong type is a TypeError that names the option,
 * what is accepted and what was given.
 */
import type { LogHook } from "./log.js";
/** What a server shows of itself, and where. */
export interface ObserveOptions {
    /** Path at which the counters are answered as text for Prometheus, such as `"/metrics"`. Default: none. */
    metrics?: string | undefined;
    /**
     * Path of a page that draws threads, waits and latencies as they are, such as `"/_epollo"`. It polls the path with `/stats` behind
     * it. Default: none.
     */
    page?: string | undefined;
    /**
     * Called on the main thread with each record of what epollo has to say: failed handlers, threads that ended, clients that were
     * turned away. Default: it is printed to standard error.
     */
    log?: LogHook | undefined;
    /**
     * A line for each request: `true` for the combined format on standard output, or the format and a file, to which is appended. It never
     * keeps a dispatcher waiting: lines that cannot be written are dropped and counted. Default: none.
     */
    accessLog?: boolean | AccessLogOptions | undefined;
}
/** How requests are logged. */
export interface AccessLogOptions {
    /** Apache's combined format with the seconds taken behind it, or an object of JSON in each line. Default: `"combined"`. */
    format?: "combined" | "json" | undefined;
    /** Path of the file, which is made if it is missing, and anew if it is renamed or removed. Default: standard output. */
    file?: string | undefined;
}
/** `observe` with every default filled in. */
export interface ResolvedObserve {
    /** Path of the metrics; null: they are not served. */
    readonly metricsPath: string | null;
    /** Path of the live page; null: it is not served. */
    readonly pagePath: string | null;
    /** Gets what epollo has to say; null: it is printed. */
    readonly log: LogHook | null;
    /** How requests are logged; null: they are not. */
    readonly accessLog: {
        readonly format: "combined" | "json";
        readonly file: string | null;
    } | null;
}
/** Checks `observe` and fills in the defaults. @throws TypeError for what is not accepted */
export declare function resolveObserve(observe: unknown): ResolvedObserve;
