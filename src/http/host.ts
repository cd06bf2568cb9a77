/**
 * The grammar of `uri-host [":" port]` as far as a server must check it, and of the request targets that carry one.
 *
 * Thread: any; pure.
 * Must not know: which host is served, how a url is built.
 *
 * Source: RFC 9112 section 3.2, RFC 9110 sections 4.2.1, 7.2 and 9.3.6, RFC 3986 section 3.2.2.
 */

import { COLON, equalsIgnoringCase, HOST_BYTES, SLASH } from "./grammar.ts";
import { METHOD_CONNECT, METHOD_OPTIONS } from "./method.ts";

/**
 * Tells whether `bytes[start..end)` consists of bytes a Host value may have. An empty one is valid (RFC 9110 section
 * 7.2).
 */
export function isHostValid(bytes: Uint8Array, start: number, end: number): boolean {
  for (let position = start; position < end; position++) {
    if (HOST_BYTES[bytes[position]] === 0) return false;
  }
  return true;
}

/**
 * Tells whether a request target has a form that its method allows: `/path`, `http://host/path` or
 * `https://host/path` for all but CONNECT, `host:port` for CONNECT only, `*` for OPTIONS only.
 *
 * @param method - Index in `METHODS`.
 * @param bytes - `bytes[start..end)` is the target, not empty, of `TARGET_BYTES` only.
 */
export function isTargetValid(bytes: Uint8Array, start: number, end: number, method: number): boolean {
  if (method === METHOD_CONNECT) return isAuthority(bytes, start, end);
  if (bytes[start] === SLASH) return true;
  if (bytes[start] === 0x2a) return end - start === 1 && method === METHOD_OPTIONS;
  return isAbsolute(bytes, start, end);
}

/** RFC 9112 section 3.2.3; RFC 9110 section 9.3.6: an empty or invalid port is refused. */
function isAuthority(bytes: Uint8Array, start: number, end: number): boolean {
  let colon = end - 1;
  while (colon > start && bytes[colon] !== COLON) colon--;
  const digits = end - colon - 1;
  if (colon === start || digits < 1 || digits > 5 || !isHostValid(bytes, start, colon)) return false;
  let port = 0;
  for (let position = colon + 1; position < end; position++) {
    const digit = bytes[position] - 0x30;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
  }
  return port > 0 && port <= 65535;
}

/**
 * RFC 9112 section 3.2.2; an http(s) URI has a host (RFC 9110 section 4.2.1) and user information in it is refused
 * (4.2.4).
 */
function isAbsolute(bytes: Uint8Array, start: number, end: number): boolean {
  let position: number;
  if (end - start > 7 && equalsIgnoringCase(bytes, start, "http") && isSchemeEnd(bytes, start + 4)) {
    position = start + 7;
  } else if (end - start > 8 && equalsIgnoringCase(bytes, start, "https") && isSchemeEnd(bytes, start + 5)) {
    position = start + 8;
  } else {
    return false;
  }
  const hostStart = position;
  while (position < end && HOST_BYTES[bytes[position]] !== 0) position++;
  if (position === hostStart || bytes[hostStart] === COLON) return false;
  // Behind the authority stands a path, a query or nothing.
  return (
    position === end || bytes[position] === SLASH || bytes[position] === 0x3f || bytes[position] === 0x23
  );
}

function isSchemeEnd(bytes: Uint8Array, position: number): boolean {
  return bytes[position] === COLON && bytes[position + 1] === SLASH && bytes[position + 2] === SLASH;
}
