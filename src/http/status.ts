/**
 * Status codes: the reason phrases Bun.serve writes and which statuses carry no content.
 *
 * Thread: any; constant after evaluation.
 * Must not know: how a response is written.
 *
 * Sources: RFC 9110 section 15, RFC 6585; the phrases and their spelling follow Bun.serve, `HM` for every code without
 * one included.
 */

/** Phrase for a status that has none of its own. Bun.serve's choice; a client must ignore it (RFC 9112 section 4). */
export const UNKNOWN_REASON = "HM";

const PHRASES: Readonly<Record<number, string>> = {
  100: "Continue",
  101: "Switching protocols",
  102: "Processing",
  103: "Early Hints",
  200: "OK",
  201: "Created",
  202: "Accepted",
  203: "Non-Authoritative Information",
  204: "No Content",
  205: "Reset Content",
  206: "Partial Content",
  207: "Multi-Status",
  208: "Already Reported",
  226: "IM Used",
  300: "Multiple Choices",
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  304: "Not Modified",
  305: "Use Proxy",
  306: "Switch Proxy",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  402: "Payment Required",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  407: "Proxy Authentication Required",
  408: "Request Timeout",
  409: "Conflict",
  410: "Gone",
  411: "Length Required",
  412: "Precondition Failed",
  413: "Payload Too Large",
  414: "URI Too Long",
  415: "Unsupported Media Type",
  416: "Range Not Satisfiable",
  417: "Expectation Failed",
  418: "I'm a Teapot",
  421: "Misdirected Request",
  422: "Unprocessable Entity",
  423: "Locked",
  424: "Failed Dependency",
  425: "Too Early",
  426: "Upgrade Required",
  428: "Precondition Required",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  451: "Unavailable For Legal Reasons",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
  506: "Variant Also Negotiates",
  507: "Insufficient Storage",
  508: "Loop Detected",
  510: "Not Extended",
  511: "Network Authentication Required",
};

/**
 * Gives the reason phrase for a status, as Bun.serve writes it.
 * Returns {@link UNKNOWN_REASON} for a status that has none.
 */
export function reasonPhrase(status: number): string {
  return PHRASES[status] ?? UNKNOWN_REASON;
}

/**
 * Tells whether a response with this status never carries content: 101, 204 and 304.
 * 205 is not among them: it is sent with `Content-Length: 0` (RFC 9110 section 15.3.6).
 */
export function isNullBodyStatus(status: number): boolean {
  return status === 204 || status === 304 || status === 101;
}
