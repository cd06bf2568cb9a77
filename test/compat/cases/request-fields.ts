/** Field lines, their limits, and keep-alive (BUN-SERVE.md sections 6.1, 6.3, 6.6). */
import type { WireCase } from "../wire.ts";
import { bytesOf, type Draft, raw, request, suite } from "./build.ts";

const line = (id: string, fieldLine: string, closes = false): Draft =>
  raw(id, `GET /f HTTP/1.1\r\nHost: test.local\r\n${fieldLine}\r\n\r\n`, { closes });

const fields: Draft[] = [
  line("field-plain", "X-A: b"),
  line("field-no-space", "X-A:b"),
  line("field-blanks", "X-A: \t b \t "),
  line("field-empty", "X-A:"),
  line("field-inner-blanks", "X-A: a \t b"),
  line("field-latin1", "X-A: caf\xe9"),
  line("field-del", "X-A: a\x7fb"),
  line("field-high-bytes", "X-A: \x80\xff"),
  line("field-name-symbols", "!#$%&'*+-.^_`|~: ok"),
  line("field-twice", "X-A: 1\r\nX-A: 2"),
  line("field-twice-case", "X-A: 1\r\nx-a: 2"),
  line("field-cookie-twice", "Cookie: a=1\r\nCookie: b=2"),
  line("field-sorted", "Z: 1\r\nA: 2\r\nM: 3"),
  line("field-well-known", "Accept: */*\r\nUser-Agent: u\r\nAuthorization: Basic x\r\nReferer: http://r/"),
  line("field-set-cookie", "Set-Cookie: a=1\r\nSet-Cookie: b=2"),
  line("field-numeric-name", "1: one\r\n0: zero"),
  line("field-proto-name", "__proto__: x\r\nconstructor: y"),
  line("field-space-before-colon", "X-A : b", true),
  line("field-leading-space", " X-A: b", true),
  line("field-fold", "X-A: b\r\n c", true),
  line("field-no-colon", "X-A", true),
  line("field-no-name", ": b", true),
  line("field-name-space", "X A: b", true),
  line("field-name-paren", "X(A): b", true),
  line("field-name-high", "X-\xe9: b", true),
  line("field-nul", "X-A: a\0b", true),
  line("field-cr", "X-A: a\rb", true),
  line("field-control", "X-A: a\x01b", true),
  line("field-bare-lf", "X-A: a\nX-B: b", true),
];

// Whole head, request line and final CRLF included, of exactly so many bytes.
function headOf(byteLength: number): string {
  const start = "GET /big HTTP/1.1\r\nHost: test.local\r\nX-Big: ";
  return `${start}${"v".repeat(byteLength - start.length - 4)}\r\n\r\n`;
}

// Host and so many more field lines.
const manyLines = (count: number): string =>
  bytesOf(
    "/unread",
    Array.from({ length: count - 1 }, (_, index) => `X-${index}: v`),
  );

const limits: Draft[] = [
  raw("head-16000", headOf(16_000)),
  raw("head-16384", headOf(16_384)),
  raw("head-16385", headOf(16_385), { closes: true }),
  raw("head-20000", headOf(20_000), { closes: true }),
  raw("head-unfinished", `GET / HTTP/1.1\r\nHost: a\r\nX: ${"v".repeat(17_000)}`, { closes: true }),
  raw("target-20000", bytesOf(`/${"x".repeat(20_000)}`), { closes: true }),
  raw("lines-198", manyLines(198)),
  raw("lines-199", manyLines(199), { closes: true }),
  raw("lines-250", manyLines(250), { closes: true }),
];

const closing = { closes: true };
const keepAlive: Draft[] = [
  request("connection-close", "/c", ["Connection: close"], undefined, closing),
  request("connection-close-case", "/c", ["connection: CLOSE"], undefined, closing),
  request("connection-close-in-list", "/c", ["Connection: keep-alive, close"], undefined, closing),
  request("connection-close-second", "/c", ["Connection: x", "Connection: close"], undefined, closing),
  request("connection-closer", "/c", ["Connection: closer"]),
  request("connection-keep-alive", "/c", ["Connection: keep-alive"]),
  request("connection-upgrade", "/c", ["Connection: Upgrade", "Upgrade: h2c"]),
  request("connection-websocket", "/c", [
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  ]),
  raw("http-1.0", "GET /c HTTP/1.0\r\nHost: a\r\n\r\n", closing),
  raw("http-1.0-keep-alive", "GET /c HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", closing),
  raw("http-1.0-body", "POST /c HTTP/1.0\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", closing),
  raw("http-1.0-head", "HEAD /c HTTP/1.0\r\nHost: a\r\n\r\n", closing),
  raw("second-after-first", [bytesOf("/1"), { answers: 1 }, bytesOf("/2")], { answers: 2 }),
  raw("split-in-line", ["GET /spl", 20, "it HTTP/1.1\r\nHost: a\r\n\r\n"]),
  raw("split-in-field", ["GET /split HTTP/1.1\r\nHo", 20, "st: a\r\n\r", 20, "\n"]),
];

const pipelining: Draft[] = [
  raw("pipeline-20", bytesOf("/unread").repeat(20), { answers: 20 }),
  raw("pipeline-fast-slow", bytesOf("/unread") + bytesOf("/slow"), { answers: 2 }),
  raw("pipeline-slow-fast", bytesOf("/slow") + bytesOf("/unread"), { answers: 2 }),
  raw(
    "pipeline-partial",
    ["GET /slow HTTP/1.1\r\nHost: a\r\n\r\nGET /unr", 150, "ead HTTP/1.1\r\nHost: a\r\n\r\n"],
    {
      answers: 2,
    },
  ),
  raw("pipeline-close-first", bytesOf("/unread", ["Connection: close"]) + bytesOf("/unread"), closing),
  raw("pipeline-bad-second", `${bytesOf("/unread")}BAD\r\n\r\n`, { answers: 2, closes: true }),
  raw("pipeline-body-then-get", bytesOf("POST /unread", [], "abc") + bytesOf("/unread"), { answers: 2 }),
  raw("pipeline-head-get", bytesOf("HEAD /unread") + bytesOf("/unread"), { answers: 2 }),
  raw("half-close-slow", [bytesOf("/slow"), 20, "FIN"], closing),
  raw("half-close-idle", [bytesOf("/unread"), { answers: 1 }, "FIN"], closing),
];

/** All of them. */
export const requestFieldCases: readonly WireCase[] = [
  ...suite("6.3", "echo", fields),
  ...suite("6.1", "echo", limits),
  ...suite("6.6", "echo", [...keepAlive, ...pipelining]),
];
