// Made by types/make.ts: npm run declarations.
/** Who speaks the PROXY protocol, versions 1 and 2, to this server. */
export interface ProxyProtocolOptions {
    /**
     * The proxies: addresses (`"192.0.2.1"`, `"2001:db8::1"`), blocks (`"10.0.0.0/8"`), and `"unix"` for all peers of a unix
     * socket. Their connections must begin with the header, which says what `server.requestIP` gives; others are closed. All
     * other peers speak HTTP from the first byte on, and a header of theirs is a malformed request.
     */
    from: readonly string[];
}
/** Checks `proxyProtocol`; gives the entries of `from`, or null when it is off. @throws TypeError */
export declare function resolveProxyProtocol(given: unknown): readonly string[] | null;
