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

const RANGE = /^[ \t]*bytes[ \t]*=[ \t]*(\d*)[ \t]*-[ \t]*(\d*)[ \t]*$/i;
const LARGEST = "18446744073709551615";

/**
 * Reads a Range field.
 *
 * @param value the value of the first Range field line
 * @param size the length of the whole body in bytes
 */
export function parseRange(value: string, size: number): RangeResult {
  const match = RANGE.exec(value);
  if (match === null) return RANGE_IGNORED;
  const first = match[1]!;
  const last = match[2]!;
  if (isTooLarge(first) || isTooLarge(last)) return RANGE_IGNORED;
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

/** Says whether decimal digits exceed 64 bits; as text, since numbers are exact up to 2^53 only. */
function isTooLarge(digits: string): boolean {
  if (digits.length < LARGEST.length) return false;
  const significant = digits.replace(/^0+/, "");
  return (
    significant.length > LARGEST.length || (significant.length === LARGEST.length && significant > LARGEST)
  );
}
