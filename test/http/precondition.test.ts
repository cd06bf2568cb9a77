import { describe, expect, test } from "bun:test";
import {
  type Conditions,
  isRangeCurrent,
  judgeConditions,
  NO_CONDITIONS,
  NOT_MODIFIED,
  PRECONDITION_FAILED,
  PROCEED,
  parseSeconds,
} from "../../src/http/precondition.ts";

const AT = 1_577_836_800;
const DATE = "Wed, 01 Jan 2020 00:00:00 GMT";
const LATER = "Wed, 01 Jan 2020 00:00:01 GMT";
const EARLIER = "Tue, 31 Dec 2019 23:59:59 GMT";

function judge(conditions: Partial<Conditions>, etag = '"zz"', seconds = AT): number {
  return judgeConditions({ ...NO_CONDITIONS, ...conditions }, etag, seconds);
}

test("without conditions the answer is as it is", () => {
  expect(judge({})).toBe(PROCEED);
  expect(judgeConditions(NO_CONDITIONS, "", Number.NaN)).toBe(PROCEED);
});

describe("If-None-Match", () => {
  const cases: [list: string, etag: string, verdict: number][] = [
    ['"zz"', '"zz"', NOT_MODIFIED],
    ['W/"zz"', '"zz"', NOT_MODIFIED],
    ['"zz"', 'W/"zz"', NOT_MODIFIED],
    ["*", '"zz"', NOT_MODIFIED],
    [" * ", "", NOT_MODIFIED],
    ["zz", '"zz"', NOT_MODIFIED],
    ['"y", "zz"', '"zz"', NOT_MODIFIED],
    ['"y",W/"zz"', '"zz"', NOT_MODIFIED],
    [',, "zz",', '"zz"', NOT_MODIFIED],
    ['"a,zz"', '"zz"', PROCEED],
    ['"a,zz"', '"a,zz"', NOT_MODIFIED],
    ['"y"', '"zz"', PROCEED],
    ['w/"zz"', '"zz"', PROCEED],
    ['"zz', '"zz"', PROCEED],
    ['"zz"', "", PROCEED],
    ['""', "", PROCEED],
    [",", '""', PROCEED],
  ];
  test.each(cases)("%p of %p", (ifNoneMatch, etag, verdict) =>
    expect(judge({ ifNoneMatch }, etag)).toBe(verdict),
  );

  test("wins over If-Modified-Since", () => {
    expect(judge({ ifNoneMatch: '"y"', ifModifiedSince: LATER })).toBe(PROCEED);
    expect(judge({ ifNoneMatch: '"zz"', ifModifiedSince: EARLIER })).toBe(NOT_MODIFIED);
  });
});

describe("If-Match compares strongly and comes first", () => {
  const cases: [list: string, etag: string, verdict: number][] = [
    ['"zz"', '"zz"', PROCEED],
    ['"y", "zz"', '"zz"', PROCEED],
    ["*", "", PROCEED],
    ["zz", '"zz"', PROCEED],
    ['W/"zz"', '"zz"', PRECONDITION_FAILED],
    ['"zz"', 'W/"zz"', PRECONDITION_FAILED],
    ['"y"', '"zz"', PRECONDITION_FAILED],
    ['"y"', "", PRECONDITION_FAILED],
  ];
  test.each(cases)("%p of %p", (ifMatch, etag, verdict) => expect(judge({ ifMatch }, etag)).toBe(verdict));

  test("before the others", () => {
    expect(judge({ ifMatch: '"y"', ifNoneMatch: '"zz"' })).toBe(PRECONDITION_FAILED);
    expect(judge({ ifMatch: '"zz"', ifUnmodifiedSince: EARLIER })).toBe(PROCEED);
    expect(judge({ ifMatch: "*", ifNoneMatch: "*" })).toBe(NOT_MODIFIED);
  });
});

describe("dates", () => {
  test("If-Modified-Since: the same second is not modified", () => {
    expect(judge({ ifModifiedSince: DATE })).toBe(NOT_MODIFIED);
    expect(judge({ ifModifiedSince: LATER })).toBe(NOT_MODIFIED);
    expect(judge({ ifModifiedSince: EARLIER })).toBe(PROCEED);
    expect(judge({ ifModifiedSince: "Wednesday, 01-Jan-20 00:00:00 GMT" })).toBe(NOT_MODIFIED);
    expect(judge({ ifModifiedSince: "garbage" })).toBe(PROCEED);
    expect(judge({ ifModifiedSince: DATE }, "", Number.NaN)).toBe(PROCEED);
  });

  test("If-Unmodified-Since", () => {
    expect(judge({ ifUnmodifiedSince: DATE })).toBe(PROCEED);
    expect(judge({ ifUnmodifiedSince: EARLIER })).toBe(PRECONDITION_FAILED);
    expect(judge({ ifUnmodifiedSince: "garbage" })).toBe(PROCEED);
  });

  test("are read as seconds", () => {
    expect(parseSeconds(DATE)).toBe(AT);
    expect(parseSeconds("garbage")).toBeNaN();
  });
});

describe("If-Range", () => {
  const cases: [value: string, isCurrent: boolean][] = [
    ["", true],
    [DATE, true],
    ["Wednesday, 01-Jan-20 00:00:00 GMT", true],
    ['"zz"', true],
    [LATER, false],
    [EARLIER, false],
    ['"y"', false],
    ['W/"zz"', false],
    ["zz", false],
    ["*", false],
    ["Wed, 01 Jan 2020 00:00:00 UTC", false],
    ["Wed Jan  1 00:00:00 2020", false],
    ["garbage", false],
    ["garbage GMT", false],
  ];
  test.each(cases)("%p: %p", (value, isCurrent) => expect(isRangeCurrent(value, '"zz"', AT)).toBe(isCurrent));

  test("a weak tag of ours never counts", () => {
    expect(isRangeCurrent('W/"zz"', 'W/"zz"', AT)).toBe(false);
    expect(isRangeCurrent('"zz"', 'W/"zz"', AT)).toBe(false);
    expect(isRangeCurrent(DATE, "", Number.NaN)).toBe(false);
  });
});
