/**
 * What can be wrong with a request, as values.
 *
 * A peer's mistake is expected traffic, so it is a constant and not an exception: each code has the status to answer
 * with and the rule that was broken. Codes are append-only: numbers appear in logs and metrics and never change their
 * meaning.
 *
 * The functions that parse a piece return a position or, below zero, why there is none: `INCOMPLETE` or a code with
 * its sign turned. That is why codes start at 2.
 *
 * Thread: any; constant after evaluation.
 * Must not know: how the answer is sent.
 */

import { reasonPhrase } from "./status.ts";

/** What a piece parser returns when the bytes it was given do not decide yet; the caller comes back with more. */
export const INCOMPLETE = -1;

/** Numbers the mistakes. Append-only. */
export const PARSE_ERROR = {
  BAD_START: 2,
  BAD_REQUEST_LINE: 3,
  BAD_TARGET: 4,
  BAD_VERSION: 5,
  UNSUPPORTED_VERSION: 6,
  UNKNOWN_METHOD: 7,
  REQUEST_LINE_TOO_LONG: 8,
  BAD_LINE_END: 9,
  BAD_FIELD_NAME: 10,
  BAD_FIELD_VALUE: 11,
  HEAD_TOO_LARGE: 12,
  TOO_MANY_FIELDS: 13,
  MISSING_HOST: 14,
  DUPLICATE_HOST: 15,
  BAD_HOST: 16,
  BAD_CONTENT_LENGTH: 17,
  CONFLICTING_CONTENT_LENGTH: 18,
  CONTENT_LENGTH_OUT_OF_RANGE: 19,
  LENGTH_AND_CODING: 20,
  CODING_IN_HTTP_1_0: 21,
  UNKNOWN_CODING: 22,
  CHUNKED_NOT_LAST: 23,
  BAD_CHUNK_SIZE: 24,
  CHUNK_SIZE_OUT_OF_RANGE: 25,
  BAD_CHUNK_EXTENSION: 26,
  BAD_CHUNK_END: 27,
  CHUNK_EXTENSIONS_TOO_LARGE: 28,
  BAD_TRAILER: 29,
  TRAILER_TOO_LARGE: 30,
} as const;

/** One of the numbers in {@link PARSE_ERROR}. */
export type ParseErrorCode = (typeof PARSE_ERROR)[keyof typeof PARSE_ERROR];

/**
 * A mistake of the peer. Frozen and shared: compare by identity or by `code`. After any of them the connection is
 * closed.
 */
export interface ParseError {
  /** Number of the mistake. */
  readonly code: ParseErrorCode;
  /** Its name in {@link PARSE_ERROR}. */
  readonly name: string;
  /** Status to answer with: 400, 413, 414, 431, 501 or 505. */
  readonly status: number;
  /** Reason phrase to answer with. */
  readonly reason: string;
  /** The rule that was broken, for logs. */
  readonly section: string;
}

const errors: ParseError[] = [];

function define(name: keyof typeof PARSE_ERROR, status: number, section: string): void {
  const code = PARSE_ERROR[name];
  errors[code] = Object.freeze({ code, name, status, reason: reasonPhrase(status), section });
}

define("BAD_START", 400, "RFC 9112 section 3: a request starts with a method");
define("BAD_REQUEST_LINE", 400, "RFC 9112 section 3: method SP request-target SP HTTP-version");
define("BAD_TARGET", 400, "RFC 9112 section 3.2: request-target");
define("BAD_VERSION", 400, "RFC 9112 section 2.3: HTTP-version");
define("UNSUPPORTED_VERSION", 505, "RFC 9110 section 15.6.6");
define("UNKNOWN_METHOD", 501, "RFC 9110 section 9.1");
define("REQUEST_LINE_TOO_LONG", 414, "RFC 9112 section 3");
define("BAD_LINE_END", 400, "RFC 9112 section 2.2: lines end with CRLF");
define("BAD_FIELD_NAME", 400, "RFC 9112 section 5.1: field-name followed by a colon");
define("BAD_FIELD_VALUE", 400, "RFC 9110 section 5.5: field-value");
define("HEAD_TOO_LARGE", 431, "RFC 6585 section 5");
define("TOO_MANY_FIELDS", 431, "RFC 6585 section 5");
define("MISSING_HOST", 400, "RFC 9112 section 3.2: Host is required in HTTP/1.1");
define("DUPLICATE_HOST", 400, "RFC 9112 section 3.2: one Host");
define("BAD_HOST", 400, "RFC 9112 section 3.2: valid Host value");
define("BAD_CONTENT_LENGTH", 400, "RFC 9112 section 6.3 item 5");
define("CONFLICTING_CONTENT_LENGTH", 400, "RFC 9112 section 6.3 item 5");
define("CONTENT_LENGTH_OUT_OF_RANGE", 413, "RFC 9110 section 8.6");
define("LENGTH_AND_CODING", 400, "RFC 9112 section 6.3 item 3");
define("CODING_IN_HTTP_1_0", 400, "RFC 9112 section 6.1: Transfer-Encoding is not of HTTP/1.0");
define("UNKNOWN_CODING", 501, "RFC 9112 section 6.1");
define("CHUNKED_NOT_LAST", 400, "RFC 9112 section 6.3 item 4");
define("BAD_CHUNK_SIZE", 400, "RFC 9112 section 7.1: chunk-size");
define("CHUNK_SIZE_OUT_OF_RANGE", 400, "RFC 9112 section 7.1: chunk-size");
define("BAD_CHUNK_EXTENSION", 400, "RFC 9112 section 7.1.1");
define("BAD_CHUNK_END", 400, "RFC 9112 section 7.1: chunk-data CRLF");
define(
  "CHUNK_EXTENSIONS_TOO_LARGE",
  413,
  "RFC 9112 section 7.1.1: limit the total length of chunk extensions",
);
define("BAD_TRAILER", 400, "RFC 9112 section 7.1.2");
define("TRAILER_TOO_LARGE", 431, "RFC 6585 section 5");

/** Gives the error with this code. */
export function parseError(code: ParseErrorCode): ParseError {
  return errors[code];
}

/** Lists all errors in the order of their codes. */
export function allParseErrors(): readonly ParseError[] {
  return errors.filter((error) => error !== undefined);
}

/**
 * Decides about a line that broke a rule: it is judged when its end is there, whatever way its bytes were cut into
 * pieces. Without that, whether a peer gets 400 or 431 would depend on packet boundaries.
 *
 * @param bytes - Input; `bytes[position..end)` is the rest of what is known of the line.
 * @returns `-code` when a LF is among the bytes, {@link INCOMPLETE} when not.
 */
export function failLine(bytes: Uint8Array, position: number, end: number, code: ParseErrorCode): number {
  return indexOfLineFeed(bytes, position, end) < 0 ? INCOMPLETE : -code;
}

/** Finds the first LF in `bytes[position..end)`. Returns its index in `bytes`, or -1. */
export function indexOfLineFeed(bytes: Uint8Array, position: number, end: number): number {
  for (let index = position; index < end; index++) {
    if (bytes[index] === 0x0a) return index;
  }
  return -1;
}
