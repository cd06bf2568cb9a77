/**
 * Parses the request line: `method SP request-target SP HTTP-version CRLF`.
 *
 * The line is judged when its LF is there. Syntax comes first (400), then the version (505), then the method (501),
 * then whether the target's form fits the method (400): so `PRI * HTTP/2.0`, the start of HTTP/2, gives 505.
 *
 * Thread: the dispatcher that parses.
 * Must not know: where the client's bytes come from; limits (the caller passes an `end` cut to the limit).
 *
 * Source: RFC 9112 sections 2.3 and 3.
 */

import { CR, LF, SPACE, TARGET_BYTES, TOKEN_BYTES } from "./grammar.ts";
import { isTargetValid } from "./host.ts";
import { METHOD_GET, matchMethod } from "./method.ts";
import { failLine, INCOMPLETE, PARSE_ERROR } from "./parse-error.ts";
import type { RequestHead } from "./request-head.ts";

/**
 * Parses the request line at `base` and writes method, target and version to `head`.
 *
 * @param bytes - `bytes[base..end)` is what is known of the line and what follows it; the first byte is a token byte.
 * @returns The position behind the line, {@link INCOMPLETE}, or a negated `PARSE_ERROR` code.
 */
export function parseRequestLine(bytes: Uint8Array, base: number, end: number, head: RequestHead): number {
  let position = base;
  const isGet =
    bytes[base] === 0x47 && bytes[base + 1] === 0x45 && bytes[base + 2] === 0x54 && bytes[base + 3] === SPACE;
  if (isGet) position = base + 3;
  else while (position < end && TOKEN_BYTES[bytes[position]] !== 0) position++;
  if (position >= end) return INCOMPLETE;
  const methodEnd = position;
  if (bytes[position] !== SPACE) return failLine(bytes, position, end, PARSE_ERROR.BAD_REQUEST_LINE);

  const targetStart = position + 1;
  position = targetStart;
  while (position < end && TARGET_BYTES[bytes[position]] !== 0) position++;
  if (position >= end) return INCOMPLETE;
  const targetEnd = position;
  if (bytes[position] !== SPACE || targetEnd === targetStart) {
    return failLine(bytes, position, end, PARSE_ERROR.BAD_REQUEST_LINE);
  }

  // " HTTP/1.1" is 9 bytes; a line that has its LF earlier is too short for a version.
  if (position + 9 > end) return failLine(bytes, position, end, PARSE_ERROR.BAD_VERSION);
  const major = bytes[position + 6] - 0x30;
  const minor = bytes[position + 8] - 0x30;
  if (
    bytes[position + 1] !== 0x48 ||
    bytes[position + 2] !== 0x54 ||
    bytes[position + 3] !== 0x54 ||
    bytes[position + 4] !== 0x50 ||
    bytes[position + 5] !== 0x2f ||
    bytes[position + 7] !== 0x2e ||
    major < 0 ||
    major > 9 ||
    minor < 0 ||
    minor > 9
  ) {
    return failLine(bytes, position, end, PARSE_ERROR.BAD_VERSION);
  }
  if (position + 11 > end || bytes[position + 9] !== CR || bytes[position + 10] !== LF) {
    return failLine(bytes, position, end, PARSE_ERROR.BAD_LINE_END);
  }
  if (major !== 1 || minor > 1) return -PARSE_ERROR.UNSUPPORTED_VERSION;
  const method = methodEnd === base + 3 && isGet ? METHOD_GET : matchMethod(bytes, base, methodEnd);
  if (method < 0) return -PARSE_ERROR.UNKNOWN_METHOD;
  if (!isTargetValid(bytes, targetStart, targetEnd, method)) return -PARSE_ERROR.BAD_TARGET;

  head.method = method;
  head.targetStart = targetStart - base;
  head.targetEnd = targetEnd - base;
  head.minorVersion = minor;
  return position + 11;
}
