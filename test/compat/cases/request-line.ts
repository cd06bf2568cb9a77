/** Request lines and targets (BUN-SERVE.md sections 6.2 and 7). */
import type { WireCase } from "../wire.ts";
import { bytesOf, type Draft, raw, request, suite } from "./build.ts";

const METHODS =
  "ACL BIND CHECKOUT COPY DELETE GET HEAD LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY " +
  "OPTIONS PATCH POST PROPFIND PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND " +
  "UNLINK UNLOCK UNSUBSCRIBE";

const methods: Draft[] = METHODS.split(" ").map((method) => request(`method-${method}`, `${method} /m`));

const line = (id: string, requestLine: string, closes = true): Draft =>
  raw(id, `${requestLine}\r\nHost: test.local\r\n\r\n`, { closes });

const refused: Draft[] = [
  line("method-unknown", "FOO / HTTP/1.1"),
  line("method-lower-case", "get / HTTP/1.1"),
  line("method-mixed-case", "Get / HTTP/1.1"),
  line("method-empty", " / HTTP/1.1"),
  line("version-none", "GET /"),
  line("version-2.0", "GET / HTTP/2.0"),
  line("version-1.2", "GET / HTTP/1.2"),
  line("version-0.9", "GET / HTTP/0.9"),
  line("version-lower-case", "GET / http/1.1"),
  line("version-trailing-space", "GET / HTTP/1.1 "),
  line("version-garbage", "GET / FTP/1.1"),
  line("target-asterisk", "OPTIONS * HTTP/1.1", false),
  line("target-without-slash", "GET url HTTP/1.1"),
  line("target-with-space", "GET /a b HTTP/1.1"),
  line("target-with-tab", "GET /a\tb HTTP/1.1"),
  line("target-two-spaces", "GET  / HTTP/1.1"),
  line("target-empty", "GET  HTTP/1.1"),
  raw("line-empty-first", `\r\n${bytesOf("/")}`),
  raw("line-bare-lf", "GET / HTTP/1.1\nHost: test.local\n\n", { closes: true }),
  raw("line-garbage", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", { closes: true }),
  raw("line-http2-preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", { closes: true }),
];

const targets: Draft[] = [
  request("target-root", "/"),
  request("target-query", "/a?b=1&c=%20d"),
  request("target-query-empty", "/a?"),
  request("target-fragment", "/a#part"),
  request("target-dots", "/a/../url/./x"),
  request("target-dots-above", "/../../x"),
  request("target-encoded-dots", "/a/%2e%2e/b"),
  request("target-double-slash", "//url"),
  request("target-double-slash-inside", "/a//b"),
  request("target-trailing-slash", "/a/"),
  request("target-percent", "/a%20b%2Fc%zz"),
  request("target-unwise", '/"<>`{}|^'),
  request("target-backslash", "/a\\b"),
  request("target-colon", "/a:b@c;d=e,f"),
  request("target-non-ascii", "/caf\xe9"),
  request("target-utf8", "/caf\xc3\xa9"),
  request("target-plus", "/a+b?c+d"),
  request("target-question-marks", "/a??b=?c"),
  request("target-long", `/${"x".repeat(8000)}`),
  raw("target-absolute", "GET http://test.local/p?x HTTP/1.1\r\nHost: test.local\r\n\r\n"),
  raw("target-absolute-other-host", "GET http://other.com/p?x HTTP/1.1\r\nHost: test.local\r\n\r\n"),
  raw("target-absolute-https", "GET https://test.local/p HTTP/1.1\r\nHost: test.local\r\n\r\n"),
  raw("target-absolute-no-path", "GET http://test.local HTTP/1.1\r\nHost: test.local\r\n\r\n"),
  raw("target-authority", "CONNECT a.b:443 HTTP/1.1\r\nHost: a.b:443\r\n\r\n"),
];

const host = (id: string, value: string): Draft => raw(id, `GET /url HTTP/1.1\r\nHost: ${value}\r\n\r\n`);

const hosts: Draft[] = [
  host("host-port", "ex.com:8080"),
  host("host-default-port", "ex.com:80"),
  host("host-https-port", "ex.com:443"),
  host("host-upper-case", "EX.com"),
  host("host-ipv4", "127.0.0.1:3000"),
  host("host-ipv6", "[::1]:3000"),
  host("host-underscore", "a_b.ex.com"),
  host("host-trailing-dot", "ex.com."),
  host("host-with-space", "a b"),
  host("host-with-path", "ex.com/evil?"),
  host("host-with-user", "user@ex.com"),
  host("host-empty", ""),
  host("host-port-empty", "ex.com:"),
  host("host-port-garbage", "ex.com:abc"),
  host("host-port-too-big", "ex.com:99999"),
  host("host-percent", "ex%41.com"),
  raw("host-none", "GET /url HTTP/1.1\r\n\r\n", { closes: true }),
  raw("host-none-1.0", "GET /url HTTP/1.0\r\n\r\n", { closes: true }),
  raw("host-1.0", "GET /url HTTP/1.0\r\nHost: ex.com\r\n\r\n", { closes: true }),
  raw("host-two", "GET /url HTTP/1.1\r\nHost: a.com\r\nHost: b.com\r\n\r\n"),
  raw("host-two-equal", "GET /url HTTP/1.1\r\nHost: a.com\r\nHost: a.com\r\n\r\n"),
];

/** All of them. */
export const requestLineCases: readonly WireCase[] = [
  ...suite("6.2", "echo", [...methods, ...refused]),
  ...suite("7", "echo", [...targets, ...hosts]),
];
