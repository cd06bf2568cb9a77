/**
 * The url of a request: `http://`, the Host field and the target, as the url parser writes it.
 *
 * Runs on the thread that runs the handler; state of that thread. To parse a url and make its string anew costs twice as much as
 * the rest of a native Request. So the parser is asked about each host once, and about a target only if there is anything in
 * it that it might change; and the strings of the last urls are kept, found by the bytes they were made of: clients
 * ask for the same again and again.
 */
import type { TaskView } from "../channel/task-record.ts";
import { areSameBytes, copyBytes, hashBytes, placeOfHash } from "../http/byte-runs.ts";
import { decodeLatin1, decodeUtf8 } from "../http/latin1.ts";
import { FIELD_NUMBERS } from "../http/request-head.ts";

const SLASH = 0x2f;
const QUESTION_MARK = 0x3f;
const DOT = 0x2e;

/** The url is `text`, and no other spelling of it is canonical. */
export const URL_KNOWN = 0;
/** The url parser has to be asked what it makes of `text`. */
export const URL_TO_PARSE = 1;
/** Target and Host do not make a url: `text` is the target alone. */
export const URL_ODD = 2;

/** What is known of a url. */
export interface RequestUrl {
  /** One of `URL_*`. */
  readonly kind: number;
  /** The url, or what stands for it. */
  readonly text: string;
  /** The target. */
  readonly target: string;
}

/** Urls that are kept, each in the place that its bytes choose. */
const PLACES = 64;
/** Longer targets and hosts are not kept. */
const KEPT_BYTES = 128;

/** A url that is kept, and the bytes it was made of. */
class Kept implements RequestUrl {
  kind = URL_ODD;
  text = "";
  target = "";
  hostLength = -1;
  targetLength = -1;
  /** The target's bytes, then the host's. */
  readonly bytes: Uint8Array = new Uint8Array(2 * KEPT_BYTES);
}

const kept: (Kept | null)[] = new Array<Kept | null>(PLACES).fill(null);
/** Hash of the target that was looked for last in each place and was not there. */
const asked: Int32Array = new Int32Array(PLACES);
/** What is not kept. */
const passing: Kept = new Kept();

/** Bytes of a path, then of a query, that the url parser leaves as they are, whatever is around them (WHATWG URL, 4.4). */
const PATH_BYTES: Uint8Array = bytesOf("/-_~!$&()*+,;=:@.");
const QUERY_BYTES: Uint8Array = bytesOf("/-_~!$&()*+,;=:@.?%");

function bytesOf(others: string): Uint8Array {
  const table = new Uint8Array(256);
  const letters = "abcdefghijklmnopqrstuvwxyz";
  for (const text of [letters, letters.toUpperCase(), "0123456789", others]) {
    for (let i = 0; i < text.length; i++) table[text.charCodeAt(i)] = 1;
  }
  return table;
}

/** Whether the url parser leaves a target of the form `/path?query` as it is. */
function isPlain(bytes: Uint8Array, start: number, end: number): boolean {
  let before = 0;
  let at = start;
  for (; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === QUESTION_MARK) break;
    // A segment that begins with a dot may be one that goes up.
    if (PATH_BYTES[byte] === 0 || (byte === DOT && before === SLASH)) return false;
    before = byte;
  }
  for (at++; at < end; at++) if (QUERY_BYTES[bytes[at]!] === 0) return false;
  return true;
}

/** The Host field that was asked for last, as long as it is short: its bytes, and what `http://` and it make. */
const lastHost: Uint8Array = new Uint8Array(KEPT_BYTES);
let lastHostLength = -1;
let lastPrefix: string | null = null;
let isLastCanonical = false;

/** `http://host` for a Host field, or null when it is no host that a url can have; `isLastCanonical` says the rest. */
function urlPrefix(bytes: Buffer, start: number, end: number): string | null {
  const length = end - start;
  if (length === lastHostLength && areSameBytes(lastHost, 0, bytes, start, length)) return lastPrefix;
  const host = decodeLatin1(bytes, start, end);
  lastPrefix = null;
  lastHostLength = length <= KEPT_BYTES ? length : -1;
  if (length <= KEPT_BYTES) copyBytes(lastHost, 0, bytes, start, length);
  if (!/^(?:[\w.~%!$&'()*+,;=-]+|\[[\da-fA-F:.]+\])(?::\d*)?$/.test(host)) return null;
  lastPrefix = "http://" + host;
  isLastCanonical = URL.parse(lastPrefix)?.href === lastPrefix + "/";
  return lastPrefix;
}

/** The url of the request whose record `view` points at; the object is valid until the next call. */
export function requestUrl(view: TaskView): RequestUrl {
  const { bytes, targetStart, targetEnd } = view;
  const targetLength = targetEnd - targetStart;
  const { hostIndex } = view;
  let hostStart = 0;
  let hostEnd = -1;
  if (hostIndex >= 0) {
    const row = view.fieldTable + hostIndex * FIELD_NUMBERS;
    const { headStart, words } = view;
    hostStart = headStart + words[row + 2]!;
    hostEnd = headStart + words[row + 3]!;
  }
  const hostLength = hostEnd - hostStart;
  let entry = passing;
  if (targetLength <= KEPT_BYTES && hostLength <= KEPT_BYTES) {
    const hash = hashBytes(targetLength, bytes, targetStart, targetEnd);
    const place = placeOfHash(hash, PLACES);
    const there = kept[place]!;
    if (
      there !== null &&
      there.targetLength === targetLength &&
      there.hostLength === hostLength &&
      areSameBytes(there.bytes, 0, bytes, targetStart, targetLength) &&
      areSameBytes(there.bytes, targetLength, bytes, hostStart, hostLength)
    ) {
      return there;
    }
    // A target that is never asked for again is not worth its place.
    if (asked[place] === hash) {
      entry = there ?? new Kept();
      kept[place] = entry;
      entry.targetLength = targetLength;
      entry.hostLength = hostLength;
      copyBytes(entry.bytes, 0, bytes, targetStart, targetLength);
      copyBytes(entry.bytes, targetLength, bytes, hostStart, hostLength);
    }
    asked[place] = hash;
  }
  const target = decodeUtf8(bytes, targetStart, targetEnd);
  entry.target = target;
  entry.text = target;
  entry.kind = URL_ODD;
  const first = bytes[targetStart];
  if (first === SLASH) {
    const prefix = hostIndex < 0 ? null : urlPrefix(bytes, hostStart, hostEnd);
    if (prefix === null) return entry;
    entry.text = prefix + target;
    entry.kind = isLastCanonical && isPlain(bytes, targetStart, targetEnd) ? URL_KNOWN : URL_TO_PARSE;
  } else if (first === 0x68 || first === 0x48) {
    // Absolute form: RFC 9112 section 3.2.2 has the target win over the Host field.
    entry.kind = URL_TO_PARSE;
  }
  return entry;
}
