/**
 * Which bytes of a file answer a request, with which status and fields.
 *
 * Runs wherever files are answered: on the thread that runs the handler, and in the dispatcher for routes. Pure: the file
 * was opened by somebody else, who also sends it. It must not know descriptors or clients.
 *
 * Bun.serve has three ways to answer with a file, and they differ (BUN-SERVE.md sections 11.4 and 12):
 *
 *                        | "response": from a handler   | "route": Bun.file as a route | "directory": below { dir }
 *   Last-Modified        | no                           | yes, unless set              | yes
 *   ETag                 | no                           | no                           | W/"size-mtime", in hex
 *   conditions           | no                           | GET, HEAD with status 200    | GET, HEAD
 *   Range                | GET with status 200          | GET, HEAD with status 200    | GET, HEAD
 *   slice of a file      | 206 `bytes 2-4/*`, no Range  | the slice is the whole       | -
 *                        | (200 to HEAD)                |                              |
 *   Content-Disposition  | for types to be saved        | no                           | no
 *   Accept-Ranges        | with 206 and 416             | with 206 and 416             | with 200, 206 and 416
 *
 * A Content-Range of the program's own switches Range off.
 */
import { HttpDate } from "../http/date.ts";
import { METHOD_GET, METHOD_HEAD } from "../http/method.ts";
import {
  type Conditions,
  isRangeCurrent,
  judgeConditions,
  NOT_MODIFIED,
  PROCEED,
  parseSeconds,
} from "../http/precondition.ts";
import { parseRange, RANGE_IGNORED, RANGE_UNSATISFIABLE } from "../http/range.ts";
import { isNullBodyStatus } from "../http/status.ts";

/** By which of the three ways a file came to be the answer. */
export type FileSource = "response" | "route" | "directory";

/** What is known of the file. */
export interface AnsweringFile {
  readonly source: FileSource;
  /** Bytes in the whole file. */
  readonly size: number;
  /** Last change, in ms since 1970. */
  readonly mtimeMs: number;
  /** Media type of the Blob, or by the name's extension. */
  readonly type: string;
  /** Name, with or without folders, for Content-Disposition; "" for none. */
  readonly name: string;
  /** First byte of the slice; 0 for a whole file. May lie behind the end. */
  readonly start: number;
  /** Byte behind the slice; Infinity for a whole file. May lie behind the end. */
  readonly end: number;
}

/** What of a response's own fields matters here. */
export interface FileFields {
  /** Content-Type; null for none, "" for an empty one. */
  readonly type: string | null;
  readonly hasContentRange: boolean;
  readonly hasContentDisposition: boolean;
  /** ETag; "" for none. */
  readonly etag: string;
  /** Last-Modified; null for none. */
  readonly lastModified: string | null;
}

/** What a request says about the bytes it wants. */
export interface FileRequest {
  /** Index into `METHODS` of `http/method.ts`. */
  readonly method: number;
  /** Value of the first Range field; "" for none. */
  readonly range: string;
  readonly conditions: Conditions;
}

/** The answer, but for Date and the response's own fields. */
export interface FileAnswer {
  readonly status: number;
  /** Content-Type to send; "" for none, or where the response's own fields have it. */
  readonly type: string;
  /** Further fields: lines with their CRLF, latin-1; "" for none. */
  readonly fields: string;
  /** First byte of the file to send. */
  readonly offset: number;
  /** Number of bytes to send; 0 for HEAD and for answers without content. */
  readonly length: number;
  /** Content-Length to send; -1 for none. */
  readonly contentLength: number;
}

const ACCEPT_RANGES = "accept-ranges: bytes\r\n";
const date = new HttpDate();

/**
 * Decides how a file is sent.
 *
 * @param fields the response's own fields (`fileFieldsOf`); null when it has none, and for directories
 * @param status the response's status; 200 for directories
 */
export function answerFile(
  file: AnsweringFile,
  fields: FileFields | null,
  status: number,
  request: FileRequest,
): FileAnswer {
  const start = Math.min(file.start, file.size);
  const length = Math.max(0, Math.min(file.end, file.size) - start);
  return file.source === "response"
    ? answerResponse(file, fields, status, request, start, length)
    : answerRoute(file, fields, status, request, start, length);
}

function answerResponse(
  file: AnsweringFile,
  fields: FileFields | null,
  status: number,
  request: FileRequest,
  start: number,
  length: number,
): FileAnswer {
  if (isBodiless(status)) return without(status, "", "");
  const isHead = request.method === METHOD_HEAD;
  // What the file implies is left out of answers without content, unless the response has fields of its own.
  const type = fields?.type ? "" : file.type;
  const typeWithoutContent = fields === null ? "" : type;
  if (isHead) {
    return { status, type: typeWithoutContent, fields: "", offset: start, length: 0, contentLength: length };
  }
  const hasContentRange = fields?.hasContentRange ?? false;
  let lines = disposition(file, fields);
  if (length < file.size) {
    if (!hasContentRange)
      lines += `content-range: bytes ${start}-${Math.max(start, start + length - 1)}/*\r\n`;
    return { status: 206, type, fields: lines, offset: start, length, contentLength: length };
  }
  // Bun.serve does not look at Range for a slice that reaches beyond the file either.
  const isWhole = file.end === file.size || file.end === Number.POSITIVE_INFINITY;
  if (
    isWhole &&
    request.method === METHOD_GET &&
    status === 200 &&
    request.range !== "" &&
    !hasContentRange
  ) {
    const modified = parseSeconds(fields?.lastModified ?? "");
    if (isRangeCurrent(request.conditions.ifRange, fields?.etag ?? "", modified)) {
      const range = parseRange(request.range, length);
      if (range === RANGE_UNSATISFIABLE) {
        return without(416, typeWithoutContent, unsatisfied(length));
      }
      if (range !== RANGE_IGNORED) {
        lines += contentRange(range.start, range.length, length);
        return {
          status: 206,
          type,
          fields: lines,
          offset: range.start,
          length: range.length,
          contentLength: range.length,
        };
      }
    }
  }
  return { status, type, fields: lines, offset: start, length, contentLength: length };
}

function answerRoute(
  file: AnsweringFile,
  fields: FileFields | null,
  status: number,
  request: FileRequest,
  start: number,
  length: number,
): FileAnswer {
  const isDirectory = file.source === "directory";
  const type = fields?.type ? "" : file.type;
  const fileSeconds = Math.floor(file.mtimeMs / 1000);
  const etag = isDirectory ? weakTag(file.size, fileSeconds) : (fields?.etag ?? "");
  const ownModified = fields?.lastModified ?? null;
  let lines = ownModified === null ? `last-modified: ${date.format(file.mtimeMs)}\r\n` : "";
  if (isDirectory) lines += `etag: ${etag}\r\n`;
  if (isBodiless(status)) return without(status, type, lines);
  const isHead = request.method === METHOD_HEAD;
  if (status === 200 && (isHead || request.method === METHOD_GET)) {
    // A date that cannot be read is as good as none: the file's counts.
    const ownSeconds = ownModified === null ? Number.NaN : parseSeconds(ownModified);
    const modified = Number.isNaN(ownSeconds) ? fileSeconds : ownSeconds;
    const verdict = judgeConditions(request.conditions, etag, modified);
    if (verdict !== PROCEED) return without(verdict === NOT_MODIFIED ? 304 : 412, type, lines);
    if (
      request.range !== "" &&
      !(fields?.hasContentRange ?? false) &&
      isRangeCurrent(request.conditions.ifRange, etag, modified)
    ) {
      const range = parseRange(request.range, length);
      if (range === RANGE_UNSATISFIABLE) return without(416, type, lines + unsatisfied(length));
      if (range !== RANGE_IGNORED) {
        return {
          status: 206,
          type,
          fields: lines + contentRange(range.start, range.length, length),
          offset: start + range.start,
          length: isHead ? 0 : range.length,
          contentLength: range.length,
        };
      }
    }
  }
  if (isDirectory) lines += ACCEPT_RANGES;
  return { status, type, fields: lines, offset: start, length: isHead ? 0 : length, contentLength: length };
}

/** Statuses whose answers have no content, whatever the body: 101, 204, 205, 304. */
function isBodiless(status: number): boolean {
  return status === 205 || isNullBodyStatus(status);
}

function without(status: number, type: string, fields: string): FileAnswer {
  // 205 is framed like any other status (RFC 9112 section 6.3), so its length must be said.
  const contentLength = isNullBodyStatus(status) ? -1 : 0;
  return { status, type, fields, offset: 0, length: 0, contentLength };
}

function contentRange(start: number, length: number, size: number): string {
  return `content-range: bytes ${start}-${start + length - 1}/${size}\r\n${ACCEPT_RANGES}`;
}

function unsatisfied(size: number): string {
  return `content-range: bytes */${size}\r\n${ACCEPT_RANGES}`;
}

/** The entity tag of a file below a directory route: weak, since a second may hold two versions of the same size. */
function weakTag(size: number, seconds: number): string {
  return `W/"${size.toString(16)}-${seconds.toString(16)}"`;
}

function disposition(file: AnsweringFile, fields: FileFields | null): string {
  if (fields?.hasContentDisposition || file.name === "" || !isToBeSaved(fields?.type ?? file.type)) return "";
  const name = file.name.slice(file.name.lastIndexOf("/") + 1);
  if (name === "" || /["\r\n\0]/.test(name)) return "";
  // Field values are written as latin-1, one character a byte; names go out in UTF-8.
  const bytes = /[^\0-\x7f]/.test(name) ? Buffer.from(name, "utf8").toString("latin1") : name;
  return `content-disposition: filename="${bytes}"\r\n`;
}

const SHOWN = /^(?:(?:text|image|audio|video|font)\/.|application\/(?:json|geo\+json|wasm)(?:;|$))/;

/** Whether a browser would rather save a type than show it, as Bun.serve judges: case matters. "" is not saved. */
function isToBeSaved(type: string): boolean {
  return type !== "" && !SHOWN.test(type);
}

/**
 * Takes from a response's fields what `answerFile` needs.
 *
 * `headers` of a file response shows the type of the file as a Content-Type, whether the program set it or not.
 *
 * @param type the type of the Blob
 * @returns null when the response has no fields of its own
 */
export function fileFieldsOf(headers: Headers, type: string): FileFields | null {
  const ownType = headers.get("content-type");
  const count = (headers as Headers & { readonly count: number }).count;
  if (count === 0 || (count === 1 && ownType === type)) return null;
  return {
    type: ownType,
    hasContentRange: headers.has("content-range"),
    hasContentDisposition: headers.has("content-disposition"),
    etag: headers.get("etag") ?? "",
    lastModified: headers.get("last-modified"),
  };
}
