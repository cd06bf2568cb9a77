/** The Request object (BUN-SERVE.md section 7; requestIP and timeout of section 13). */
import type { WireCase } from "../wire.ts";
import { type Draft, request, suite } from "./build.ts";

const ask = (names: string, fields: readonly string[] = ["X-A: b"]): Draft[] =>
  names.split(" ").map((name) => request(`request-${name}`, `/${name}`, fields));

const facts: Draft[] = [
  ...ask("tag constructor instance own-keys this arguments constants keepalive params cookies"),
  ...ask("headers-set headers-get headers-same headers-json headers-count"),
  ...ask("signal signal-same inspect json-of spread set-url upgrade pending timeout timeout-clone"),
  ...ask("ip ip-keys ip-clone ip-new ip-foreign ip-after-await"),
  ...ask("body-null clone new-request new-request-url clone-used body-used text-twice", ["X-A: b"]),
  request("request-url-parts", "/url-parts?a=1#h", ["X-A: b"]),
  ...ask("cookie-header", ["Cookie: a=1; b=2", "Cookie: c=3"]),
];

const TYPE_FORM = "Content-Type: application/x-www-form-urlencoded";
const MULTIPART = "Content-Type: multipart/form-data; boundary=XX";
const form = '--XX\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--XX--\r\n';

const post = (id: string, name: string, body: string, fields: readonly string[] = []): Draft =>
  request(`request-${id}`, `POST /${name}`, fields, body);

const bodies: Draft[] = [
  post("text", "text", "caf\xc3\xa9"),
  post("text-empty", "text", ""),
  post("text-bad-utf8", "text", "a\xffb"),
  post("text-bom", "text", "\xef\xbb\xbfx"),
  post("json", "json", '{"a":[1,null]}'),
  post("json-open", "json", "{"),
  post("json-empty", "json", ""),
  post("json-bom", "json", "\xef\xbb\xbf1"),
  post("json-garbage", "json", "nope"),
  post("bytes", "bytes", "a\xff"),
  post("array-buffer", "array-buffer", "abc"),
  post("blob", "blob", "abc", ["Content-Type: text/x-own"]),
  post("blob-untyped", "blob", "abc"),
  post("form-urlencoded", "form", "a=1&b=x+y%20z", [TYPE_FORM]),
  post("form-multipart", "form", form, [MULTIPART]),
  post("form-no-type", "form", "a=1"),
  post("form-bad-multipart", "form", "--YY\r\n", [MULTIPART]),
  post("form-wrong-type", "form", "a=1", ["Content-Type: text/plain"]),
  post("text-twice-body", "text-twice", "abc"),
  post("json-after-text", "json-after-text", "{}"),
  post("body-used-body", "body-used", "abc"),
  post("body-tag", "body-tag", "abc"),
  post("body-reader", "body-reader", "x".repeat(100_000)),
  post("body-reader-text", "body-reader-text", "abc"),
  post("body-locked", "body-locked", "abc"),
  post("clone-body", "clone", "abc", ["X-A: b"]),
  post("clone-used-body", "clone-used", "abc"),
  post("new-request-body", "new-request", "abc"),
  post("body-null-empty", "body-null", ""),
  post("body-null-full", "body-null", "abc"),
];

/** All of them. */
export const requestObjectCases: readonly WireCase[] = suite("7", "request-object", [...facts, ...bodies]);
