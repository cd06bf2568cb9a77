/**
 * Decides how the content of a request is delimited, RFC 9112 section 6.3 step by step.
 *
 * The decision is made before the head is handed out, so nobody ever acts on a request whose end is in doubt. Where
 * the RFC leaves a choice, this takes the strict side: every tolerance here is a way to make a proxy and this server
 * see different requests.
 *
 * Thread: the dispatcher that parses.
 * Must not know: the size limit for content, how content is read.
 */

import { COMMA, equalsIgnoringCase, SPACE, TAB, TOKEN_BYTES } from "./grammar.ts";
import { PARSE_ERROR } from "./parse-error.ts";
import { FIELD_NUMBERS, type RequestHead } from "./request-head.ts";

/** 2^64: from here on Bun.serve calls a length malformed (400) and not too large (413). */
const LENGTH_OVERFLOW = 2 ** 64;

/**
 * Decides the framing of a complete head and writes `contentLength` and `isChunked` to it.
 *
 * @param bytes - Holds the head from `base`.
 * @returns 0, or a negated `PARSE_ERROR` code.
 */
export function decideFraming(bytes: Uint8Array, base: number, head: RequestHead): number {
  if (head.transferEncodingIndex >= 0) {
    // Section 6.1: HTTP/1.0 has no Transfer-Encoding; one who sends it there has a broken or hostile intermediary
    // before us.
    if (head.minorVersion === 0) return -PARSE_ERROR.CODING_IN_HTTP_1_0;
    // Item 3: both fields "ought to be handled as an error".
    if (head.contentLengthIndex >= 0) return -PARSE_ERROR.LENGTH_AND_CODING;
    // Item 4: chunked has to be the final coding.
    const verdict = judgeCodings(bytes, base, head);
    if (verdict === 0) head.isChunked = true;
    return verdict;
  }
  // Items 5 and 6: a valid Content-Length; equal repetitions are accepted, lists in one line are not.
  if (head.contentLengthIndex >= 0) return readContentLength(bytes, base, head);
  // Item 7: no content.
  return 0;
}

function readContentLength(bytes: Uint8Array, base: number, head: RequestHead): number {
  const length = parseLength(bytes, base, head.fields, head.contentLengthIndex * FIELD_NUMBERS);
  if (length < 0) return -PARSE_ERROR.BAD_CONTENT_LENGTH;
  if (head.contentLengthCount > 1) {
    for (let index = head.contentLengthIndex + 1; index < head.headerCount; index++) {
      const row = index * FIELD_NUMBERS;
      if (!isNamed(bytes, base, head.fields, row, "content-length")) continue;
      const repetition = parseLength(bytes, base, head.fields, row);
      if (repetition < 0) return -PARSE_ERROR.BAD_CONTENT_LENGTH;
      if (repetition !== length) return -PARSE_ERROR.CONFLICTING_CONTENT_LENGTH;
    }
  }
  if (length > Number.MAX_SAFE_INTEGER) return -PARSE_ERROR.CONTENT_LENGTH_OUT_OF_RANGE;
  head.contentLength = length;
  return 0;
}

/** Reads `1*DIGIT`. Returns -1 for anything else and for 2^64 or more. */
function parseLength(bytes: Uint8Array, base: number, fields: Int32Array, row: number): number {
  const start = base + fields[row + 2];
  const end = base + fields[row + 3];
  if (start === end) return -1;
  let length = 0;
  for (let position = start; position < end; position++) {
    const digit = bytes[position] - 0x30;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
    if (length >= LENGTH_OVERFLOW) return -1;
  }
  return length;
}

/**
 * Judges the codings of all Transfer-Encoding lines together (section 6.1). `chunked` alone is understood; another
 * coding before it is one we do not have (501); a list that does not end in `chunked`, or names it twice, has no
 * reliable end (400). Parameters and empty elements make an element that is not `chunked`.
 */
function judgeCodings(bytes: Uint8Array, base: number, head: RequestHead): number {
  let codings = 0;
  let chunked = 0;
  let isLastChunked = false;
  for (let index = head.transferEncodingIndex; index < head.headerCount; index++) {
    const row = index * FIELD_NUMBERS;
    if (!isNamed(bytes, base, head.fields, row, "transfer-encoding")) continue;
    const end = base + head.fields[row + 3];
    let position = base + head.fields[row + 2];
    for (;;) {
      let elementEnd = position;
      while (elementEnd < end && bytes[elementEnd] !== COMMA) elementEnd++;
      isLastChunked = isChunkedCoding(bytes, position, elementEnd);
      codings++;
      if (isLastChunked) chunked++;
      else if (isBlank(bytes, position, elementEnd)) return -PARSE_ERROR.CHUNKED_NOT_LAST;
      if (elementEnd >= end) break;
      position = elementEnd + 1;
    }
  }
  if (!isLastChunked || chunked > 1) return -PARSE_ERROR.CHUNKED_NOT_LAST;
  return codings === 1 ? 0 : -PARSE_ERROR.UNKNOWN_CODING;
}

function isChunkedCoding(bytes: Uint8Array, start: number, end: number): boolean {
  while (start < end && (bytes[start] === SPACE || bytes[start] === TAB)) start++;
  while (end > start && (bytes[end - 1] === SPACE || bytes[end - 1] === TAB)) end--;
  return end - start === 7 && equalsIgnoringCase(bytes, start, "chunked");
}

function isBlank(bytes: Uint8Array, start: number, end: number): boolean {
  for (let position = start; position < end; position++) {
    if (TOKEN_BYTES[bytes[position]] !== 0) return false;
  }
  return true;
}

function isNamed(
  bytes: Uint8Array,
  base: number,
  fields: Int32Array,
  row: number,
  lowerName: string,
): boolean {
  return (
    fields[row + 1] - fields[row] === lowerName.length &&
    equalsIgnoringCase(bytes, base + fields[row], lowerName)
  );
}
