// Made by types/make.ts: npm run declarations.
/** What a server shows of itself, and where. */
export interface ObserveOptions {
    /** Path at which the counters are answered as text for Prometheus, such as `"/metrics"`. Default: none. */
    metrics?: string | undefined;
}
/** `observe` with every default filled in. */
export interface ResolvedObserve {
    /** Path of the metrics; null: they are not served. */
    readonly metricsPath: string | null;
}
/** Checks `observe` and fills in the defaults. @throws TypeError for what is not accepted */
export declare function resolveObserve(observe: unknown): ResolvedObserve;
