/** Routes (BUN-SERVE.md sections 7, 11.1 and 11.2). */
import type { WireCase } from "../wire.ts";
import { type Draft, raw, request, suite } from "./build.ts";

const route = (id: string, line: string, fields: readonly string[] = [], body?: string): Draft =>
  request(`route-${id}`, line, fields, body);

const MATCHES =
  "/ /literal /literal/ /literal/x /Case /case /LITERAL /literal?x=1 /a%20b /n/five /n/six /n/ /n /n/a/b /p/1/2 " +
  "/p/1/fixed /p/1/ /p//2 /p/a%20b%2Fc/%FF /p/a+b/%C3%A9 /p/%zz/x /r/lit/x /r/lit/y /r/o/y /r/o/x /q/lit/z /q/a/z " +
  "/q/lit/q /v/1/b/c /v/1/b/d /v/1 /v/ /v /w/ /w/x /w/x/y/z /w /w?x /w/a%2Fb /a/1/b /a/1 /a/1/c/b /odd/1-2 /ext/x.json " +
  "/ext/x /opt/x /opt/ /opt /star/x /star/x/y /any/x /any/ /pre/pre:a /pre/prex /same/1 /no /covered/x /covered/no " +
  "/covered/no/yes /covered/no/other /covered/none/a /covered/none/yes /covered/param/1 /undefined //literal /./literal " +
  "/x/../literal /literal#x /n/five#x /n/%66ive /throw /undefined-answer /async /arguments /tag /params-object/7 /clone/7";

const matching: Draft[] = MATCHES.split(" ").map((target) => route(target, target));

const METHOD_LINES =
  "POST /m/get|HEAD /m/get|PROPFIND /m/get|GET /m/post|POST /m/post|PUT /m/both|POST /m/both|HEAD /m/both|HEAD /m/head|" +
  "GET /m/extra|PROPFIND /m/extra|POST /m/extra|GET /m/one|POST /m/one|GET /m/static|POST /m/static|PUT /m/static|" +
  "HEAD /m/static|GET /f/x|POST /f/x|PUT /f/x|DELETE /f/x|POST /f/y|GET /f/y|DELETE /literal|OPTIONS /m/get|" +
  "CONNECT /m/all|DELETE /m/all|OPTIONS /m/all|PATCH /m/all|PUT /m/all|TRACE /m/all|HEAD /m/all|PURGE /m/all|HEAD /literal";

const methods: Draft[] = METHOD_LINES.split("|").map((line) => route(line.replace(" ", ""), line));

const details: Draft[] = [
  route("body", "POST /body/7", [], "content"),
  raw("route-1.0", "GET /literal HTTP/1.0\r\nHost: a\r\n\r\n", { closes: true }),
  raw("route-no-host-1.0", "GET /n/5 HTTP/1.0\r\n\r\n", { closes: true }),
  raw("route-absolute", "GET http://test.local/literal HTTP/1.1\r\nHost: test.local\r\n\r\n"),
  route("long-param", `/n/${"x".repeat(5000)}`),
  route("utf8-param", "/n/\xc3\xa9"),
];

const cookies: Draft[] = [
  route("cookies-get", "/cookies/get", ["Cookie: a=1; b=x%20y; c"]),
  route("cookies-get-two-fields", "/cookies/get", ["Cookie: a=1", "Cookie: b=2"]),
  route("cookies-get-none", "/cookies/get"),
  route("cookies-get-bad", "/cookies/get", ["Cookie: ;;=x; a=%zz; a=2"]),
  route("cookies-tag", "/cookies/tag", ["Cookie: a=1"]),
  route("cookies-set", "/cookies/set", ["Cookie: old=1"]),
  route("cookies-full", "/cookies/full"),
  route("cookies-later", "/cookies/later"),
  route("cookies-stream", "/cookies/stream"),
  route("cookies-throw", "/cookies/throw"),
];

const only: Draft[] = [
  request("only-root", "/"),
  request("only-miss", "/nothing"),
  request("only-miss-head", "HEAD /nothing"),
  request("only-miss-post", "POST /nothing", [], "abc"),
  request("only-method", "POST /get"),
  request("only-false", "/no"),
  request("only-false-below", "/w/no"),
  request("only-missing-file", "/missing"),
  request("only-miss-close", "/nothing", ["Connection: close"], undefined, { closes: true }),
];

const TAG = '"47d1e6314ba2bfdd"'; // of "static body", as Bun.serve makes it
const NAMES =
  "text typed json bytes blob params empty null own-etag weak-etag teapot created none not-modified redirect cookies " +
  "own-date own-length last-modified large unicode below/x param/1 only-get get-and-head missing";
const fixed = (id: string, line: string, fields: readonly string[] = []): Draft =>
  request(`static-${id}`, line, fields);

const statics: Draft[] = [
  ...NAMES.split(" ").map((name) => fixed(name, `/${name}`)),
  fixed("close", "/close"),
  ...[
    "text",
    "json",
    "bytes",
    "empty",
    "none",
    "teapot",
    "redirect",
    "large",
    "get-and-head",
    "only-get",
  ].map((name) => fixed(`head-${name}`, `HEAD /${name}`)),
  ...["POST", "DELETE", "PROPFIND", "OPTIONS"].map((method) => fixed(method, `${method} /text`)),
  fixed("method-miss", "POST /only-get"),
  fixed("query", "/text?x=1"),
  request("static-post-body", "POST /text", [], "abc"),
  fixed("none-match", "/text", [`If-None-Match: ${TAG}`]),
  fixed("none-match-weak", "/text", [`If-None-Match: W/${TAG}`]),
  fixed("none-match-star", "/text", ["If-None-Match: *"]),
  fixed("none-match-list", "/text", [`If-None-Match: "x", ${TAG}`]),
  fixed("none-match-other", "/text", ['If-None-Match: "x"']),
  fixed("none-match-garbage", "/text", ["If-None-Match: x"]),
  fixed("none-match-unquoted", "/text", [`If-None-Match: ${TAG.slice(1, -1)}`]),
  fixed("none-match-empty-field", "/text", ["If-None-Match:"]),
  fixed("none-match-head", "HEAD /text", [`If-None-Match: ${TAG}`]),
  fixed("none-match-post", "POST /text", [`If-None-Match: ${TAG}`]),
  fixed("none-match-own", "/own-etag", ['If-None-Match: "mine"']),
  fixed("none-match-own-weak", "/weak-etag", ['If-None-Match: "weak"']),
  fixed("none-match-empty", "/empty", ["If-None-Match: *"]),
  fixed("none-match-teapot", "/teapot", ["If-None-Match: *"]),
  fixed("none-match-created", "/created", ["If-None-Match: *"]),
  fixed("none-match-cookies", "/cookies", ["If-None-Match: *"]),
  fixed("none-match-close", "/only-get", ["If-None-Match: *"]),
  fixed("match", "/text", [`If-Match: ${TAG}`]),
  fixed("match-star", "/text", ["If-Match: *"]),
  fixed("match-other", "/text", ['If-Match: "zzz"']),
  fixed("match-weak", "/text", [`If-Match: W/${TAG}`]),
  fixed("match-list", "/text", [`If-Match: "zzz", ${TAG}`]),
  fixed("match-other-head", "HEAD /text", ['If-Match: "zzz"']),
  fixed("match-other-post", "POST /text", ['If-Match: "zzz"']),
  fixed("match-other-teapot", "/teapot", ['If-Match: "zzz"']),
  fixed("match-and-none-match", "/text", [`If-Match: ${TAG}`, `If-None-Match: ${TAG}`]),
  fixed("modified-since", "/last-modified", ["If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT"]),
  fixed("range", "/text", ["Range: bytes=0-3"]),
  fixed("accept-encoding", "/large", ["Accept-Encoding: gzip"]),
  raw("static-1.0", "GET /text HTTP/1.0\r\nHost: a\r\n\r\n", { closes: true }),
  raw(
    "static-none-match-then",
    [
      `GET /text HTTP/1.1\r\nHost: a\r\nIf-None-Match: ${TAG}\r\n\r\n`,
      { answers: 1 },
      "GET /text HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
    { answers: 2 },
  ),
];

/** All of them. */
export const routeCases: readonly WireCase[] = [
  ...suite("11.1", "routes", [...matching, ...methods, ...details]),
  ...suite("7", "routes", cookies),
  ...suite("11.1", "routes-only", only),
  ...suite("11.2", "static-routes", statics),
];
