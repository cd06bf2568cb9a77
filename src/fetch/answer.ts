/**
 * Turns a Response into an answer on the wire.
 *
 * Runs on the thread that runs the handler. A body in memory is read synchronously and goes out with its head; a file
 * or an unknown pending body is read first; a stream is pumped (`answer-stream.ts`).
 */
import { CLOSE, INLINE_ANSWER_BYTES, OWNED } from "../channel/messages.ts";
import { TASK_CLOSES, TASK_HTTP_1_0 } from "../channel/task-record.ts";
import { writeUtf8 } from "../http/latin1.ts";
import { METHOD_HEAD } from "../http/method.ts";
import { isNullBodyStatus } from "../http/status.ts";
import {
  answerHead,
  FRAMING_CHUNKED,
  FRAMING_CLOSE,
  FRAMING_NONE,
  JSON_TYPE,
  TEXT_TYPE,
} from "./answer-head.ts";
import { pumpStream } from "./answer-stream.ts";
import { codedTypeError } from "./coded-error.ts";
import type { Exchange } from "./exchange.ts";
import type * as FileAnswers from "./file-answer.ts";
import { fileReferenceOf } from "./file-reference.ts";
import type * as FileResponders from "./file-responder.ts";
import { withoutFrames } from "./own-frames.ts";
import {
  bodyKindOf,
  bodyTextOf,
  isBare,
  isForeign,
  isTextSent,
  KIND_BLOB,
  KIND_BYTES,
  KIND_JSON,
  KIND_STREAM,
  KIND_UNKNOWN,
  lights,
  noteTextSent,
} from "./response-notes.ts";

const NO_BYTES = new Uint8Array(0);
/** Bodies from this length on are freed as soon as they are sent; shorter ones are left to the collector. */
const FREED_BYTES: number = 64 * 1024;
/** Strings up to this length are encoded to memory that is used again for the next one. */
export const SCRATCH_CHARACTERS: number = INLINE_ANSWER_BYTES / 3;
/** That memory. */
export const scratch: Buffer = Buffer.allocUnsafeSlow(INLINE_ANSWER_BYTES);

/** What the answer must know of the request; taken before the exchange gives its head back. */
export interface AnswerShape {
  readonly isHead: boolean;
  readonly isHttp10: boolean;
  readonly closes: boolean;
}

/** For how long, in ms, the two clocks are taken to run alike. */
const CLOCK_CHECK_MS = 50;
let checkedAtMs = Number.NaN;
let checkedWallMs = 0;

/**
 * The wall clock for Date. To read it costs as much as to write the head: for an answer that its handler gives at once it is
 * told by the time at which that was called.
 */
export function wallMs(exchange: Exchange): number {
  const { startMs } = exchange;
  if (exchange.isKept || startMs === 0) return Date.now();
  const sinceMs = startMs - checkedAtMs;
  if (sinceMs >= 0 && sinceMs < CLOCK_CHECK_MS) return checkedWallMs + sinceMs;
  checkedAtMs = startMs;
  checkedWallMs = Date.now();
  return checkedWallMs;
}

/** The response's fields, or null where it has none but what its kind implies. */
function fieldsOf(response: Response): Headers | null {
  if (isBare(response)) return null;
  const headers = response.headers as Headers & { readonly count: number };
  return headers.count === 0 ? null : headers;
}

/** The fields of a response without a body: a Blob or file that it has nevertheless does not give it a type. */
function withoutImpliedType(response: Response): Headers | null {
  const fields = fieldsOf(response);
  if (fields === null || bodyKindOf(response) !== KIND_BLOB) return fields;
  const blob = Bun.peek(response.blob());
  if (!(blob instanceof Blob) || fields.get("content-type") !== blob.type) return fields;
  const others = new Headers(fields);
  others.delete("content-type");
  return others;
}

/**
 * Sends a response.
 *
 * @param fail called with the reason, before anything was sent, when the response cannot be: its body was read already,
 *   its file is missing, its status is 0
 */
export function sendResponse(exchange: Exchange, response: Response, fail: (error: unknown) => void): void {
  try {
    if (lights === null) send(exchange, response, fail);
    else if (!lights.send(exchange, response, fail)) send(exchange, lights.resolve(response), fail);
  } catch (error) {
    // A stream that somebody else reads, a field that cannot be read.
    fail(error);
  }
}

function send(exchange: Exchange, response: Response, fail: (error: unknown) => void): void {
  const view = exchange.view;
  if (exchange.isDone || view === null) {
    response.body?.cancel().catch(() => {});
    return;
  }
  const flags = view.flags;
  const isHead = view.method === METHOD_HEAD;
  const closes = (flags & TASK_CLOSES) !== 0 ? CLOSE : 0;
  const status = response.status;
  if (status === 0 || response.bodyUsed) {
    fail(status === 0 ? statusZero() : answerBodyUsed());
    return;
  }
  if (isNullBodyStatus(status) || status === 101) {
    const head = answerHead(status, withoutImpliedType(response), "", FRAMING_NONE, Date.now());
    exchange.answer(head.text, null, closes | (head.closes ? CLOSE : 0));
    return;
  }
  const noted = bodyKindOf(response);
  // Whoever has its fields may have taken the type out of them.
  const kind = noted === KIND_JSON && !isBare(response) ? KIND_UNKNOWN : noted;
  if (kind === KIND_STREAM && response.body?.locked) {
    fail(streamUsed());
    return;
  }
  if (kind === KIND_STREAM) {
    sendStream(exchange, response, isHead, (flags & TASK_HTTP_1_0) !== 0, closes);
    return;
  }
  if (kind === KIND_BLOB) {
    sendBlob(exchange, response, isHead, closes, fail);
    return;
  }
  if (kind === KIND_UNKNOWN && isForeign(response)) {
    sendForeign(exchange, response, isHead, (flags & TASK_HTTP_1_0) !== 0, closes);
    return;
  }
  const text = bodyTextOf(response);
  if (text !== null && text.length <= SCRATCH_CHARACTERS) {
    noteTextSent(response);
    // Known to be this string, it need not be read back from the Response.
    const given = writeUtf8(scratch, text, 0);
    sendBytes(exchange, status, fieldsOf(response), scratch, kind, isHead, closes, given);
    return;
  }
  if (text === null && isTextSent(response)) {
    fail(answerBodyUsed());
    return;
  }
  // Before the body is read: the type that a Blob, a form or parameters imply is gone from the fields afterwards.
  const fields = fieldsOf(response);
  const promise = response.bytes();
  const bytes = Bun.peek(promise);
  if (bytes instanceof Uint8Array) {
    sendBytes(exchange, status, fields, bytes, kind, isHead, closes);
    return;
  }
  promise.then((read) => sendBytes(exchange, status, fields, read, kind, isHead, closes), fail);
}

/** Sends a body in memory: the first `given` of `bytes`, which are the exchange's from now on unless they are the scratch. */
function sendBytes(
  exchange: Exchange,
  status: number,
  fields: Headers | null,
  bytes: Uint8Array,
  kind: number,
  isHead: boolean,
  closes: number,
  given: number = bytes.length,
): void {
  // 205 never has content (RFC 9110 section 15.3.6).
  const length = status === 205 ? 0 : given;
  const type = length === 0 ? "" : typeOf(kind);
  const announced = isHead && length === 0 ? announcedLength(fields) : length;
  const head = answerHead(status, fields, type, announced, wallMs(exchange));
  const flags = closes | (head.closes ? CLOSE : 0);
  sendWhole(exchange, head.text, bytes, length, isHead, flags);
}

/** Sends a head and the first `length` of `bytes`, which nobody else has: the Response lets go of them. */
export function sendWhole(
  exchange: Exchange,
  head: string,
  bytes: Uint8Array,
  length: number,
  isHead: boolean,
  flags: number,
): void {
  if (isHead || length === 0) exchange.answer(head, null, flags);
  else exchange.answer(head, bytes, length < FREED_BYTES ? flags : flags | OWNED, length);
}

function sendBlob(
  exchange: Exchange,
  response: Response,
  isHead: boolean,
  closes: number,
  fail: (error: unknown) => void,
): void {
  const { status } = response;
  const headers = fieldsOf(response);
  const pending = response.blob();
  const blob = Bun.peek(pending);
  if (!(blob instanceof Blob)) {
    pending.then((read) => sendMemory(exchange, status, headers, read, isHead, closes, fail), fail);
    return;
  }
  const reference = fileReferenceOf(blob);
  if (reference === null) {
    sendMemory(exchange, status, headers, blob, isHead, closes, fail);
    return;
  }
  // With `require`: a thread starts sooner without it, and most answer with no file.
  const { fileFieldsOf } = require("./file-answer.ts") as typeof FileAnswers;
  const { sendFile } = require("./file-responder.ts") as typeof FileResponders;
  const fields = headers === null ? null : fileFieldsOf(headers, reference.type);
  const result = sendFile(exchange, exchange.host.files, reference, {
    status,
    headers: fields === null ? null : headers,
    fields,
    source: "response",
  });
  if (result instanceof Error) fail(withoutFrames(result));
  else if (result === "stream")
    sendResponse(exchange, new Response(blob.stream(), { status, headers: headers ?? {} }), fail);
}

/** Sends a Blob that is not a file of ours to open. */
function sendMemory(
  exchange: Exchange,
  status: number,
  headers: Headers | null,
  blob: Blob,
  isHead: boolean,
  closes: number,
  fail: (error: unknown) => void,
): void {
  const pending = blob.bytes();
  const bytes = Bun.peek(pending);
  if (bytes instanceof Uint8Array) {
    sendBytes(exchange, status, headers, bytes, KIND_BLOB, isHead, closes);
    return;
  }
  pending.then((read) => sendBytes(exchange, status, headers, read, KIND_BLOB, isHead, closes), fail);
}

/** The type that a kind implies. */
export function typeOf(kind: number): string {
  if (kind === KIND_JSON) return JSON_TYPE;
  return kind === KIND_BYTES ? "application/octet-stream" : TEXT_TYPE;
}

/** The length that a HEAD answer without a body gives in its fields, which is what GET would send; else 0. */
function announcedLength(fields: Headers | null): number {
  const text = fields?.get("content-length") ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

/** Sends a body of which nothing is known: one that has ended by its first flush was in memory, most likely as text. */
function sendForeign(
  exchange: Exchange,
  response: Response,
  isHead: boolean,
  isHttp10: boolean,
  closes: number,
): void {
  const { status, body } = response;
  if (body === null) {
    sendBytes(exchange, status, fieldsOf(response), NO_BYTES, KIND_UNKNOWN, isHead, closes);
    return;
  }
  sendStream(exchange, response, isHead, isHttp10, closes, TEXT_TYPE);
}

/** @param typeInMemory the implied type of a body that has ended by its first flush; "" for none */
function sendStream(
  exchange: Exchange,
  response: Response,
  isHead: boolean,
  isHttp10: boolean,
  closes: number,
  typeInMemory: string = "",
): void {
  const stream = response.body;
  if (isHead || stream === null) {
    const framing = isHttp10 ? FRAMING_CLOSE : isHead ? FRAMING_CHUNKED : 0;
    const head = answerHead(response.status, fieldsOf(response), "", framing, Date.now());
    stream?.cancel().catch(() => {});
    exchange.answer(head.text, null, closes | (head.closes ? CLOSE : 0));
    return;
  }
  pumpStream(exchange, stream, (length) => {
    const framing = length >= 0 ? length : isHttp10 ? FRAMING_CLOSE : FRAMING_CHUNKED;
    const head = answerHead(
      response.status,
      fieldsOf(response),
      length > 0 ? typeInMemory : "",
      framing,
      Date.now(),
    );
    return {
      text: head.text,
      flags: closes | (head.closes ? CLOSE : 0),
      isChunked: framing === FRAMING_CHUNKED,
    };
  });
}

/** The answer that is sent when there is no Response: head and body in one, framed by their length. */
export function sendText(exchange: Exchange, status: number, type: string, text: string): void {
  const view = exchange.view;
  if (exchange.isDone || view === null) return;
  const bytes = Buffer.from(text);
  const head = answerHead(status, null, type, status === 204 ? FRAMING_NONE : bytes.length, Date.now());
  const closes = (view.flags & TASK_CLOSES) !== 0 ? CLOSE : 0;
  const isEmpty = view.method === METHOD_HEAD || bytes.length === 0;
  exchange.answer(head.text, isEmpty ? null : bytes, closes);
}

/** The error of a response that was sent or read before. */
export function answerBodyUsed(): TypeError {
  return codedTypeError(
    "Response body already used. A Response body can only be sent once; create a new Response for each request.",
    "ERR_BODY_ALREADY_USED",
  );
}

/** A stream that somebody else reads. */
function streamUsed(): Error {
  return Object.assign(new Error("Stream already used, please create a new one"), {
    code: "ERR_STREAM_CANNOT_PIPE",
  });
}

function statusZero(): Error {
  return new Error(
    "Cannot send a Response with status 0. HTTP status codes must be between 100 and 999 (Response.error() returns status 0).",
  );
}
