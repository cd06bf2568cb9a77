/**
 * Measures the request parser beside llhttp, on the same bytes: nanoseconds for each complete request, handed over in one
 * piece, and MB/s; then what a field name or value costs to decode.
 *
 * llhttp is measured twice: as wasm here (./support/llhttp.ts), and as node:http has it, native, in a process of Node
 * (./support/node-parser.mjs). node:http makes strings of all fields; ours and the wasm one note where they are.
 * Run: `bun run bench/parser.ts`. Void if another process uses the same core.
 */

import { bench, group, run } from "mitata";
import { decodeName } from "../src/http/header-names.ts";
import { DEFAULT_LIMITS } from "../src/http/limits.ts";
import { decodeFieldName, decodeFieldValue, FIELD_NUMBERS, RequestHead } from "../src/http/request-head.ts";
import { END, HEAD, NEED_DATA, RequestParser } from "../src/http/request-parser.ts";
import { Llhttp } from "./support/llhttp.ts";
import { digits, printTable } from "./support/report.ts";

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

const llhttp = new Llhttp();
const requests: Readonly<Record<string, string>> = {
  wrk: WRK,
  curl: CURL,
  browser: BROWSER,
  chunked: CHUNKED,
};

for (const [name, text] of Object.entries(requests)) {
  // As in a dispatcher: the input buffer is larger than the request and lies in shared memory.
  const bytes = Buffer.from(new SharedArrayBuffer(16384), 0, 16384);
  bytes.write(text, "latin1");
  const exact = bytes.subarray(0, text.length);
  llhttp.completed = 0;
  llhttp.execute(exact);
  if (llhttp.completed !== 1) throw new Error(`llhttp did not take ${name} for one request`);
  group(`${name} (${text.length} B)`, () => {
    bench(`epollo: ${name}`, () => parseOne(bytes, text.length));
    bench(`llhttp, wasm: ${name}`, () => llhttp.execute(exact));
  });
}

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

/** What node:http's parser takes in nanoseconds for each request under a runtime; null without it or its binding. */
function measureNode(runtime: string): Record<string, number> | null {
  if (Bun.which(runtime) === null) return null;
  const program = new URL("./support/node-parser.mjs", import.meta.url).pathname;
  const child = Bun.spawnSync([runtime, "--no-deprecation", program, JSON.stringify(requests)]);
  return child.success ? (JSON.parse(child.stdout.toString()) as Record<string, number>) : null;
}

const { benchmarks } = await run();
const averages = new Map(benchmarks.map(({ alias, runs }) => [alias, runs[0]?.stats?.avg ?? Number.NaN]));
const nodeNs = measureNode("node");
const bunNs = measureNode(process.execPath);
console.log(
  "\nns for each request, and MB/s; node:http's parser is native llhttp with strings for all fields",
);
printTable(
  [
    "request",
    "bytes",
    "epollo",
    "MB/s",
    "llhttp wasm",
    "MB/s",
    "node:http, Bun",
    "MB/s",
    "node:http, Node",
    "MB/s",
  ],
  Object.entries(requests).map(([name, text]) => {
    const each = [
      averages.get(`epollo: ${name}`),
      averages.get(`llhttp, wasm: ${name}`),
      bunNs?.[name],
      nodeNs?.[name],
    ];
    const cells = each.flatMap((ns = Number.NaN) => [digits(ns), digits((text.length / ns) * 1000)]);
    return [name, String(text.length), ...cells];
  }),
);
