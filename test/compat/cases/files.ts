/** Files and directories (BUN-SERVE.md sections 11.4 and 12). */
import type { WireCase } from "../wire.ts";
import { type Draft, raw, request, suite } from "./build.ts";

const MODIFIED = "Sun, 02 Feb 2020 02:02:02 GMT";
// Of text.txt: 18 bytes, modified then.
const TAG = `12-${(Date.parse(MODIFIED) / 1000).toString(16)}`;

const answers = (names: string): Draft[] =>
  names.split(" ").map((name) => request(`file-${name}`, `/handler/${name}`));
const ofHandler = (id: string, line: string, fields: readonly string[]): Draft =>
  request(`file-${id}`, line.replace("/", "/handler/"), fields);

const RANGES: readonly (readonly [id: string, value: string])[] = [
  ["first", "bytes=0-4"],
  ["one-byte", "bytes=0-0"],
  ["from", "bytes=10-"],
  ["suffix", "bytes=-3"],
  ["suffix-too-long", "bytes=-100"],
  ["suffix-zero", "bytes=-0"],
  ["end-past", "bytes=10-100"],
  ["at-end", "bytes=18-"],
  ["past", "bytes=100-200"],
  ["whole", "bytes=0-17"],
  ["reversed", "bytes=4-2"],
  ["multiple", "bytes=0-1,3-4"],
  ["unit", "items=0-4"],
  ["garbage", "bytes=a-b"],
  ["empty", "bytes="],
  ["dash", "bytes=-"],
  ["spaces", "bytes= 0-4"],
  ["case", "Bytes=0-4"],
  ["huge", "bytes=0-99999999999999999999"],
  ["huge-start", "bytes=99999999999999999999-"],
];

const handler: Draft[] = [
  ...answers(
    "text empty large image archive json plain slice slice-end slice-whole slice-past slice-negative",
  ),
  ...answers(
    "slice-typed stream own-type file-type own-range own-disposition own-length own-modified status",
  ),
  ...answers("status-206 status-204 fields missing directory proc link"),
  ...RANGES.map(([id, value]) => ofHandler(`range-${id}`, "/text", [`Range: ${value}`])),
  ofHandler("range-empty-file", "/empty", ["Range: bytes=0-0"]),
  ofHandler("range-slice", "/slice", ["Range: bytes=0-1"]),
  ofHandler("range-status", "/status", ["Range: bytes=0-1"]),
  ofHandler("range-own-range", "/own-range", ["Range: bytes=0-1"]),
  ofHandler("range-large", "/large", ["Range: bytes=1000000-1000099"]),
  ofHandler("range-post", "POST /text", ["Range: bytes=0-4"]),
  ofHandler("range-missing", "/missing", ["Range: bytes=0-4"]),
  ofHandler("range-stream", "/stream", ["Range: bytes=0-4"]),
  ofHandler("modified-since", "/text", [`If-Modified-Since: ${MODIFIED}`]),
  ofHandler("none-match", "/text", ["If-None-Match: *"]),
  ofHandler("if-range", "/text", ["Range: bytes=0-4", `If-Range: ${MODIFIED}`]),
  ofHandler("head", "HEAD /text", []),
  ofHandler("head-range", "HEAD /text", ["Range: bytes=0-4"]),
  ofHandler("head-slice", "HEAD /slice", []),
  ofHandler("head-missing", "HEAD /missing", []),
  ofHandler("head-archive", "HEAD /archive", []),
  ofHandler("head-large", "HEAD /large", []),
  raw("file-1.0", "GET /handler/text HTTP/1.0\r\nHost: a\r\n\r\n", { closes: true }),
  request("file-close", "/handler/large", ["Connection: close"], undefined, { closes: true }),
];

const ofRoute = (id: string, line: string, fields: readonly string[] = []): Draft =>
  request(`file-route-${id}`, line.replace("/", "/route/"), fields);

const routes: Draft[] = [
  ..."text response status own-type empty large image archive plain slice missing directory get link 1/x"
    .split(" ")
    .map((name) => ofRoute(name.replace("/", "-"), `/${name}`)),
  ...RANGES.map(([id, value]) => ofRoute(`range-${id}`, "/text", [`Range: ${value}`])),
  ofRoute("range-slice", "/slice", ["Range: bytes=0-1"]),
  ofRoute("range-status", "/status", ["Range: bytes=0-1"]),
  ofRoute("range-empty-file", "/empty", ["Range: bytes=0-0"]),
  ofRoute("range-post", "POST /text", ["Range: bytes=0-4"]),
  ofRoute("range-large", "/large", ["Range: bytes=1000000-1000099"]),
  ofRoute("if-range", "/text", ["Range: bytes=0-4", `If-Range: ${MODIFIED}`]),
  ofRoute("if-range-older", "/text", ["Range: bytes=0-4", "If-Range: Sun, 02 Feb 2020 02:02:01 GMT"]),
  ofRoute("if-range-tag", "/text", ["Range: bytes=0-4", 'If-Range: "x"']),
  ofRoute("modified-since", "/text", [`If-Modified-Since: ${MODIFIED}`]),
  ofRoute("modified-since-later", "/text", ["If-Modified-Since: Sun, 02 Feb 2025 02:02:02 GMT"]),
  ofRoute("modified-since-earlier", "/text", ["If-Modified-Since: Sat, 01 Feb 2020 02:02:02 GMT"]),
  ofRoute("modified-since-garbage", "/text", ["If-Modified-Since: yesterday"]),
  ofRoute("modified-since-post", "POST /text", [`If-Modified-Since: ${MODIFIED}`]),
  ofRoute("modified-since-head", "HEAD /text", [`If-Modified-Since: ${MODIFIED}`]),
  ofRoute("modified-since-range", "/text", [`If-Modified-Since: ${MODIFIED}`, "Range: bytes=0-4"]),
  ofRoute("modified-since-status", "/status", [`If-Modified-Since: ${MODIFIED}`]),
  ofRoute("unmodified-since", "/text", ["If-Unmodified-Since: Sat, 01 Feb 2020 02:02:02 GMT"]),
  ofRoute("none-match", "/text", ["If-None-Match: *"]),
  ofRoute("head", "HEAD /text"),
  ofRoute("head-range", "HEAD /text", ["Range: bytes=0-4"]),
  ofRoute("post", "POST /text"),
  ofRoute("method-miss", "POST /get"),
  ofRoute("head-missing", "HEAD /missing"),
];

const inFolder = (id: string, line: string, fields: readonly string[] = []): Draft =>
  request(`directory-${id}`, line, fields);

const PATHS =
  "text.txt style.css page.html noextension empty.txt .hidden a%20b.txt caf%C3%A9.txt sub sub/ sub/?x=1 sub?x=1 sub/index.html " +
  "sub/inner.txt noindex noindex/ missing missing/ text.txt/ link.txt linked-sub linked-sub/ linked-sub/inner.txt escape " +
  "escape-dir escape-dir/hostname broken ../files sub/../text.txt ./text.txt sub/./inner.txt %2e%2e/x %2E%2E%2Fetc sub%2Finner.txt " +
  "%74ext.txt sub//inner.txt /text.txt text.txt%00 text.txt?query a+b.txt a%2520b.txt sub\\inner.txt over large.bin";

const directories: Draft[] = [
  ...PATHS.split(" ").map((path) => inFolder(path === "" ? "root" : path, `/pub/${path}`)),
  inFolder("root", "/pub/"),
  inFolder("no-slash", "/pub"),
  inFolder("cached", "/cached/text.txt"),
  inFolder("cached-again", "/cached/text.txt"),
  inFolder("deeper", "/sub/deeper/inner.txt"),
  inFolder("deeper-index", "/sub/deeper/"),
  inFolder("head", "HEAD /pub/text.txt"),
  inFolder("head-missing", "HEAD /pub/missing"),
  inFolder("head-redirect", "HEAD /pub/sub"),
  inFolder("post", "POST /pub/text.txt"),
  inFolder("post-missing", "POST /pub/missing"),
  inFolder("delete", "DELETE /pub/text.txt"),
  inFolder("range", "/pub/text.txt", ["Range: bytes=0-4"]),
  inFolder("range-past", "/pub/text.txt", ["Range: bytes=18-"]),
  inFolder("range-head", "HEAD /pub/text.txt", ["Range: bytes=0-4"]),
  inFolder("range-multiple", "/pub/text.txt", ["Range: bytes=0-1,3-4"]),
  inFolder("if-range-date", "/pub/text.txt", ["Range: bytes=0-4", `If-Range: ${MODIFIED}`]),
  inFolder("if-range-weak", "/pub/text.txt", ["Range: bytes=0-4", `If-Range: W/"${TAG}"`]),
  inFolder("none-match", "/pub/text.txt", [`If-None-Match: W/"${TAG}"`]),
  inFolder("none-match-strong", "/pub/text.txt", [`If-None-Match: "${TAG}"`]),
  inFolder("none-match-star", "/pub/text.txt", ["If-None-Match: *"]),
  inFolder("none-match-list", "/pub/text.txt", [`If-None-Match: "x", W/"${TAG}"`]),
  inFolder("none-match-other", "/pub/text.txt", ['If-None-Match: "x"']),
  inFolder("none-match-head", "HEAD /pub/text.txt", ["If-None-Match: *"]),
  inFolder("none-match-over-since", "/pub/text.txt", [
    'If-None-Match: "x"',
    `If-Modified-Since: ${MODIFIED}`,
  ]),
  inFolder("modified-since", "/pub/text.txt", [`If-Modified-Since: ${MODIFIED}`]),
  inFolder("modified-since-earlier", "/pub/text.txt", ["If-Modified-Since: Sat, 01 Feb 2020 02:02:02 GMT"]),
  inFolder("if-match-other", "/pub/text.txt", ['If-Match: "zzz"']),
  raw("directory-1.0", "GET /pub/text.txt HTTP/1.0\r\nHost: a\r\n\r\n", { closes: true }),
];

/** All of them. */
export const fileCases: readonly WireCase[] = [
  ...suite("12", "files", [...handler, ...routes]),
  ...suite("11.4", "directories", directories),
];
