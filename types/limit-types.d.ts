// Made by types/make.ts: npm run declarations.
/**
 * The public type of `limits`. Types and their documentation only, no code; how they are checked is in limit-options.ts.
 */
/**
 * What clients are held to. The defaults are what Bun.serve does, where it does anything; `Infinity` (and for rates 0)
 * means no limit. `idleTimeout` and `maxRequestBodySize` are Bun's own options, beside this one.
 */
export interface LimitOptions {
    /** Bytes of a request's head: request line, fields, empty line; 64 to 65536. Past it: 431. Default: 16384. */
    headerBytes?: number | undefined;
    /** Fields in a request's head, 1 to 4096. Past it: 431. Default: 198. */
    headerCount?: number | undefined;
    /** Bytes of the request line, 16 to `headerBytes`. Past it: 414. Default: as `headerBytes`. */
    requestLineBytes?: number | undefined;
    /** Bytes of the trailers of a chunked body. Past it: 431. Default: 16384. */
    trailerBytes?: number | undefined;
    /** Bytes of chunk extensions beyond 16 for each chunk and twice its length. Past it: 413. Default: 16384. */
    chunkExtensionBytes?: number | undefined;
    /**
     * Milliseconds for a head to arrive, from the connection or from its first byte, however it drips. Then the
     * connection is closed. Default: 10000.
     */
    headTimeout?: number | undefined;
    /** Milliseconds for a whole body to arrive, as long as its handler reads it. Default: Infinity. */
    bodyTimeout?: number | undefined;
    /** Bytes a second that a body must keep up, looked at every 10 s; 0: none. Default: 16384. */
    minBodyRate?: number | undefined;
    /** Milliseconds in which a client must take what waits for it, all of it. Default: Infinity (`idleTimeout` counts). */
    writeTimeout?: number | undefined;
    /** Bytes a second that a client must take while something waits for it, looked at every 10 s. Default: 0, none. */
    minWriteRate?: number | undefined;
    /**
     * Requests of one connection that may be in flight at once, 1 to 1024; then it is not read. Fewer where the answers are so long
     * that 256 KiB of them would wait. Default: 64.
     */
    pipelined?: number | undefined;
    /** Requests that a connection may make; the last answer says `Connection: close`. Default: Infinity. */
    requestsPerConnection?: number | undefined;
    /** Connections that may be open at once. Default: Infinity. */
    connections?: number | undefined;
    /**
     * Connections that may be open at once from one IPv4 address or one IPv6 network (/64); more get 503 and are closed.
     * Default: Infinity.
     */
    connectionsPerAddress?: number | undefined;
    /**
     * What happens to more than `connections`. `"refuse"`: they are accepted, answered with 503 and closed. `"wait"`:
     * they stay in the kernel's backlog until others close. Default: `"refuse"`.
     */
    whenFull?: "refuse" | "wait" | undefined;
    /**
     * Bytes of requests that may wait for a handler in one dispatcher, before more are answered with 503. Default:
     * 67108864. See also `threads.maxBacklog`.
     */
    backlogBytes?: number | undefined;
}
