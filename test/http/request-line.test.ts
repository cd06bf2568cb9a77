import { expect, test } from "bun:test";
import { METHOD_GET, METHOD_OPTIONS } from "../../src/http/method.ts";
import { INCOMPLETE, PARSE_ERROR } from "../../src/http/parse-error.ts";
import { RequestHead } from "../../src/http/request-head.ts";
import { parseRequestLine } from "../../src/http/request-line.ts";

const head = new RequestHead({ headerCount: 1 });

test("offsets count from the start of the head", () => {
  const bytes = Buffer.from("....OPTIONS /a?b HTTP/1.0\r\nrest");
  expect(parseRequestLine(bytes, 4, bytes.length, head)).toBe(bytes.indexOf("rest"));
  expect([head.method, head.targetStart, head.targetEnd, head.minorVersion]).toEqual([
    METHOD_OPTIONS,
    8,
    12,
    0,
  ]);
});

test("bytes behind the end are not looked at", () => {
  const bytes = Buffer.from("GET / HTTP/1.1\r\n");
  for (let end = 1; end < bytes.length; end++) {
    expect([end, parseRequestLine(bytes, 0, end, head)]).toEqual([end, INCOMPLETE]);
  }
  expect(parseRequestLine(bytes, 0, bytes.length, head)).toBe(bytes.length);
  expect(head.method).toBe(METHOD_GET);
});

test("syntax before version before method before target", () => {
  const judge = (line: string): number =>
    parseRequestLine(Buffer.from(`${line}\r\n`), 0, line.length + 2, head);
  expect(judge("BREW pot HTTP/2.0 ")).toBe(-PARSE_ERROR.BAD_LINE_END);
  expect(judge("BREW pot HTTP/2.0")).toBe(-PARSE_ERROR.UNSUPPORTED_VERSION);
  expect(judge("BREW pot HTTP/1.1")).toBe(-PARSE_ERROR.UNKNOWN_METHOD);
  expect(judge("GET pot HTTP/1.1")).toBe(-PARSE_ERROR.BAD_TARGET);
});

test("the answer does not depend on what stands behind the line", () => {
  for (const line of [
    "GET / HTTP/1.1\n",
    "GET / HTTP/1.\n",
    "GET / \n",
    "GET /\n",
    "GET\n",
    "GET / HTTP/1.1\r\n",
  ]) {
    const alone = parseRequestLine(Buffer.from(line), 0, line.length, head);
    const followed = parseRequestLine(Buffer.from(`${line}Host: x\r\n\r\n`), 0, line.length + 11, head);
    expect([line, alone]).toEqual([line, followed]);
    expect(alone).not.toBe(INCOMPLETE);
  }
});
