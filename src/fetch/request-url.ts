/**
 * The url of a request: `http://`, the Host field and the target, as the url parser writes it.
 *
 * Runs on the thread that runs the handler; state of that thread. To parse a url and make its string anew costs twice as much as
 * the rest of a native Request. So the parser is asked about each host once, and about a target only if there is anything in
 * it that it might change; and the strings of the last urls are kept, found by the bytes they were made of: clients
 * ask for the same again and again.
 */
import type { TaskView } from "../channel/task-record.ts";
import { decodeUtf8 } from "../http/latin1.ts";
import { decodeFieldValue } from "../http/request-head.ts";

const FIELD_WORDS = 4;
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
/** What is too long to be kept. */
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

let lastHost = "";
let lastPrefix: string | null = null;
let isLastCanonical = false;

/** `http://host` for a Host field, or null when it is no host that a url can have; `isLastCanonical` says the rest. */
function urlPrefix(host: string): string | null {
  if (host === lastHost && lastPrefix !== null) return lastPrefix;
  if (!/^(?:[\w.~%!$&'()*+,;=-]+|\[[\da-fA-F:.]+\])(?::\d*)?$/.test(host)) return null;
  lastHost = host;
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
  let hostLength = -1;
  if (hostIndex >= 0) {
    const row = view.fieldTable + hostIndex * FIELD_WORDS;
    const { headStart, words } = view;
    hostStart = headStart + words[row + 2]!;
    hostLength = headStart + words[row + 3]! - hostStart;
  }
  if (targetLength > KEPT_BYTES || hostLength > KEPT_BYTES) return fill(passing, view);
  let hash = targetLength;
  for (let i = targetStart; i < targetEnd; i++) hash = (Math.imul(hash, 31) + bytes[i]!) | 0;
  const place = (hash ^ (hash >>> 15)) & (PLACES - 1);
  let entry = kept[place]!;
  if (entry === null) {
    entry = new Kept();
    kept[place] = entry;
  } else if (
    entry.targetLength === targetLength &&
    entry.hostLength === hostLength &&
    isSame(entry.bytes, 0, bytes, targetStart, targetLength) &&
    isSame(entry.bytes, targetLength, bytes, hostStart, hostLength)
  ) {
    return entry;
  }
  for (let i = 0; i < targetLength; i++) entry.bytes[i] = bytes[targetStart + i]!;
  for (let i = 0; i < hostLength; i++) entry.bytes[targetLength + i] = bytes[hostStart + i]!;
  entry.targetLength = targetLength;
  entry.hostLength = hostLength;
  return fill(entry, view);
}

function isSame(own: Uint8Array, at: number, other: Uint8Array, start: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (own[at + i] !== other[start + i]) return false;
  return true;
}

function fill(entry: Kept, view: TaskView): Kept {
  const { bytes, targetStart, targetEnd } = view;
  const target = decodeUtf8(bytes, targetStart, targetEnd);
  entry.target = target;
  entry.text = target;
  entry.kind = URL_ODD;
  const first = bytes[targetStart];
  if (first === SLASH) {
    const prefix = urlPrefix(view.hostIndex < 0 ? "" : hostOf(view));
    if (prefix === null) return entry;
    entry.text = prefix + target;
    entry.kind = isLastCanonical && isPlain(bytes, targetStart, targetEnd) ? URL_KNOWN : URL_TO_PARSE;
  } else if (first === 0x68 || first === 0x48) {
    // Absolute form: RFC 9112 section 3.2.2 has the target win over the Host field.
    entry.kind = URL_TO_PARSE;
  }
  return entry;
}

function hostOf(view: TaskView): string {
  const row = view.fieldTable + view.hostIndex * FIELD_WORDS;
  return decodeFieldValue(view.bytes, view.headStart, view.words, row);
}
