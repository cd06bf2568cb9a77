/**
 * Conditional requests: If-Match, If-Unmodified-Since, If-None-Match, If-Modified-Since and If-Range.
 *
 * Thread: any; pure. Must not know: what is served, nor whether conditions apply to it (they do to GET and HEAD with status
 * 200; the caller sees to that).
 *
 * Where RFC 9110 leaves room, Bun.serve is followed: an empty field counts as absent, tags without quotes are compared too,
 * and dates are whatever `Date.parse` takes, but for If-Range, which is strict: it must end in GMT.
 *
 * Source: RFC 9110 sections 8.8.3.2, 13.1 and 13.2.2.
 */

/** The conditions of a request: field values, "" for absent ones. */
export interface Conditions {
  readonly ifMatch: string;
  readonly ifNoneMatch: string;
  readonly ifModifiedSince: string;
  readonly ifUnmodifiedSince: string;
  readonly ifRange: string;
}

/** No conditions at all. */
export const NO_CONDITIONS: Conditions = Object.freeze({
  ifMatch: "",
  ifNoneMatch: "",
  ifModifiedSince: "",
  ifUnmodifiedSince: "",
  ifRange: "",
});

/** The conditions hold: answer as if there were none. */
export const PROCEED = 0;
/** The client has it already: 304. */
export const NOT_MODIFIED = 1;
/** A condition failed: 412. */
export const PRECONDITION_FAILED = 2;

/**
 * Judges all conditions but If-Range, in the order of RFC 9110 section 13.2.2.
 *
 * @param etag the entity tag as it is sent, `"x"` or `W/"x"`; "" when there is none
 * @param modifiedSeconds Last-Modified in seconds since 1970; NaN when there is none
 * @returns `PROCEED`, `NOT_MODIFIED` or `PRECONDITION_FAILED`
 */
export function judgeConditions(conditions: Conditions, etag: string, modifiedSeconds: number): number {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = conditions;
  if (ifMatch !== "") {
    if (!listMatches(ifMatch, etag, false)) return PRECONDITION_FAILED;
  } else if (ifUnmodifiedSince !== "" && modifiedSeconds > parseSeconds(ifUnmodifiedSince)) {
    return PRECONDITION_FAILED;
  }
  if (ifNoneMatch !== "") return listMatches(ifNoneMatch, etag, true) ? NOT_MODIFIED : PROCEED;
  if (ifModifiedSince !== "" && modifiedSeconds <= parseSeconds(ifModifiedSince)) return NOT_MODIFIED;
  return PROCEED;
}

/**
 * Says whether Range applies under this If-Range: it names the very version that would be sent, by a strong tag or by its exact
 * date. A weak tag never does (RFC 9110 section 13.1.5). "" is true.
 */
export function isRangeCurrent(ifRange: string, etag: string, modifiedSeconds: number): boolean {
  if (ifRange === "") return true;
  if (ifRange.startsWith('"')) return ifRange === etag;
  return ifRange.endsWith("GMT") && parseSeconds(ifRange) === modifiedSeconds;
}

/** Reads a date as seconds since 1970, rounded down; NaN, which no comparison holds for, when it is none. */
export function parseSeconds(date: string): number {
  return Math.floor(Date.parse(date) / 1000);
}

const MEMBER = /[ \t]*((?:W\/)?"[^"]*"|[^,]*[^, \t]|)[ \t]*(?:,|$)/y;

/** Says whether a list of entity tags, or `*`, has `etag`; weakly compared tags match whatever their `W/`. */
function listMatches(list: string, etag: string, isWeak: boolean): boolean {
  if (list.trim() === "*") return true;
  if (etag === "") return false;
  const wanted = opaque(etag);
  if (!isWeak && etag.startsWith("W/")) return false;
  MEMBER.lastIndex = 0;
  while (MEMBER.lastIndex < list.length) {
    const member = MEMBER.exec(list)?.[1];
    if (member === undefined) return false;
    if ((isWeak || !member.startsWith("W/")) && member !== "" && opaque(member) === wanted) return true;
  }
  return false;
}

/** What a tag holds, without `W/` and quotes. */
function opaque(tag: string): string {
  const text = tag.startsWith("W/") ? tag.slice(2) : tag;
  return text.length >= 2 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}
