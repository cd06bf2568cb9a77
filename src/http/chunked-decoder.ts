/**
 * Takes the chunked transfer coding off, however the bytes are cut into pieces.
 *
 *   chunk   = 1*HEXDIG [ chunk-ext ] CRLF chunk-data CRLF
 *   last    = 1*"0" [ chunk-ext ] CRLF trailer-section CRLF
 *
 * Pull style: each call consumes up to the next span of data. A span lies in the caller's bytes and is not copied.
 * All state is in a few numbers, so a client that is in the middle of a chunk size costs nothing but them. Extensions
 * and trailers are checked for bytes that could hide a line end, counted against their limits and dropped (RFC 9112
 * section 7.1.1: a recipient MUST ignore unrecognized extensions; 7.1.2: it MAY discard trailers).
 *
 * Thread: the dispatcher that parses; one decoder per client that has sent a chunked request.
 * Must not know: heads, the size limit for content.
 *
 * Source: RFC 9112 section 7.1.
 */

import { CR, HEX_VALUE, LF, NOT_HEX, SEMICOLON, SPACE, TAB, TOKEN_BYTES, VALUE_BYTES } from "./grammar.ts";
import type { ParserLimits } from "./limits.ts";
import { PARSE_ERROR } from "./parse-error.ts";

/** `next` consumed all it was given. */
export const CHUNK_NEED_DATA = 0;
/** `next` found data: `dataStart` and `dataEnd` say where. */
export const CHUNK_DATA = 1;
/** `next` reached the end of the content, trailers included. */
export const CHUNK_END = 2;

const SIZE_FIRST = 0;
const SIZE = 1;
const EXTENSION_GAP = 2;
const EXTENSION = 3;
const SIZE_LF = 4;
const DATA = 5;
const DATA_CR = 6;
const DATA_LF = 7;
const TRAILER_START = 8;
const TRAILER_NAME = 9;
const TRAILER_VALUE = 10;
const TRAILER_LF = 11;
const END_LF = 12;

/** Digits of a chunk size, leading zeros included; 16 spell any 64-bit number. */
const LONGEST_SIZE = 16;
/** Extension bytes a chunk may have without being counted, see `ParserLimits.chunkExtensionBytes`. */
const FREE_EXTENSION_BYTES = 16;

/** Decodes one chunked body after another. */
export class ChunkedDecoder {
  /** Up to where the last call consumed. */
  position = 0;
  /** Where the data found by the last call starts. */
  dataStart = 0;
  /** Where the data found by the last call ends (exclusive). */
  dataEnd = 0;
  readonly #limits: ParserLimits;
  #state = SIZE_FIRST;
  #remaining = 0;
  #digits = 0;
  #extensionBytes = 0;
  #trailerBytes = 0;

  /** @param limits - `chunkExtensionBytes` and `trailerBytes` are used. */
  constructor(limits: ParserLimits) {
    this.#limits = limits;
  }

  /** Starts over with a new body. */
  reset(): void {
    this.#state = SIZE_FIRST;
    this.#remaining = 0;
    this.#digits = 0;
    this.#extensionBytes = 0;
    this.#trailerBytes = 0;
  }

  /**
   * Consumes from `bytes[start..end)`. After {@link CHUNK_END} the next body may follow at `position`.
   *
   * @returns {@link CHUNK_NEED_DATA}, {@link CHUNK_DATA}, {@link CHUNK_END}, or a negated `PARSE_ERROR` code, after
   * which only `reset` makes sense.
   */
  next(bytes: Uint8Array, start: number, end: number): number {
    let position = start;
    while (position < end) {
      if (this.#state === DATA) {
        const length = Math.min(end - position, this.#remaining);
        this.#remaining -= length;
        if (this.#remaining === 0) this.#state = DATA_CR;
        this.dataStart = position;
        this.dataEnd = position + length;
        this.position = position + length;
        return CHUNK_DATA;
      }
      const byte = bytes[position++];
      const verdict = this.#state < DATA ? this.#readSizeLine(byte) : this.#readLineEnd(byte);
      if (verdict !== 0) {
        this.position = position;
        if (verdict === CHUNK_END) this.reset();
        return verdict;
      }
    }
    this.position = position;
    return CHUNK_NEED_DATA;
  }

  /** Takes one byte of a chunk's first line. Returns 0 or a negated code. */
  #readSizeLine(byte: number): number {
    switch (this.#state) {
      case SIZE_FIRST:
      case SIZE: {
        const digit = HEX_VALUE[byte];
        if (digit !== NOT_HEX) {
          this.#state = SIZE;
          this.#remaining = this.#remaining * 16 + digit;
          const isTooLong = ++this.#digits > LONGEST_SIZE || this.#remaining > Number.MAX_SAFE_INTEGER;
          return isTooLong ? -PARSE_ERROR.CHUNK_SIZE_OUT_OF_RANGE : 0;
        }
        if (this.#state === SIZE_FIRST) return -PARSE_ERROR.BAD_CHUNK_SIZE;
        if (byte === CR) this.#state = SIZE_LF;
        else if (byte === SEMICOLON) this.#state = EXTENSION;
        else if (byte === SPACE || byte === TAB) this.#state = EXTENSION_GAP;
        else return -PARSE_ERROR.BAD_CHUNK_SIZE;
        return byte === CR ? 0 : this.#countExtensionByte();
      }
      case EXTENSION_GAP:
        // White space may stand before a semicolon (BWS) but does not end the line.
        if (byte === SEMICOLON) this.#state = EXTENSION;
        else if (byte !== SPACE && byte !== TAB) return -PARSE_ERROR.BAD_CHUNK_EXTENSION;
        return this.#countExtensionByte();
      case EXTENSION:
        if (byte === CR) {
          this.#state = SIZE_LF;
          return 0;
        }
        return VALUE_BYTES[byte] === 0 ? -PARSE_ERROR.BAD_CHUNK_EXTENSION : this.#countExtensionByte();
      default:
        return byte === LF ? this.#startChunk() : -PARSE_ERROR.BAD_CHUNK_SIZE;
    }
  }

  #countExtensionByte(): number {
    // What one chunk may have at most in advance of its data; #startChunk then takes off what its size pays for.
    const isTooMany = ++this.#extensionBytes > this.#limits.chunkExtensionBytes + FREE_EXTENSION_BYTES;
    return isTooMany ? -PARSE_ERROR.CHUNK_EXTENSIONS_TOO_LARGE : 0;
  }

  #startChunk(): number {
    const unpaid = this.#extensionBytes - FREE_EXTENSION_BYTES - 2 * this.#remaining;
    this.#extensionBytes = Math.max(unpaid, 0);
    this.#digits = 0;
    this.#state = this.#remaining === 0 ? TRAILER_START : DATA;
    return 0;
  }

  /**
   * Takes one byte of the line end after chunk data or of the trailer section. Returns 0, CHUNK_END or a negated code.
   */
  #readLineEnd(byte: number): number {
    if (this.#state >= TRAILER_START && ++this.#trailerBytes > this.#limits.trailerBytes) {
      return -PARSE_ERROR.TRAILER_TOO_LARGE;
    }
    switch (this.#state) {
      case DATA_CR:
        this.#state = DATA_LF;
        return byte === CR ? 0 : -PARSE_ERROR.BAD_CHUNK_END;
      case DATA_LF:
        this.#state = SIZE_FIRST;
        return byte === LF ? 0 : -PARSE_ERROR.BAD_CHUNK_END;
      case TRAILER_START:
        this.#state = byte === CR ? END_LF : TRAILER_NAME;
        return byte === CR || TOKEN_BYTES[byte] !== 0 ? 0 : -PARSE_ERROR.BAD_TRAILER;
      case TRAILER_NAME:
        if (byte === 0x3a) this.#state = TRAILER_VALUE;
        else if (TOKEN_BYTES[byte] === 0) return -PARSE_ERROR.BAD_TRAILER;
        return 0;
      case TRAILER_VALUE:
        if (byte === CR) this.#state = TRAILER_LF;
        else if (VALUE_BYTES[byte] === 0) return -PARSE_ERROR.BAD_TRAILER;
        return 0;
      case TRAILER_LF:
        this.#state = TRAILER_START;
        return byte === LF ? 0 : -PARSE_ERROR.BAD_TRAILER;
      default:
        return byte === LF ? CHUNK_END : -PARSE_ERROR.BAD_TRAILER;
    }
  }
}
