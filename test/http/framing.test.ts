import { expect, test } from "bun:test";
import { parseFieldLine } from "../../src/http/field-line.ts";
import { decideFraming } from "../../src/http/framing.ts";
import { PARSE_ERROR } from "../../src/http/parse-error.ts";
import { RequestHead } from "../../src/http/request-head.ts";

const BASE = 5;

function decide(lines: readonly string[], minorVersion = 1): [number, number, boolean] {
  const bytes = Buffer.from("#".repeat(BASE) + lines.map((line) => `${line}\r\n`).join(""), "latin1");
  const head = new RequestHead({ headerCount: 10 });
  head.minorVersion = minorVersion;
  for (let position = BASE; position < bytes.length; ) {
    position = parseFieldLine(bytes, position, bytes.length, BASE, head);
    if (position < 0) throw new Error("bad test line");
  }
  return [decideFraming(bytes, BASE, head), head.contentLength, head.isChunked];
}

test("item 7: neither field means no content", () => {
  expect(decide(["a: b"])).toEqual([0, -1, false]);
});

test("items 5 and 6: Content-Length", () => {
  expect(decide(["Content-Length: 0"])).toEqual([0, 0, false]);
  expect(decide(["Content-Length: 9007199254740991"], 0)).toEqual([0, Number.MAX_SAFE_INTEGER, false]);
  expect(decide(["Content-Length: 7", "a: b", "CONTENT-length: 7"])).toEqual([0, 7, false]);
  expect(decide(["Content-Length: 7", "Content-Lengti: 8"])).toEqual([0, 7, false]);
});

test("item 5: invalid or differing Content-Length", () => {
  for (const value of [
    "",
    "-1",
    "+1",
    "1,1",
    "1, 1",
    "1 1",
    "0x1",
    "1a",
    "a",
    "1.0",
    "1e3",
    "\xb2",
    "18446744073709551616",
  ]) {
    expect([value, ...decide([`Content-Length: ${value}`])]).toEqual([
      value,
      -PARSE_ERROR.BAD_CONTENT_LENGTH,
      -1,
      false,
    ]);
    expect(decide(["Content-Length: 1", `Content-Length: ${value}`])[0]).toBe(
      -PARSE_ERROR.BAD_CONTENT_LENGTH,
    );
  }
  expect(decide(["Content-Length: 1", "Content-Length: 2"])[0]).toBe(-PARSE_ERROR.CONFLICTING_CONTENT_LENGTH);
  expect(decide(["Content-Length: 1", "Content-Length: 1", "Content-Length: 2"])[0]).toBe(
    -PARSE_ERROR.CONFLICTING_CONTENT_LENGTH,
  );
  expect(decide(["Content-Length: 9007199254740993"])[0]).toBe(-PARSE_ERROR.CONTENT_LENGTH_OUT_OF_RANGE);
});

test("item 4: chunked alone is understood", () => {
  expect(decide(["Transfer-Encoding: \t chunked \t"])).toEqual([0, -1, true]);
  expect(decide(["transfer-encoding: CHUNKED"])).toEqual([0, -1, true]);
});

test("item 4: a list that does not end in one chunked", () => {
  for (const value of [
    "",
    "gzip",
    "identity",
    "chunked, gzip",
    "chunked,chunked",
    "chunked,",
    ",chunked",
    "gzip,,chunked",
    "chunked;a",
    "chunk\xe9d",
  ]) {
    expect([value, ...decide([`Transfer-Encoding: ${value}`])]).toEqual([
      value,
      -PARSE_ERROR.CHUNKED_NOT_LAST,
      -1,
      false,
    ]);
  }
  expect(decide(["Transfer-Encoding: chunked", "Transfer-Encoding:"])[0]).toBe(-PARSE_ERROR.CHUNKED_NOT_LAST);
});

test("6.1: codings that are not known before chunked", () => {
  for (const value of ["gzip, chunked", "gzip,br,chunked", "identity, chunked", "x;q=1, chunked"]) {
    expect([value, ...decide([`Transfer-Encoding: ${value}`])]).toEqual([
      value,
      -PARSE_ERROR.UNKNOWN_CODING,
      -1,
      false,
    ]);
  }
});

test("item 3 and 6.1: both fields, and HTTP/1.0", () => {
  expect(decide(["Transfer-Encoding: chunked", "Content-Length: x"])[0]).toBe(-PARSE_ERROR.LENGTH_AND_CODING);
  expect(decide(["Transfer-Encoding: chunked"], 0)[0]).toBe(-PARSE_ERROR.CODING_IN_HTTP_1_0);
});
