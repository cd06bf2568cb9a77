/**
 * Measures the request parser: nanoseconds per complete request, handed over in one piece, and per field name decoded.
 *
 * Run: `bun run bench/parser.ts`. Void if another process uses the same core.
 */

import { bench, run } from "mitata";
import { decodeName } from "../src/http/header-names.ts";
import { DEFAULT_LIMITS } from "../src/http/limits.ts";
import { decodeFieldName, decodeFieldValue, FIELD_NUMBERS, RequestHead } from "../src/http/request-head.ts";
import { END, HEAD, NEED_DATA, RequestParser } from "../src/http/request-parser.ts";

const WRK = "GET / HTTP/1.1\r\nHost: localhost:8080\r\n\r\n";
const CURL =
  "GET /index.html HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: curl/8.14.1\r\nAccept: */*\r\n\r\n";
const BROWSER =
  "GET /articles/2024/how-to-listen?page=2 HTTP/1.1\r\nHost: www.example.com\r\nConnection: keep-alive\r\n" +
  'sec-ch-ua: "Chromium";v="126", "Not.A/Brand";v="24"\r\nsec-ch-ua-mobile: ?0\r\nsec-ch-ua-platform: "Linux"\r\n' +
  "Upgrade-Insecure-Requests: 1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) " +
  "Chrome/126.0.0.0 Safari/537.36\r\nAccept: text/html,application/xhtml+xml,*/*;q=0.8\r\nSec-Fetch-Site: none\r\n" +
  "Accept-Encoding: gzip, deflate, br\r\nAccept-Language: en-GB,en;q=0.9\r\nCookie: session=0123456789abcdef\r\n\r\n";
const CHUNKED =
  "POST /upload HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";

const head = new RequestHead(DEFAULT_LIMITS);
const parser = new RequestParser(DEFAULT_LIMITS);

function parseOne(bytes: Buffer, length: number): number {
  let position = 0;
  for (;;) {
    const event = parser.next(bytes, position, length, head);
    position = parser.position;
    if (event === END) return position;
    if (event === NEED_DATA) throw new Error("incomplete");
    if (parser.error !== null) throw new Error(parser.error.name);
  }
}

function measure(name: string, text: string): void {
  // As in a dispatcher: the input buffer is larger than the request and lies in shared memory.
  const bytes = Buffer.from(new SharedArrayBuffer(16384), 0, 16384);
  bytes.write(text, "latin1");
  bench(`${name} (${text.length} B)`, () => parseOne(bytes, text.length));
}

measure("wrk", WRK);
measure("curl", CURL);
measure("browser", BROWSER);
measure("chunked", CHUNKED);

const names = Buffer.from(BROWSER, "latin1");
const decodeHead = new RequestHead(DEFAULT_LIMITS);
if (new RequestParser(DEFAULT_LIMITS).next(names, 0, names.length, decodeHead) !== HEAD)
  throw new Error("no head");
bench(`decode all ${decodeHead.headerCount} names`, () => {
  let length = 0;
  for (let index = 0; index < decodeHead.headerCount; index++) {
    length += decodeFieldName(names, 0, decodeHead.fields, index * FIELD_NUMBERS).length;
  }
  return length;
});
bench(`decode all ${decodeHead.headerCount} values`, () => {
  let length = 0;
  for (let index = 0; index < decodeHead.headerCount; index++) {
    length += decodeFieldValue(names, 0, decodeHead.fields, index * FIELD_NUMBERS).length;
  }
  return length;
});
const single = Buffer.from("User-Agent");
bench("decode one name", () => decodeName(single, 0, single.length));

await run();
