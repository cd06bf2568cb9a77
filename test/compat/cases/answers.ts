/** The response side of the wire (BUN-SERVE.md section 8). */
import type { WireCase } from "../wire.ts";
import { bytesOf, type Draft, raw, request, suite } from "./build.ts";

const get = (names: string, more: Partial<Draft> = {}): Draft[] =>
  names.split(" ").map((name) => request(`answer-${name}`, `/${name}`, [], undefined, more));

const closes = { closes: true };
const bodies: Draft[] = [
  ...get(
    "string unicode latin1 number object boolean empty null undefined none bytes array-buffer buffer view",
  ),
  ...get("uint16 subarray empty-bytes empty-blob blob blob-untyped blob-bytes form params json json-status"),
  ...get("json-own-type redirect redirect-301 redirect-url large promise slow thenable clone touched-body"),
  ...get("static-response compressed"),
];

const fields: Draft[] = [
  ...get(
    "own-type own-type-bytes own-type-empty empty-type blob-own-type params-own-type own-length own-coding",
  ),
  ...get(
    "own-encoding own-date own-date-empty own-server keep-alive cookies repeated latin1-field empty-field",
  ),
  ...get("many-fields long-field 304-length"),
  ...get("close close-case close-list", closes),
];

const STATUSES = [
  200, 201, 202, 203, 205, 206, 207, 208, 226, 299, 300, 301, 302, 303, 305, 306, 307, 308, 399, 400, 401,
  402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422, 423, 424,
  425, 426, 428, 429, 431, 451, 499, 500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511, 599,
];
const statuses: Draft[] = [
  ...STATUSES.map((status) => request(`status-${status}`, `/status/${status}`)),
  ...[204, 304].map((status) => request(`status-${status}-with-body`, `/status/${status}`)),
  ...[204, 205, 304, 404, 500].map((status) => request(`status-${status}-empty`, `/status-empty/${status}`)),
  ...[200, 204, 304].map((status) => request(`status-${status}-typed`, `/status-typed/${status}`)),
];

const streams: Draft[] = [
  ...get("generator generator-function iterable stream stream-bytes stream-text-type stream-sync stream-one"),
  ...get("stream-empty stream-empty-chunk stream-started stream-closed stream-byte-type stream-direct"),
  ...get("stream-status stream-204 stream-large stream-own-length transform"),
  request("answer-echo", "POST /echo", ["Content-Type: text/x"], "echoed"),
  request("answer-echo-none", "POST /echo"),
  request("answer-echo-large", "POST /echo", [], "e".repeat(200_000)),
  request("answer-echo-blob", "POST /echo-response", ["Content-Type: text/x"], "echoed"),
  raw("stream-1.0", "GET /stream HTTP/1.0\r\nHost: a\r\n\r\n", closes),
  raw("generator-1.0", "GET /generator HTTP/1.0\r\nHost: a\r\n\r\n", closes),
  raw("string-1.0", "GET /string HTTP/1.0\r\nHost: a\r\n\r\n", closes),
  request("stream-close", "/stream", ["Connection: close"], undefined, closes),
  request("string-close", "/string", ["Connection: close"], undefined, closes),
  raw("stream-twice", [bytesOf("/stream"), { answers: 1 }, bytesOf("/stream")], { answers: 2 }),
  request("accept-encoding", "/large", ["Accept-Encoding: gzip, br"]),
  request("range-of-string", "/string", ["Range: bytes=0-0"]),
  request("if-none-match-string", "/own-server", ['If-None-Match: W/"1"']),
  request("te-trailers", "/stream", ["TE: trailers"]),
];

const HEADS =
  "string bytes empty blob json stream stream-sync own-date cookies status/204 status/304 status/404 close";
const heads: Draft[] = HEADS.split(" ").map((name) =>
  request(`head-${name.replace("/", "-")}`, `HEAD /${name}`, [], undefined, name === "close" ? closes : {}),
);

/** All of them. */
export const answerCases: readonly WireCase[] = [
  ...suite("8.3", "answers", bodies),
  ...suite("8.1", "answers", fields),
  ...suite("8.2", "answers", statuses),
  ...suite("8.3", "answers", streams),
  ...suite("8.4", "answers", heads),
];
