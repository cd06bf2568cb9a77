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
export function textHandler(
  fn: (request: TextRequest) => string | Promise<string>,
): (request: Request) => Promise<Response> {
  return async (request) => {
    const text = await fn(await readRequest(request));
    if (typeof text !== "string") {
      throw new TypeError(
        `the function given to textHandler must return a string, but returned ${typeof text}`,
      );
    }
    return new Response(text, { headers: { "content-type": "text/plain;charset=utf-8" } });
  };
}

async function readRequest(request: Request): Promise<TextRequest> {
  const { path, search } = splitUrl(request.url);
  const query: Record<string, string> = Object.create(null);
  if (search !== "") {
    for (const [key, value] of new URLSearchParams(search)) query[key] = value;
  }
  const headers: Record<string, string> = Object.create(null);
  request.headers.forEach((value, name) => {
    // Headers keeps lines of set-cookie apart; everything else is joined already.
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  });
  return {
    method: request.method,
    path,
    query,
    headers,
    // Asking for the text of no body would cost a promise for each GET.
    body: request.body === null ? "" : await request.text(),
  };
}

/** Finds path and query with searches alone; `new URL` costs more and throws where a server had no valid Host. */
function splitUrl(url: string): { path: string; search: string } {
  const fragmentStart = url.indexOf("#");
  const whole = fragmentStart === -1 ? url : url.slice(0, fragmentStart);
  const queryStart = whole.indexOf("?");
  const place = queryStart === -1 ? whole : whole.slice(0, queryStart);
  const search = queryStart === -1 ? "" : whole.slice(queryStart + 1);
  // Without a Host the url is the bare target.
  const authorityStart = place.startsWith("/") ? -1 : place.indexOf("://");
  if (authorityStart === -1) return { path: place, search };
  const pathStart = place.indexOf("/", authorityStart + 3);
  return { path: pathStart === -1 ? "/" : place.slice(pathStart), search };
}
