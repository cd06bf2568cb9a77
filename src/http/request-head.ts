/**
 * The parsed head of one request: numbers and offsets, no strings.
 *
 * A dispatcher keeps one `RequestHead` as scratch for all its clients. All offsets count from the first byte of the
 * head, so the head's bytes and the rows of `fields` can be copied to another thread as they are; strings are made
 * there, when user code asks for them.
 *
 * Thread: the dispatcher that parses owns the object. The decoding functions are pure and used by handler threads on
 * their copies.
 * Must not know: where the bytes lie, sockets, threads.
 */

import { areSameBytes, copyBytes } from "./byte-runs.ts";
import { decodeName } from "./header-names.ts";
import { decodeLatin1 } from "./latin1.ts";
import type { ParserLimits } from "./limits.ts";

/** Numbers per row of `RequestHead.fields`: nameStart, nameEnd, valueStart, valueEnd. */
export const FIELD_NUMBERS = 4;
/** Longer heads are not compared with the one before. */
const KEPT_BYTES = 1024;
/** After so many heads that differ, the next are not kept: so many. */
const MISSES = 8;
const PAUSE = 64;

/**
 * The head of one request. Written by the parser, overwritten by the next call of any parser that shares it (also by
 * one that returns NEED_DATA). Valid after HEAD only.
 */
export class RequestHead {
  /** Index in `METHODS`. */
  method = 0;
  /** Offset of the request target. */
  targetStart = 0;
  /** Offset behind the request target. */
  targetEnd = 0;
  /** 0 for HTTP/1.0, 1 for HTTP/1.1. */
  minorVersion = 1;
  /** Number of field lines: rows in use of `fields`. */
  headerCount = 0;
  /** Length of the head in bytes, closing empty line included. */
  headBytes = 0;
  /** Value of Content-Length, 0 to 2^53-1; -1 without one. */
  contentLength = -1;
  /** Whether the content is chunked. */
  isChunked = false;
  /** Whether the connection may be used for another request: HTTP/1.1 without `Connection: close`. */
  keepAlive = true;
  /** Whether the client waits for `100 Continue`. */
  expectsContinue = false;
  /** Whether there is an Upgrade field. */
  hasUpgrade = false;
  /** Row of the Host field; -1 without one. */
  hostIndex = -1;
  /** Number that the reader of heads gives to the route it has found; 0 for none. Not the parser's. */
  route = 0;
  /** Number of Host lines. For the parser. */
  hostCount = 0;
  /** Row of the first Content-Length; -1 without one. For the parser. */
  contentLengthIndex = -1;
  /** Number of Content-Length lines. For the parser. */
  contentLengthCount = 0;
  /** Row of the first Transfer-Encoding; -1 without one. For the parser. */
  transferEncodingIndex = -1;
  /** Whether a Connection field lists `close`. For the parser. */
  hasCloseToken = false;
  /**
   * Offsets of the field lines. Shape: {@link FIELD_NUMBERS} per row (nameStart, nameEnd, valueStart, valueEnd), ends
   * exclusive, values without surrounding white space; `headerCount` rows in use, the rest is garbage.
   */
  readonly fields: Int32Array;
  /** Rows that fit; one more field line is an error (431). */
  readonly headerCapacity: number;
  readonly #kept: Uint8Array = new Uint8Array(KEPT_BYTES);
  /** Length of the head that is kept; 0 for none. */
  #keptBytes = 0;
  /** Heads in a row that were not those kept before, a pause included. */
  #misses = 0;

  /** @param limits - The limits of the parsers that will write here; `headerCount` sizes the table. */
  constructor(limits: Pick<ParserLimits, "headerCount">) {
    this.headerCapacity = limits.headerCount;
    this.fields = new Int32Array(limits.headerCount * FIELD_NUMBERS);
  }

  /**
   * Whether a head at `base` of `bytes` has the bytes of the one that was parsed last: then this object already says what is
   * in it. Called by the parser before it writes anything.
   */
  isAgain(bytes: Uint8Array, base: number, end: number): boolean {
    const length = this.#keptBytes;
    if (length === 0 || end - base < length) return false;
    // Heads that differ most often do so in the target, near the start.
    if (!areSameBytes(this.#kept, 0, bytes, base, length)) return false;
    this.#misses = 0;
    return true;
  }

  /** Keeps the bytes of the head that was parsed, for `isAgain`; rarely when heads have differed of late. */
  keep(bytes: Uint8Array, base: number): void {
    const length = this.headBytes;
    if (length > KEPT_BYTES || ++this.#misses > MISSES) {
      if (this.#misses < MISSES + PAUSE) return;
      this.#misses = 0;
      if (length > KEPT_BYTES) return;
    }
    copyBytes(this.#kept, 0, bytes, base, length);
    this.#keptBytes = length;
  }

  /** Forgets the previous request. Called by the parser. */
  reset(): void {
    this.#keptBytes = 0;
    this.headerCount = 0;
    this.headBytes = 0;
    this.contentLength = -1;
    this.isChunked = false;
    this.keepAlive = true;
    this.expectsContinue = false;
    this.hasUpgrade = false;
    this.hostIndex = -1;
    this.hostCount = 0;
    this.contentLengthIndex = -1;
    this.contentLengthCount = 0;
    this.transferEncodingIndex = -1;
    this.hasCloseToken = false;
  }
}

/**
 * Gives the name of a field in lower case. No string is built for names seen before.
 *
 * @param bytes - Holds a copy of the head.
 * @param base - Where the head starts in `bytes`.
 * @param fields - Rows as in `RequestHead.fields`.
 * @param row - Index of the first of the row's four numbers in `fields` (row number times {@link FIELD_NUMBERS}, plus
 * where the table starts).
 */
export function decodeFieldName(bytes: Buffer, base: number, fields: Int32Array, row: number): string {
  return decodeName(bytes, base + fields[row], base + fields[row + 1]);
}

/** Gives the value of a field, decoded as latin-1. Parameters as in {@link decodeFieldName}. */
export function decodeFieldValue(bytes: Buffer, base: number, fields: Int32Array, row: number): string {
  const start = fields[row + 2];
  const end = fields[row + 3];
  return start === end ? "" : decodeLatin1(bytes, base + start, base + end);
}

/** Gives the value of the first field of this name (lower case) of a head that begins at `headStart` of `bytes`, or null. */
export function fieldOf(head: RequestHead, bytes: Buffer, headStart: number, name: string): string | null {
  for (let i = 0; i < head.headerCount; i++) {
    const row = i * FIELD_NUMBERS;
    // Names of another length need not be looked up.
    if (head.fields[row + 1]! - head.fields[row]! !== name.length) continue;
    if (decodeFieldName(bytes, headStart, head.fields, row) === name) {
      return decodeFieldValue(bytes, headStart, head.fields, row);
    }
  }
  return null;
}
