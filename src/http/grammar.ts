/**
 * Byte classes of HTTP/1.1 as 256-entry tables.
 *
 * Every question "may this byte stand here?" is one indexed load, never arithmetic on ranges: a reader that computes
 * hex digits instead of looking them up takes `:` and `g` for digits (seen in the wild).
 *
 * Thread: any; the tables are written once while the module is evaluated and only read afterwards.
 * Must not know: what a request is.
 *
 * Sources: RFC 9110 sections 5.5 and 5.6.2, RFC 9112 section 3, RFC 3986 section 3.2.2, RFC 5234 appendix B.1.
 */

/** Horizontal tab. */
export const TAB = 0x09;
/** Line feed. */
export const LF = 0x0a;
/** Carriage return. */
export const CR = 0x0d;
/** Space. */
export const SPACE = 0x20;
/** `,` */
export const COMMA = 0x2c;
/** `/` */
export const SLASH = 0x2f;
/** `:` */
export const COLON = 0x3a;
/** `;` */
export const SEMICOLON = 0x3b;

/** Value of {@link HEX_VALUE} for a byte that is no hexadecimal digit. */
export const NOT_HEX = 255;

function classOf(characters: string, ...ranges: readonly (readonly [number, number])[]): Uint8Array {
  const table = new Uint8Array(256);
  for (const [first, last] of ranges) table.fill(1, first, last + 1);
  for (let index = 0; index < characters.length; index++) table[characters.charCodeAt(index)] = 1;
  return table;
}

const DIGITS = [0x30, 0x39] as const;
const UPPER = [0x41, 0x5a] as const;
const LOWER = [0x61, 0x7a] as const;

/** Marks the bytes of a token (methods, field names) with 1. Shape: 256 entries. Source: RFC 9110 section 5.6.2. */
export const TOKEN_BYTES: Uint8Array = classOf("!#$%&'*+-.^_`|~", DIGITS, UPPER, LOWER);

/**
 * Marks the bytes that may stand in a field value, white space included, with 1. Shape: 256 entries.
 * Source: RFC 9110 section 5.5 (field-vchar, obs-text, SP, HTAB). 0x7F is marked too: the RFC lets a recipient keep
 * control bytes that are harmless to framing, and Bun.serve keeps this one and refuses the others.
 */
export const VALUE_BYTES: Uint8Array = classOf("\t", [0x20, 0xff]);

/**
 * Marks the bytes that may stand in a request target with 1: no controls, no space. Shape: 256 entries. Wider than
 * RFC 9112 section 3.2: bytes from 0x80 and printable characters outside the URI grammar (`"<>^{|}`) pass, as they do
 * in Bun.serve, because they cannot change where the target ends.
 */
export const TARGET_BYTES: Uint8Array = classOf("", [0x21, 0x7e], [0x80, 0xff]);

/**
 * Marks the bytes of `uri-host [":" port]` with 1. Shape: 256 entries. Source: RFC 3986 section 3.2.2, RFC 9110 section
 * 7.2.
 */
export const HOST_BYTES: Uint8Array = classOf("-._~%!$&'()*+,;=:[]", DIGITS, UPPER, LOWER);

/** Marks the bytes of a name that a uri has for its host, percent signs included, with 1. Shape: 256 entries. RFC 3986 section 3.2.2. */
export const NAME_BYTES: Uint8Array = classOf("-._~%!$&'()*+,;=", DIGITS, UPPER, LOWER);

/** Maps a byte to the hexadecimal digit it stands for (0-15) or to {@link NOT_HEX}. Shape: 256 entries. */
export const HEX_VALUE: Uint8Array = new Uint8Array(256).fill(NOT_HEX);
for (let digit = 0; digit < 16; digit++) {
  const character = digit.toString(16);
  HEX_VALUE[character.charCodeAt(0)] = digit;
  HEX_VALUE[character.toUpperCase().charCodeAt(0)] = digit;
}

/**
 * Tells whether the bytes from `start` are the given name, letters compared without case.
 * Shape: `lowerName` is lower case and consists of letters, digits and `-`; the caller has checked that the length
 * fits and that there are no control bytes (setting bit 5 then folds case and nothing else).
 */
export function equalsIgnoringCase(bytes: Uint8Array, start: number, lowerName: string): boolean {
  for (let index = 0; index < lowerName.length; index++) {
    if ((bytes[start + index] | 0x20) !== lowerName.charCodeAt(index)) return false;
  }
  return true;
}
