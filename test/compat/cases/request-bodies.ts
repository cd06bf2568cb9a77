/** Framing and delivery of request bodies (BUN-SERVE.md sections 6.1, 6.4, 6.5). */
import type { WireCase } from "../wire.ts";
import { bytesOf, type Draft, raw, request, suite } from "./build.ts";

const post = (id: string, fields: readonly string[], body: string, more: Partial<Draft> = {}): Draft =>
  raw(id, bytesOf("POST /b", fields) + body, more);
const refused = (id: string, fields: readonly string[], body: string): Draft =>
  post(id, fields, body, { closes: true });
const CHUNKED = "Transfer-Encoding: chunked";
const chunked = (id: string, body: string, more: Partial<Draft> = {}): Draft =>
  post(id, [CHUNKED], body, more);
const badChunk = (id: string, body: string): Draft => chunked(id, body, { closes: true });

const delivered: Draft[] = [
  request("body-length", "POST /b", [], "abc"),
  request("body-latin1", "POST /b", [], "caf\xe9"),
  request("body-utf8", "POST /b", [], "caf\xc3\xa9"),
  request("body-bom", "POST /b", [], "\xef\xbb\xbfabc"),
  request("body-nul", "POST /b", [], "a\0b"),
  request("body-none", "POST /b"),
  request("body-zero", "POST /b", [], ""),
  request("body-put", "PUT /b", [], "abc"),
  request("body-patch", "PATCH /b", [], "abc"),
  request("body-delete", "DELETE /b", [], "abc"),
  request("body-options", "OPTIONS /b", [], "abc"),
  request("body-get", "GET /b", [], "abc"),
  request("body-head", "HEAD /b", [], "abc"),
  request("body-get-chunked", "GET /b", [CHUNKED], undefined, {
    send: `${bytesOf("GET /b", [CHUNKED])}3\r\nabc\r\n0\r\n\r\n`,
  }),
  request("body-64k", "POST /b", [], "x".repeat(65_536)),
  request("body-1m", "POST /b", [], "y".repeat(1_048_576)),
  request("body-unread", "POST /unread", [], "abc"),
  request("body-unread-1m", "POST /unread", [], "y".repeat(1_048_576)),
  raw("body-in-pieces", [`${bytesOf("POST /b", ["Content-Length: 6"])}ab`, 20, "cd", 20, "ef"]),
  raw("body-late", [bytesOf("POST /b", ["Content-Length: 3"]), 30, "abc"]),
  post("length-twice-equal", ["Content-Length: 3", "Content-Length: 3"], "abc"),
  post("length-blanks", ["Content-Length:  3 "], "abc"),
  post("length-leading-zero", ["Content-Length: 003"], "abc"),
  chunked("chunked-one", "3\r\nabc\r\n0\r\n\r\n"),
  chunked("chunked-three", "1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n0\r\n\r\n"),
  chunked("chunked-empty", "0\r\n\r\n"),
  chunked("chunked-hex-case", "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n"),
  chunked("chunked-leading-zeros", "0003\r\nabc\r\n00\r\n\r\n"),
  chunked("chunked-extension", "3;a=b\r\nabc\r\n0;x\r\n\r\n"),
  chunked("chunked-extension-quoted", '3;a="b c"\r\nabc\r\n0\r\n\r\n'),
  post("chunked-case", ["transfer-encoding: CHUNKED"], "3\r\nabc\r\n0\r\n\r\n"),
  raw("chunked-in-pieces", [
    bytesOf("POST /b", [CHUNKED]),
    20,
    "3\r",
    20,
    "\nab",
    20,
    "c\r\n0\r\n",
    20,
    "\r\n",
  ]),
  raw(
    "expect-continue",
    [bytesOf("POST /b", ["Expect: 100-continue", "Content-Length: 3"]), { answers: 1 }, "abc"],
    { answers: 2 },
  ),
  raw("expect-continue-at-once", bytesOf("POST /b", ["Expect: 100-continue"], "abc"), { answers: 2 }),
  request("expect-continue-case", "POST /b", ["expect: 100-CONTINUE"], "abc"),
  request("expect-continue-get", "GET /b", ["Expect: 100-continue"], undefined, { answers: 2 }),
  request("expect-continue-unread", "POST /unread", ["Expect: 100-continue"], "abc", { answers: 2 }),
  request("expect-other", "POST /b", ["Expect: 200-ok"], "abc"),
];

const malformed: Draft[] = [
  refused("coding-gzip-chunked", ["Transfer-Encoding: gzip, chunked"], "0\r\n\r\n"),
  refused("coding-gzip", ["Transfer-Encoding: gzip"], ""),
  refused("coding-identity", ["Transfer-Encoding: identity"], ""),
  refused("coding-chunked-twice", ["Transfer-Encoding: chunked, chunked"], "0\r\n\r\n"),
  refused("coding-not-last", ["Transfer-Encoding: chunked, gzip"], "0\r\n\r\n"),
  refused("coding-and-length", [CHUNKED, "Content-Length: 5"], "0\r\n\r\n"),
  refused("length-and-coding", ["Content-Length: 5", CHUNKED], "0\r\n\r\n"),
  refused("length-two", ["Content-Length: 3", "Content-Length: 4"], "abc"),
  refused("length-list", ["Content-Length: 5, 5"], "abcde"),
  refused("length-negative", ["Content-Length: -1"], ""),
  refused("length-plus", ["Content-Length: +5"], "abcde"),
  refused("length-letters", ["Content-Length: 5a"], "abcde"),
  refused("length-hex", ["Content-Length: 0x5"], "abcde"),
  refused("length-empty", ["Content-Length:"], ""),
  refused("length-2-64", ["Content-Length: 18446744073709551616"], ""),
  refused("length-too-big", ["Content-Length: 134217729"], ""),
  badChunk("chunk-size-garbage", "x\r\nabc\r\n0\r\n\r\n"),
  badChunk("chunk-size-empty", "\r\nabc\r\n0\r\n\r\n"),
  badChunk("chunk-size-negative", "-3\r\nabc\r\n0\r\n\r\n"),
  badChunk("chunk-size-0x", "0x3\r\nabc\r\n0\r\n\r\n"),
  badChunk("chunk-size-overflow", "fffffffffffffffff\r\nabc\r\n0\r\n\r\n"),
  badChunk("chunk-size-space", " 3\r\nabc\r\n0\r\n\r\n"),
  badChunk("chunk-end-missing", "3\r\nabcd\r\n0\r\n\r\n"),
  badChunk("chunk-bare-lf", "3\nabc\n0\n\n"),
  refused("chunk-trailer", [CHUNKED, "Connection: close"], "3\r\nabc\r\n0\r\nX-T: v\r\n\r\n"),
  raw("coding-1.0", `POST /b HTTP/1.0\r\nHost: a\r\n${CHUNKED}\r\n\r\n3\r\nabc\r\n0\r\n\r\n`, {
    closes: true,
  }),
];

const limited: Draft[] = [
  request("limit-at", "POST /b", [], "0123456789"),
  request("limit-above", "POST /b", [], "0123456789a", { closes: true }),
  request("limit-get", "GET /b", [], "0123456789a"),
  request("limit-unread-above", "POST /unread", [], "0123456789a", { closes: true }),
  chunked("limit-chunked-at", "a\r\n0123456789\r\n0\r\n\r\n"),
  chunked("limit-chunked-above", "b\r\n0123456789a\r\n0\r\n\r\n", { closes: true }),
  chunked("limit-chunked-sum", "6\r\nabcdef\r\n6\r\nabcdef\r\n0\r\n\r\n", { closes: true }),
  raw("limit-expect", bytesOf("POST /b", ["Expect: 100-continue", "Content-Length: 11"]), {
    answers: 2,
    closes: true,
  }),
];

/** All of them. */
export const requestBodyCases: readonly WireCase[] = [
  ...suite("6.4", "echo", [...delivered, ...malformed]),
  ...suite("6.5", "limited", limited),
];
