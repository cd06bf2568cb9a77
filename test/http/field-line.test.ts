import { expect, test } from "bun:test";
import { parseFieldLine } from "../../src/http/field-line.ts";
import { INCOMPLETE, PARSE_ERROR } from "../../src/http/parse-error.ts";
import { RequestHead } from "../../src/http/request-head.ts";

function parse(line: string, head: RequestHead = new RequestHead({ headerCount: 2 })): [number, RequestHead] {
  const bytes = Buffer.from(line, "latin1");
  return [parseFieldLine(bytes, 0, bytes.length, 0, head), head];
}

test("writes a row with offsets from the base", () => {
  const head = new RequestHead({ headerCount: 2 });
  const bytes = Buffer.from("......A: 1\r\nLong:\t two \r\n");
  expect(parseFieldLine(bytes, 6, bytes.length, 4, head)).toBe(12);
  expect(parseFieldLine(bytes, 12, bytes.length, 4, head)).toBe(bytes.length);
  expect(head.headerCount).toBe(2);
  expect([...head.fields]).toEqual([2, 3, 5, 6, 8, 12, 15, 18]);
});

test("is incomplete until the LF is there, and writes no row", () => {
  const bytes = Buffer.from("Name: value \r\n");
  for (let end = 0; end < bytes.length; end++) {
    const head = new RequestHead({ headerCount: 1 });
    expect([end, parseFieldLine(bytes, 0, end, 0, head), head.headerCount]).toEqual([end, INCOMPLETE, 0]);
  }
});

test("a full table refuses the line when its end is there", () => {
  const head = new RequestHead({ headerCount: 0 });
  expect(parse("a: b", head)[0]).toBe(INCOMPLETE);
  expect(parse("a: b\r\n", head)[0]).toBe(-PARSE_ERROR.TOO_MANY_FIELDS);
});

test("only value bytes in values, only token bytes in names", () => {
  for (let byte = 0; byte < 256; byte++) {
    const character = String.fromCharCode(byte);
    const isValue = byte === 9 || byte >= 32;
    expect([byte, parse(`a: b${character}c\r\n`)[0] > 0]).toEqual([byte, isValue]);
    const isToken = /[!#$%&'*+\-.^_`|~0-9A-Za-z:]/.test(character);
    expect([byte, parse(`a${character}b: c\r\n`)[0] > 0]).toEqual([byte, isToken]);
  }
});

test("notes the fields that decide about framing and the connection", () => {
  expect(parse("HOST: a\r\n")[1].hostIndex).toBe(0);
  expect(parse("content-LENGTH: 1\r\n")[1].contentLengthIndex).toBe(0);
  expect(parse("Transfer-encoding: 1\r\n")[1].transferEncodingIndex).toBe(0);
  expect(parse("upgrade: h2c\r\n")[1].hasUpgrade).toBe(true);
  expect(parse("Expect: 100-CONTINUE\r\n")[1].expectsContinue).toBe(true);
  expect(parse("Expect: 200-ok\r\n")[1].expectsContinue).toBe(false);
  for (const value of ["close", "CLOSE", "a,close", "a , close ,b", ",,close", "close,\t", "a b, close"]) {
    expect([value, parse(`Connection: ${value}\r\n`)[1].hasCloseToken]).toEqual([value, true]);
  }
  for (const value of [
    "",
    "closed",
    "a close",
    "close b",
    "close;a",
    "clos",
    "keep-alive",
    '"close"',
    ",",
    "c,lose",
  ]) {
    expect([value, parse(`Connection: ${value}\r\n`)[1].hasCloseToken]).toEqual([value, false]);
  }
});
