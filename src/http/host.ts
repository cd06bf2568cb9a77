/**
 * The grammar of `uri-host [":" port]` as far as a server must check it, and of the request targets that carry one.
 *
 * Thread: any; pure.
 * Must not know: which host is served, how a url is built.
 *
 * Source: RFC 9112 section 3.2, RFC 9110 sections 4.2.1, 7.2 and 9.3.6, RFC 3986 section 3.2.2.
 */

import { COLON, equalsIgnoringCase, HEX_VALUE, HOST_BYTES, NAME_BYTES, NOT_HEX, SLASH } from "./grammar.ts";
import { METHOD_CONNECT, METHOD_OPTIONS } from "./method.ts";

const PERCENT = 0x25;
const DOT = 0x2e;
const BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;

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
  const hostEnd = endOfHost(bytes, start, end);
  const digits = end - hostEnd - 1;
  if (hostEnd === start || digits < 1 || digits > 5 || bytes[hostEnd] !== COLON) return false;
  return portOf(bytes, hostEnd + 1, end) > 0;
}

/**
 * The end of the `uri-host` at `start`: an address in brackets or a name. Where neither is, `start` is given. RFC 3986 section 3.2.2,
 * without IPvFuture, which no url can have.
 */
function endOfHost(bytes: Uint8Array, start: number, end: number): number {
  let position = start;
  if (bytes[start] === BRACKET) {
    position++;
    while (position < end && isAddressByte(bytes[position])) position++;
    return position < end && bytes[position] === CLOSING_BRACKET && position > start + 1
      ? position + 1
      : start;
  }
  while (position < end && NAME_BYTES[bytes[position]] !== 0) {
    if (bytes[position] !== PERCENT) position++;
    else if (position + 2 < end && isHex(bytes[position + 1]) && isHex(bytes[position + 2])) position += 3;
    else return start;
  }
  return position;
}

function isAddressByte(byte: number): boolean {
  return isHex(byte) || byte === COLON || byte === DOT;
}

function isHex(byte: number): boolean {
  return HEX_VALUE[byte] !== NOT_HEX;
}

/** The number that the digits of `bytes[start..end)` are, 0 without any; -1 for other bytes and above 65535. */
function portOf(bytes: Uint8Array, start: number, end: number): number {
  let port = 0;
  for (let position = start; position < end; position++) {
    const digit = bytes[position] - 0x30;
    if (digit < 0 || digit > 9) return -1;
    port = port * 10 + digit;
    if (port > 65535) return -1;
  }
  return port;
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
  const hostEnd = endOfHost(bytes, position, end);
  if (hostEnd === position) return false;
  position = hostEnd;
  // Behind the authority stands a path, a query or nothing.
  while (position < end && !isAuthorityEnd(bytes[position])) position++;
  return position === hostEnd || (bytes[hostEnd] === COLON && portOf(bytes, hostEnd + 1, position) >= 0);
}

/** `/`, `?` or `#`: RFC 3986 section 3.2. */
function isAuthorityEnd(byte: number): boolean {
  return byte === SLASH || byte === 0x3f || byte === 0x23;
}

function isSchemeEnd(bytes: Uint8Array, position: number): boolean {
  return bytes[position] === COLON && bytes[position + 1] === SLASH && bytes[position + 2] === SLASH;
}
