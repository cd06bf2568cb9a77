/**
 * Turns a client's bytes into requests: the incremental state machine of HTTP/1.1.
 *
 * Pull style: the caller calls `next` again and again and gets one event each time. Handed one byte at a time or many
 * pipelined requests at once, it gives the same events. It holds numbers only, no bytes: the caller keeps what was not
 * consumed.
 *
 *   HEAD, then BODY any number of times, then END; then the next request. NEED_DATA whenever the input does not go on.
 * FAILED for good.
 *
 * A head is consumed whole or not at all. A head that arrives complete is parsed in one pass. Otherwise the parser
 * remembers how far it looked for a line end and where the first incomplete line starts: later calls look at new
 * bytes only, each line is judged once, when its LF is there, and when the empty line arrives the head is parsed in
 * one pass from its start (the scratch head served other clients meanwhile). A drip is O(n). A head with the bytes of the one before
 * it, whoever sent that, is not parsed again: clients often ask for the same.
 *
 * Thread: the dispatcher that owns the client.
 * Must not know: sockets, buffers' owners, time-outs, `maxRequestBodySize` (the caller compares `head.contentLength`
 * and `bodyBytes` with it).
 */

import { CHUNK_DATA, CHUNK_END, CHUNK_NEED_DATA, ChunkedDecoder } from "./chunked-decoder.ts";
import { parseFieldLine } from "./field-line.ts";
import { decideFraming } from "./framing.ts";
import { CR, LF, TOKEN_BYTES } from "./grammar.ts";
import { isHostValid } from "./host.ts";
import type { ParserLimits } from "./limits.ts";
import {
  failLine,
  INCOMPLETE,
  indexOfLineFeed,
  PARSE_ERROR,
  type ParseError,
  type ParseErrorCode,
  parseError,
} from "./parse-error.ts";
import { FIELD_NUMBERS, type RequestHead } from "./request-head.ts";
import { parseRequestLine } from "./request-line.ts";

/** `next` has consumed what it could and goes on when there are more bytes. */
export const NEED_DATA = 0;
/** `next` has parsed a head into the `RequestHead`; it lies at `headStart`. */
export const HEAD = 1;
/** `next` has found content: `bytes[bodyStart..bodyEnd)`. */
export const BODY = 2;
/** `next` has reached the end of the request. */
export const END = 3;
/** The client broke the rules: see `error`. Stays so until `reset`. */
export const FAILED = 4;

const IN_HEAD = 0;
const IN_LENGTH = 1;
const IN_CHUNKED = 2;
const BROKEN = 3;

/** The parser of one client, or of several in turn, each from one fresh state to the next (`isFresh`). */
export class RequestParser {
  /**
   * Up to where the last call consumed. After NEED_DATA: within a head it is `start` (keep the bytes and offer them
   * again together with new ones), within content it is `end`. After HEAD: behind the head.
   */
  position = 0;
  /**
   * After HEAD: where the head starts in `bytes`; not always `start`, because one empty line before a request is
   * skipped (RFC 9112 section 2.2).
   */
  headStart = 0;
  /** After BODY: where the content starts in `bytes`. The span is valid until the caller overwrites it. */
  bodyStart = 0;
  /** After BODY: where the content ends (exclusive). */
  bodyEnd = 0;
  /** Bytes of content given out for the current request, this span included. */
  bodyBytes = 0;
  /** After FAILED: what was wrong. */
  error: ParseError | null = null;
  readonly #limits: ParserLimits;
  #state: number = IN_HEAD;
  /** Length of the skipped empty line: 0 or 2. */
  #skipped = 0;
  /** How far the head was searched for line ends. This and the next count from the head's first byte. */
  #searched = 0;
  /** Where the first line starts whose end has not arrived. */
  #lineStart = 0;
  /** Field lines judged so far. */
  #lineCount = 0;
  /** Content still to come, when its length is known. */
  #remaining = 0;
  #chunked: ChunkedDecoder | null = null;

  /** @param limits - Shared, not copied. */
  constructor(limits: ParserLimits) {
    this.#limits = limits;
  }

  /** Whether nothing of a request has arrived (an ignored empty line aside). */
  get isIdle(): boolean {
    return this.#state === IN_HEAD && this.#searched === 0;
  }

  /** Whether it is as one that is new: another client may use it. */
  get isFresh(): boolean {
    return this.isIdle && this.#skipped === 0;
  }

  /** Whether part of a head has arrived. */
  get isInHead(): boolean {
    return this.#state === IN_HEAD && this.#searched !== 0;
  }

  /** Whether HEAD was given and END was not. */
  get isInBody(): boolean {
    return this.#state === IN_LENGTH || this.#state === IN_CHUNKED;
  }

  /** Whether END comes next, without any input. */
  get isAtEnd(): boolean {
    return this.#state === IN_LENGTH && this.#remaining === 0;
  }

  /** Forgets everything, as if the client had just connected. */
  reset(): void {
    this.#state = IN_HEAD;
    this.#forgetHead();
    this.#remaining = 0;
    this.#chunked?.reset();
    this.bodyBytes = 0;
    this.error = null;
  }

  /**
   * Consumes from `bytes[start..end)` and gives the next event.
   *
   * @param bytes - Input. After NEED_DATA within a head the next call must offer the same bytes from `start` on, with
   * more behind them; they may have moved.
   * @param head - Scratch, written at HEAD; its content between calls does not matter.
   * @returns {@link NEED_DATA}, {@link HEAD}, {@link BODY}, {@link END} or {@link FAILED}. `position` says how far it
   * consumed.
   */
  next(bytes: Uint8Array, start: number, end: number, head: RequestHead): number {
    switch (this.#state) {
      case IN_HEAD:
        return this.#nextHead(bytes, start, end, head);
      case IN_LENGTH:
        return this.#nextOfLength(start, end);
      case IN_CHUNKED:
        return this.#nextChunk(bytes, start, end);
      default:
        this.position = start;
        return FAILED;
    }
  }

  #nextHead(bytes: Uint8Array, start: number, end: number, head: RequestHead): number {
    this.position = start;
    let base = start + this.#skipped;
    if (base >= end) return NEED_DATA;
    if (this.#searched === 0) {
      if (this.#skipped === 0 && bytes[base] === CR) {
        if (base + 1 >= end) return NEED_DATA;
        if (bytes[base + 1] === LF) {
          this.#skipped = 2;
          base += 2;
          if (base >= end) return NEED_DATA;
        }
      }
      // A TLS hello, a second empty line and the like: no need to wait for the end of a line that is none.
      if (TOKEN_BYTES[bytes[base]] === 0) return this.#fail(PARSE_ERROR.BAD_START);
    } else if (indexOfLineFeed(bytes, base + this.#searched, end) < 0) {
      return this.#wait(base, end);
    }
    if (this.#searched === 0 && head.isAgain(bytes, base, end)) {
      this.#startBody(head);
      this.headStart = base;
      this.position = base + head.headBytes;
      return HEAD;
    }
    let position = this.#parseLines(bytes, base, base + this.#lineStart, end, head);
    if (position === INCOMPLETE) return this.#wait(base, end);
    if (position > 0 && this.#lineStart > 0) position = this.#parseLines(bytes, base, base, end, head);
    if (position < 0) return this.#fail(-position as ParseErrorCode);
    head.headBytes = position - base;
    const verdict = this.#judgeHead(bytes, base, head);
    if (verdict < 0) return this.#fail(-verdict as ParseErrorCode);
    this.#startBody(head);
    head.keep(bytes, base);
    this.headStart = base;
    this.position = position;
    return HEAD;
  }

  /**
   * Parses lines from `position`, which is the head's start or the start of a later line, to the empty line.
   * Returns the position behind it, INCOMPLETE (with the progress noted) or a negated code.
   */
  #parseLines(bytes: Uint8Array, base: number, position: number, end: number, head: RequestHead): number {
    const limits = this.#limits;
    const headEnd = end - base < limits.headBytes ? end : base + limits.headBytes;
    let line = position;
    head.reset();
    if (line === base) {
      const lineEnd = headEnd - base < limits.requestLineBytes ? headEnd : base + limits.requestLineBytes;
      line = parseRequestLine(bytes, base, lineEnd, head);
      if (line < 0) return line;
    } else {
      head.headerCount = this.#lineCount;
    }
    for (;;) {
      let next: number;
      if (line < headEnd && bytes[line] === CR) {
        if (line + 1 < headEnd && bytes[line + 1] === LF) return line + 2;
        next = failLine(bytes, line, headEnd, PARSE_ERROR.BAD_LINE_END);
      } else {
        next = parseFieldLine(bytes, line, headEnd, base, head);
      }
      if (next < 0) {
        this.#lineStart = line - base;
        this.#lineCount = head.headerCount;
        return next;
      }
      line = next;
    }
  }

  /** Waits for more of a head, unless there is already more of it than it may have. */
  #wait(base: number, end: number): number {
    const limits = this.#limits;
    const length = end - base;
    this.#searched = length;
    if (this.#lineStart === 0 && length >= limits.requestLineBytes) {
      return this.#fail(PARSE_ERROR.REQUEST_LINE_TOO_LONG);
    }
    if (length >= limits.headBytes) return this.#fail(PARSE_ERROR.HEAD_TOO_LARGE);
    return NEED_DATA;
  }

  /** Checks what can only be checked when all lines are there. Returns 0 or a negated code. */
  #judgeHead(bytes: Uint8Array, base: number, head: RequestHead): number {
    head.keepAlive = head.minorVersion === 1 && !head.hasCloseToken;
    // RFC 9110 section 10.1.1: an HTTP/1.0 client does not know 100-continue.
    if (head.minorVersion === 0) head.expectsContinue = false;
    if (head.hostIndex < 0) {
      if (head.minorVersion === 1) return -PARSE_ERROR.MISSING_HOST;
    } else {
      if (head.hostCount > 1) return -PARSE_ERROR.DUPLICATE_HOST;
      const row = head.hostIndex * FIELD_NUMBERS;
      if (!isHostValid(bytes, base + head.fields[row + 2], base + head.fields[row + 3]))
        return -PARSE_ERROR.BAD_HOST;
    }
    if (head.contentLengthIndex < 0 && head.transferEncodingIndex < 0) return 0;
    return decideFraming(bytes, base, head);
  }

  #startBody(head: RequestHead): void {
    this.#forgetHead();
    this.bodyBytes = 0;
    if (head.isChunked) {
      this.#state = IN_CHUNKED;
      this.#chunked ??= new ChunkedDecoder(this.#limits);
    } else {
      this.#state = IN_LENGTH;
      this.#remaining = Math.max(head.contentLength, 0);
    }
  }

  #nextOfLength(start: number, end: number): number {
    this.position = start;
    if (this.#remaining === 0) {
      this.#state = IN_HEAD;
      return END;
    }
    if (start >= end) return NEED_DATA;
    const length = Math.min(end - start, this.#remaining);
    this.#remaining -= length;
    return this.#giveBody(start, start + length);
  }

  #nextChunk(bytes: Uint8Array, start: number, end: number): number {
    const decoder = this.#chunked as ChunkedDecoder;
    const event = decoder.next(bytes, start, end);
    this.position = decoder.position;
    switch (event) {
      case CHUNK_NEED_DATA:
        return NEED_DATA;
      case CHUNK_DATA:
        return this.#giveBody(decoder.dataStart, decoder.dataEnd);
      case CHUNK_END:
        this.#state = IN_HEAD;
        return END;
      default:
        return this.#fail(-event as ParseErrorCode);
    }
  }

  #giveBody(start: number, end: number): number {
    this.bodyStart = start;
    this.bodyEnd = end;
    this.bodyBytes += end - start;
    this.position = end;
    return BODY;
  }

  #fail(code: ParseErrorCode): number {
    this.#state = BROKEN;
    this.error = parseError(code);
    return FAILED;
  }

  #forgetHead(): void {
    this.#skipped = 0;
    this.#searched = 0;
    this.#lineStart = 0;
    this.#lineCount = 0;
  }
}
