// Made by types/make.ts: npm run declarations.
/** Where a server says how it is. Dispatch threads answer, without a handler. */
export interface HealthOptions {
    /** Path that is answered with 200 as long as the server's threads run, such as `"/healthz"`. Default: none. */
    live?: string | undefined;
    /**
     * Path that is answered with 200 when the server takes new work, and with 503 before the first handler thread is ready
     * and from `stop()` on, such as `"/readyz"`. Default: none.
     */
    ready?: string | undefined;
    /**
     * Milliseconds between `stop()`, or a signal with `threads.gracefulSignals`, and the moment from which nobody is accepted
     * any more: `ready` says 503, so that balancers notice, while everything is served. 0 to 2147483647. Default: 0.
     */
    delay?: number | undefined;
}
/** `health` with every default filled in. Frozen. */
export interface ResolvedHealth {
    /** null: not served. */
    readonly livePath: string | null;
    /** null: not served. */
    readonly readyPath: string | null;
    readonly delayMs: number;
}
/**
 * Checks `health` and fills in the defaults.
 *
 * @param metricsPath of `observe.metrics`, which must be another path
 * @throws TypeError for a wrong type, a member that does not exist or equal paths
 * @throws RangeError for a delay out of its range
 */
export declare function resolveHealth(health: unknown, metricsPath: string | null, pagePath?: string | null): ResolvedHealth;
