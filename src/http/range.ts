/**
 * The Range field: which bytes of a body are asked for.
 *
 * Thread: any; pure. Must not know: what the body is, or whether Range applies at all (method, status, If-Range).
 *
 * One range is served, as Bun.serve does; several are answered with the whole, which RFC 9110 section 14.2 allows for any
 * Range. White space around the unit, the dash and the numbers is let pass, as there. Numbers above 2^64 - 1 make the field
 * malformed, those below are clamped to the size.
 *
 * Source: RFC 9110 sections 14.1.1, 14.1.2 and 14.2; BUN-SERVE.md section 12.
 */

/** A part of a body. */
export interface ByteRange {
  /** Offset of the first byte. */
  readonly start: number;
  /** Number of bytes, at least 1. */
  readonly length: number;
}

/** Is the result for a field that is answered with the whole body and the status that it has anyway. */
export const RANGE_IGNORED = "ignored";
/** Is the result for a field that no byte of the body meets: 416 (RFC 9110 section 15.5.17). */
export const RANGE_UNSATISFIABLE = "unsatisfiable";

/** What a Range field comes to. */
export type RangeResult = ByteRange | typeof RANGE_IGNORED | typeof RANGE_UNSATISFIABLE;

const DIGITS = /^\d*$/;
const LARGEST = "18446744073709551615";

/**
 * Reads a Range field.
 *
 * @param value the value of the first Range field line
 * @param size the length of the whole body in bytes
 */
export function parseRange(value: string, size: number): RangeResult {
  // No regular expression for the whole: two runs of white space side by side would take quadratic time.
  const equals = value.indexOf("=");
  if (value.slice(0, Math.max(0, equals)).trim().toLowerCase() !== "bytes") return RANGE_IGNORED;
  const dash = value.indexOf("-", equals);
  if (dash < 0) return RANGE_IGNORED;
  const first = value.slice(equals + 1, dash).trim();
  const last = value.slice(dash + 1).trim();
  if (!isNumber(first) || !isNumber(last)) return RANGE_IGNORED;
  if (first === "") {
    if (last === "") return RANGE_IGNORED;
    const count = Number(last);
    if (count === 0) return RANGE_UNSATISFIABLE;
    if (size === 0) return RANGE_IGNORED;
    const length = Math.min(count, size);
    return { start: size - length, length };
  }
  const start = Number(first);
  if (start >= size) return RANGE_UNSATISFIABLE;
  const end = last === "" ? size - 1 : Number(last);
  if (end < start) return RANGE_IGNORED;
  return { start, length: Math.min(end, size - 1) - start + 1 };
}

/** Says whether text is empty or decimal digits of at most 64 bits; by text, since numbers are exact up to 2^53 only. */
function isNumber(text: string): boolean {
  if (!DIGITS.test(text)) return false;
  if (text.length < LARGEST.length) return true;
  const digits = text.replace(/^0+/, "");
  return digits.length < LARGEST.length || (digits.length === LARGEST.length && digits <= LARGEST);
}
