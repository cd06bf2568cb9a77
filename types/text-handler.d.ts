// Made by types/make.ts: npm run declarations.
/**
 * Handlers that turn text into text.
 *
 * Any thread, any server: what {@link textHandler} gives is an ordinary `fetch` function, for epollo, Bun.serve and
 * every other server that calls `(request: Request) => Promise<Response>`. Knows nothing of epollo. Meant for small
 * programs that would rather see plain strings than the classes of the fetch standard.
 */
/** A request in plain strings. */
export interface TextRequest {
    /** The method in capitals: "GET", "POST". */
    method: string;
    /** The path as it came, percent-encoding kept, without the query: "/users/7". */
    path: string;
    /** The query, decoded. Of a key that comes more than once, the last value. Has no prototype. */
    query: Record<string, string>;
    /** The header lines by lower-case name; lines of one name joined with ", ". Has no prototype. */
    headers: Record<string, string>;
    /** The body as UTF-8 text, "" when there is none. */
    body: string;
}
/**
 * Makes a `fetch` handler of a function from a request in plain strings to the text of the response.
 *
 * The response is 200 with `content-type: text/plain;charset=utf-8`. What the function throws reaches the server, which
 * asks its `error` handler or answers 500; so does a TypeError when the function returns something else than a string.
 *
 * @example
 * ```ts
 * serve({ fetch: textHandler((request) => `Hello ${request.query.name ?? "you"}`) });
 * ```
 */
export declare function textHandler(fn: (request: TextRequest) => string | Promise<string>): (request: Request) => Promise<Response>;
