/**
 * Drives a RequestParser as a dispatcher does and writes down what it says, in the words of test/corpus/README.md.
 *
 * Bytes arrive in pieces; what the parser does not consume is kept and offered again in another buffer at another
 * offset, and everything else in
 * that buffer is overwritten, so a parser that looks at bytes it was not given, or keeps positions in old buffers,
 * gives a wrong log.
 */

import { DEFAULT_LIMITS, type ParserLimits } from "../../src/http/limits.ts";
import { METHODS } from "../../src/http/method.ts";
import {
  decodeFieldName,
  decodeFieldValue,
  FIELD_NUMBERS,
  RequestHead,
} from "../../src/http/request-head.ts";
import { BODY, END, FAILED, HEAD, NEED_DATA, RequestParser } from "../../src/http/request-parser.ts";

/** Spells bytes as the corpus does. */
export function escapeBytes(text: string): string {
  return text.replace(/[^\x20-\x5b\x5d-\x7e]/g, (character) => {
    if (character === "\r") return "\\r";
    if (character === "\n") return "\\n";
    if (character === "\t") return "\\t";
    if (character === "\\") return "\\\\";
    return "\\x" + character.charCodeAt(0).toString(16).padStart(2, "0");
  });
}

/** Describes a head: one HEAD line, then FIELD lines. */
export function describeHead(bytes: Buffer, base: number, head: RequestHead): string[] {
  const target = bytes.toString("latin1", base + head.targetStart, base + head.targetEnd);
  let line = `HEAD ${METHODS[head.method]} ${escapeBytes(target)} 1.${head.minorVersion}`;
  if (!head.keepAlive) line += " close";
  if (head.contentLength >= 0) line += ` length=${head.contentLength}`;
  if (head.isChunked) line += " chunked";
  if (head.expectsContinue) line += " continue";
  if (head.hasUpgrade) line += " upgrade";
  const lines = [line];
  for (let index = 0; index < head.headerCount; index++) {
    const row = index * FIELD_NUMBERS;
    const name = decodeFieldName(bytes, base, head.fields, row);
    lines.push(`FIELD ${escapeBytes(name)}: ${escapeBytes(decodeFieldValue(bytes, base, head.fields, row))}`);
  }
  return lines;
}

/**
 * Feeds the pieces one after another and returns the log. Throws when the parser breaks its contract (consumes part of
 * a head, does not advance,
 * gives an empty span).
 */
export function logEvents(pieces: readonly Buffer[], limits: ParserLimits = DEFAULT_LIMITS): string[] {
  const log: string[] = [];
  const head = new RequestHead(limits);
  const parser = new RequestParser(limits);
  let kept: Buffer = Buffer.alloc(0);
  let body = "";
  const flush = (): void => {
    if (body !== "") log.push(`BODY ${escapeBytes(body)}`);
    body = "";
  };
  for (let piece = 0; piece < pieces.length; piece++) {
    // The scratch head serves other clients between two calls.
    head.fields.fill(-7);
    head.headerCount = 99;
    const start = piece % 3;
    const end = start + kept.length + pieces[piece].length;
    const bytes = Buffer.alloc(end + 5, "\n");
    kept.copy(bytes, start);
    pieces[piece].copy(bytes, start + kept.length);
    let position = start;
    for (let event = -1; event !== NEED_DATA; ) {
      const wasInBody: boolean = parser.isInBody;
      event = parser.next(bytes, position, end, head);
      if (event === NEED_DATA && parser.position !== (wasInBody ? end : position))
        throw new Error("consumed");
      if (parser.position < position || parser.position > end) throw new Error("position out of range");
      position = parser.position;
      if (event === BODY) {
        if (parser.bodyEnd <= parser.bodyStart || parser.bodyEnd > end) throw new Error("bad span");
        body += bytes.toString("latin1", parser.bodyStart, parser.bodyEnd);
        continue;
      }
      if (event !== NEED_DATA) flush();
      if (event === HEAD) {
        if (parser.headStart + head.headBytes !== parser.position) throw new Error("bad head span");
        log.push(...describeHead(bytes, parser.headStart, head));
      } else if (event === END) {
        log.push("END");
      } else if (event === FAILED) {
        log.push(`FAILED ${parser.error?.status} ${parser.error?.name}`);
        return log;
      }
    }
    kept = Buffer.from(bytes.subarray(position, end));
  }
  flush();
  if (parser.isInHead) log.push("WAIT head");
  if (parser.isInBody) log.push("WAIT body");
  return log;
}

/** Cuts bytes at the given offsets, in ascending order. */
export function cutAt(bytes: Buffer, offsets: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  let start = 0;
  for (const offset of offsets) {
    pieces.push(bytes.subarray(start, offset));
    start = offset;
  }
  pieces.push(bytes.subarray(start));
  return pieces;
}

/** Cuts bytes into single ones. */
export function singleBytes(bytes: Buffer): Buffer[] {
  return Array.from(bytes, (_, index) => bytes.subarray(index, index + 1));
}
