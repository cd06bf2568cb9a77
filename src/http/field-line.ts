/**
 * Parses one field line: `field-name ":" OWS field-value OWS CRLF`, and notes the fields that decide about framing and
 * the connection.
 *
 * No obs-fold, no white space before the colon, no bare CR or LF: a proxy in front may read such a line differently,
 * which is how requests are smuggled. Values are judged only when the head is complete, except Connection, Expect and
 * Upgrade, which cannot be wrong.
 *
 * Thread: the dispatcher that parses.
 * Must not know: limits on bytes (the caller passes an `end` cut to the limit), framing rules.
 *
 * Source: RFC 9112 section 5, RFC 9110 sections 5.5, 7.6.1 and 10.1.1.
 */

import { COLON, COMMA, CR, equalsIgnoringCase, LF, SPACE, TAB, TOKEN_BYTES, VALUE_BYTES } from "./grammar.ts";
import { failLine, INCOMPLETE, PARSE_ERROR } from "./parse-error.ts";
import { FIELD_NUMBERS, type RequestHead } from "./request-head.ts";

/**
 * Parses the field line at `position` and appends it to `head`.
 *
 * @param bytes - `bytes[position..end)` is what is known of the line and what follows it.
 * @param base - Where the head starts; offsets in `head` count from there.
 * @returns The position behind the line, {@link INCOMPLETE}, or a negated `PARSE_ERROR` code.
 */
export function parseFieldLine(
  bytes: Uint8Array,
  position: number,
  end: number,
  base: number,
  head: RequestHead,
): number {
  const index = head.headerCount;
  if (index >= head.headerCapacity) return failLine(bytes, position, end, PARSE_ERROR.TOO_MANY_FIELDS);
  const nameStart = position;
  while (position < end && TOKEN_BYTES[bytes[position]] !== 0) position++;
  if (position >= end) return INCOMPLETE;
  if (bytes[position] !== COLON || position === nameStart) {
    return failLine(bytes, position, end, PARSE_ERROR.BAD_FIELD_NAME);
  }
  const nameEnd = position;
  position++;
  while (position < end && (bytes[position] === SPACE || bytes[position] === TAB)) position++;
  const valueStart = position;
  while (position < end && VALUE_BYTES[bytes[position]] !== 0) position++;
  if (position + 1 >= end || bytes[position] !== CR || bytes[position + 1] !== LF) {
    const isLineEnd = bytes[position] === CR || bytes[position] === LF;
    return failLine(bytes, position, end, isLineEnd ? PARSE_ERROR.BAD_LINE_END : PARSE_ERROR.BAD_FIELD_VALUE);
  }
  let valueEnd = position;
  while (valueEnd > valueStart && (bytes[valueEnd - 1] === SPACE || bytes[valueEnd - 1] === TAB)) valueEnd--;

  const fields = head.fields;
  const row = index * FIELD_NUMBERS;
  fields[row] = nameStart - base;
  fields[row + 1] = nameEnd - base;
  fields[row + 2] = valueStart - base;
  fields[row + 3] = valueEnd - base;
  head.headerCount = index + 1;
  switch (nameEnd - nameStart) {
    case 4:
      if (equalsIgnoringCase(bytes, nameStart, "host")) {
        if (head.hostIndex < 0) head.hostIndex = index;
        head.hostCount++;
      }
      break;
    case 6:
      if (equalsIgnoringCase(bytes, nameStart, "expect") && isContinue(bytes, valueStart, valueEnd)) {
        head.expectsContinue = true;
      }
      break;
    case 7:
      if (equalsIgnoringCase(bytes, nameStart, "upgrade")) head.hasUpgrade = true;
      break;
    case 10:
      if (equalsIgnoringCase(bytes, nameStart, "connection") && listsClose(bytes, valueStart, valueEnd)) {
        head.hasCloseToken = true;
      }
      break;
    case 14:
      if (equalsIgnoringCase(bytes, nameStart, "content-length")) {
        if (head.contentLengthIndex < 0) head.contentLengthIndex = index;
        head.contentLengthCount++;
      }
      break;
    case 17:
      if (equalsIgnoringCase(bytes, nameStart, "transfer-encoding") && head.transferEncodingIndex < 0) {
        head.transferEncodingIndex = index;
      }
      break;
  }
  return position + 2;
}

function isContinue(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start === 12 && equalsIgnoringCase(bytes, start, "100-continue");
}

/** Tells whether the comma-separated list in `bytes[start..end)` has the element `close`, in any case. */
function listsClose(bytes: Uint8Array, start: number, end: number): boolean {
  let position = start;
  while (position < end) {
    while (
      position < end &&
      (bytes[position] === SPACE || bytes[position] === TAB || bytes[position] === COMMA)
    ) {
      position++;
    }
    const elementStart = position;
    while (position < end && TOKEN_BYTES[bytes[position]] !== 0) position++;
    const isClose = position - elementStart === 5 && equalsIgnoringCase(bytes, elementStart, "close");
    while (position < end && (bytes[position] === SPACE || bytes[position] === TAB)) position++;
    if (isClose && (position === end || bytes[position] === COMMA)) return true;
    while (position < end && bytes[position] !== COMMA) position++;
  }
  return false;
}
