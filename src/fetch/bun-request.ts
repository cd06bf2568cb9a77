/**
 * What a request that came by a route has beyond a plain Request: `params` and `cookies`.
 *
 * Runs on the thread that runs the handler. Plain functions; the request object calls them when user code asks for the
 * first time and keeps what they give. They do not know the request object nor how an answer is sent.
 *
 * The decoding is Bun's own (measured, test/fetch/bun-request.test.ts asks the real one again): the target is UTF-8
 * text, each run of percent-encoded bytes in it is decoded for itself, and what is no character becomes U+FFFD.
 */
import type { PatternParams } from "./router.ts";

/** The values of a route's parameters by name. */
export type RouteParams = Record<string, string>;

const NONE = -1;
const SLASH = 0x2f;
const PERCENT = 0x25;

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : NONE;
}

/** The byte that `%XX` at `at` stands for, or NONE. */
function encodedByte(text: string, at: number): number {
  if (at + 2 >= text.length || text.charCodeAt(at) !== 0x25) return NONE;
  const high = hexDigit(text.charCodeAt(at + 1));
  const low = hexDigit(text.charCodeAt(at + 2));
  return high === NONE || low === NONE ? NONE : high * 16 + low;
}

/** Least code point that needs so many bytes; a lower one is an overlong form (RFC 3629 section 3). */
const LEAST: readonly number[] = [0, 0, 0x80, 0x800, 0x10000];

/** Length of a character in UTF-8. */
function utf8Length(point: number): number {
  return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

/**
 * Where the text goes on after a percent sign that encodes nothing: Bun passes over two bytes of UTF-8 with it, or over
 * the sign alone where there are no two.
 */
function endOfBroken(text: string, at: number): number {
  let end = at + 1;
  let bytes = 0;
  while (bytes < 2 && end < text.length) {
    const point = text.codePointAt(end)!;
    bytes += utf8Length(point);
    end += point > 0xffff ? 2 : 1;
  }
  return bytes < 2 ? at + 1 : end;
}

/** What Bun makes of it: U+FFFD, and one more for each byte of a character that it cut in two. */
function brokenText(text: string, at: number, end: number): string {
  const cut = end > at + 1 ? Buffer.byteLength(text.slice(at + 1, end)) - 2 : 0;
  return "\ufffd".repeat(1 + cut);
}

/**
 * Decodes the percent-encodings of a path segment; `+` stays. Bytes that are no UTF-8 become U+FFFD, as do percent signs
 * without two hex digits together with what stands there in their place.
 */
export function decodeSegment(text: string): string {
  let at = text.indexOf("%");
  if (at < 0) return text;
  let decoded = "";
  let from = 0;
  while (at >= 0) {
    decoded += text.slice(from, at);
    const lead = encodedByte(text, at);
    if (lead === NONE) {
      from = endOfBroken(text, at);
      decoded += brokenText(text, at, from);
    } else {
      const length =
        lead < 0x80 ? 1 : lead < 0xc0 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf8 ? 4 : 0;
      let point = length <= 1 ? lead : lead & (0x7f >> length);
      let taken = 1;
      for (; taken < length; taken++) {
        const byte = encodedByte(text, at + taken * 3);
        if (byte === NONE || (byte & 0xc0) !== 0x80) break;
        point = point * 64 + (byte & 0x3f);
      }
      const isWhole = length > 0 && taken === length;
      const isCharacter = point >= LEAST[length]! && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
      decoded += isWhole && isCharacter ? String.fromCodePoint(point) : "\ufffd";
      from = at + taken * 3;
    }
    at = text.indexOf("%", from);
  }
  return decoded + text.slice(from);
}

/**
 * Gives `params` of a request: an ordinary object, or one without a prototype where the route has no parameters, as
 * Bun gives it.
 *
 * @param route the match (or handler) that was found for this path
 * @param path the target up to "?", decoded as UTF-8 and not otherwise
 */
export function paramsOf(route: PatternParams, path: string): RouteParams {
  const { names, segments } = route;
  if (names.length === 0) return Object.create(null);
  const params: RouteParams = Object.create(null);
  const { length } = path;
  // Character by character: for the short segments that there are, faster than the calls that would find them.
  let at = 1;
  let depth = 0;
  for (let index = 0; index < names.length; index++) {
    let value = "";
    if (index < segments.length) {
      for (; depth < segments[index]!; depth++) {
        while (at < length && path.charCodeAt(at) !== SLASH) at++;
        at++;
      }
      const start = at;
      let isEncoded = false;
      for (; at < length; at++) {
        const code = path.charCodeAt(at);
        if (code === SLASH) break;
        if (code === PERCENT) isEncoded = true;
      }
      value = path.slice(start, at);
      if (isEncoded) value = decodeSegment(value);
    }
    params[names[index]!] = value;
  }
  return params;
}

/**
 * Gives `cookies` of a request.
 *
 * @param header value of the Cookie field, latin-1; several fields joined with "; " (RFC 9113 section 8.2.3); null or
 *   "" for none
 */
export function cookiesOf(header: string | null): Bun.CookieMap {
  return new Bun.CookieMap(header ?? "");
}

/**
 * Gives the field lines for the cookies that user code set or deleted, each with its CRLF; "" for none.
 *
 * They go into the head of whatever answers the request (that of the `error` handler too, and of null-body statuses),
 * after the response's own `set-cookie` lines.
 *
 * @param cookies what `cookiesOf` gave, or null when it was never asked for
 */
export function cookieFields(cookies: Bun.CookieMap | null): string {
  if (cookies === null) return "";
  let lines = "";
  for (const value of cookies.toSetCookieHeaders()) lines += `Set-Cookie: ${value}\r\n`;
  return lines;
}

/**
 * Puts `fields` into the head of an answer: before its first field other than `set-cookie`.
 *
 * @param head status line and fields, each with its CRLF, and the empty line
 * @param fields lines as `cookieFields` gives them
 */
export function withCookieFields(head: string, fields: string): string {
  if (fields === "") return head;
  let at = head.indexOf("\r\n") + 2;
  // Field names compare without case (RFC 9110 section 5.1).
  while (/^set-cookie:/i.test(head.slice(at, at + 11))) at = head.indexOf("\r\n", at) + 2;
  return head.slice(0, at) + fields + head.slice(at);
}
