import { expect, test } from "bun:test";
import {
  allParseErrors,
  failLine,
  INCOMPLETE,
  indexOfLineFeed,
  PARSE_ERROR,
  parseError,
} from "../../src/http/parse-error.ts";

test("every code has one frozen error with its name, status and section", () => {
  const codes = Object.entries(PARSE_ERROR);
  expect(allParseErrors().length).toBe(codes.length);
  for (const [name, code] of codes) {
    const error = parseError(code);
    expect([error.name, error.code, Object.isFrozen(error)]).toEqual([name, code, true]);
    expect([400, 413, 414, 431, 501, 505]).toContain(error.status);
    expect(error.section).toMatch(/^RFC \d+ section /);
    expect(error.reason.length).toBeGreaterThan(2);
  }
});

test("codes are distinct, do not collide with INCOMPLETE and keep their numbers", () => {
  const codes = Object.values(PARSE_ERROR);
  expect(new Set(codes).size).toBe(codes.length);
  expect(codes).not.toContain(-INCOMPLETE as never);
  // Append only: a change of this line is a change of what logs mean.
  expect(Object.keys(PARSE_ERROR).join(" ")).toStartWith("BAD_START BAD_REQUEST_LINE BAD_TARGET BAD_VERSION");
  expect([PARSE_ERROR.BAD_START, PARSE_ERROR.HEAD_TOO_LARGE, PARSE_ERROR.TRAILER_TOO_LARGE]).toEqual([
    2, 12, 30,
  ]);
});

test("a broken line is judged when its end is within the bytes", () => {
  const bytes = Buffer.from("abc\ndef\n");
  expect(failLine(bytes, 0, 3, PARSE_ERROR.BAD_TARGET)).toBe(INCOMPLETE);
  expect(failLine(bytes, 0, 4, PARSE_ERROR.BAD_TARGET)).toBe(-PARSE_ERROR.BAD_TARGET);
  expect([indexOfLineFeed(bytes, 4, 8), indexOfLineFeed(bytes, 4, 7), indexOfLineFeed(bytes, 4, 4)]).toEqual([
    7, -1, -1,
  ]);
});
