/**
 * Replies the server gives on its own, without a handler, ready to send.
 *
 * They are encoded once. Those that end the connection have no Content-Length: its close delimits them (RFC 9112
 * section 6.3 item 8); the bytes are those of Bun.serve. Those that keep it have `Content-Length: 0`.
 *
 * Thread: any; constant after evaluation. Nobody may write to the buffers.
 * Must not know: who asked, when.
 */

import type { ParseError } from "./parse-error.ts";
import { reasonPhrase } from "./status.ts";

/** Tells a client that waits with its content to go on. Source: RFC 9110 section 15.2.1. */
export const CONTINUE_REPLY: Buffer = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n", "latin1");

/**
 * Refuses content whose announced length is past `maxRequestBodySize`, and closes. The phrase is Bun's for this case.
 */
export const LENGTH_TOO_LARGE_REPLY: Buffer = encode(
  "HTTP/1.1 413 Request Entity Too Large",
  "Connection: close",
);

/** Refuses chunked content that grew past `maxRequestBodySize`, and closes. */
export const BODY_TOO_LARGE_REPLY: Buffer = closing(413);

/** Says that there is too much to do, and closes. */
export const OVERLOADED_CLOSING_REPLY: Buffer = encode(
  statusLine(503),
  "Retry-After: 1",
  "Connection: close",
);

/** Says that there is too much to do, and keeps the connection. */
export const OVERLOADED_REPLY: Buffer = encode(statusLine(503), "Retry-After: 1", "Content-Length: 0");

const closingReplies = new Map<number, Buffer>([[413, BODY_TOO_LARGE_REPLY]]);

/**
 * Gives `HTTP/1.1 <status> <reason>` with `Connection: close` and nothing else; the caller closes the connection after
 * it.
 *
 * @param status - Any status; each is encoded once and kept.
 */
export function errorReply(status: number): Buffer {
  let reply = closingReplies.get(status);
  if (reply === undefined) {
    reply = closing(status);
    closingReplies.set(status, reply);
  }
  return reply;
}

/** Gives the reply to a request that could not be parsed. The caller closes the connection after it. */
export function parseErrorReply(error: ParseError): Buffer {
  return errorReply(error.status);
}

/**
 * Encodes `HTTP/1.1 <status> <reason>` with `Content-Length: 0`, for a reply after which the connection goes on.
 *
 * @param status - Any status that may have content (RFC 9110 section 8.6: not 1xx and 204).
 * @param fields - More field lines, without their CRLF, e.g. `Date: ...`. Latin-1.
 */
export function emptyReply(status: number, ...fields: readonly string[]): Buffer {
  return encode(statusLine(status), ...fields, "Content-Length: 0");
}

function closing(status: number): Buffer {
  return encode(statusLine(status), "Connection: close");
}

function statusLine(status: number): string {
  return `HTTP/1.1 ${status} ${reasonPhrase(status)}`;
}

function encode(...lines: readonly string[]): Buffer {
  return Buffer.from(lines.join("\r\n") + "\r\n\r\n", "latin1");
}
