import { expect, test } from "bun:test";
import { DEFAULT_LIMITS } from "../../src/http/limits.ts";
import {
  decodeFieldName,
  decodeFieldValue,
  FIELD_NUMBERS,
  RequestHead,
} from "../../src/http/request-head.ts";
import { HEAD, RequestParser } from "../../src/http/request-parser.ts";

test("head bytes and rows can be copied elsewhere and decoded there", () => {
  const bytes = Buffer.from(
    "junk\r\nGET / HTTP/1.1\r\nHost: x\r\nX-Latin: \xe9 1\r\nEmpty:\r\n\r\nmore",
    "latin1",
  );
  const head = new RequestHead(DEFAULT_LIMITS);
  const parser = new RequestParser(DEFAULT_LIMITS);
  expect(parser.next(bytes, 4, bytes.length, head)).toBe(HEAD);

  const copy = Buffer.from(new SharedArrayBuffer(200), 8, 180);
  bytes.copy(copy, 30, parser.headStart, parser.headStart + head.headBytes);
  const rows = new Int32Array(new SharedArrayBuffer(400));
  rows.set(head.fields.subarray(0, head.headerCount * FIELD_NUMBERS), 7);
  const fields: [string, string][] = [];
  for (let index = 0; index < head.headerCount; index++) {
    const row = 7 + index * FIELD_NUMBERS;
    fields.push([decodeFieldName(copy, 30, rows, row), decodeFieldValue(copy, 30, rows, row)]);
  }
  expect(fields).toEqual([
    ["host", "x"],
    ["x-latin", "\xe9 1"],
    ["empty", ""],
  ]);
  expect(head.hostIndex).toBe(0);
});

test("reset forgets everything that a request can set", () => {
  const limits = { headerCount: 3 };
  const fresh = new RequestHead(limits);
  const used = new RequestHead(limits);
  for (const key of Object.keys(used) as (keyof RequestHead)[]) {
    const value: unknown = used[key];
    if (key === "headerCapacity" || typeof value === "object") continue;
    Object.assign(used, { [key]: typeof value === "number" ? 77 : !value });
  }
  used.reset();
  // The request line always writes these, and whoever reads the head its route; reset leaves them.
  for (const key of ["method", "targetStart", "targetEnd", "minorVersion", "route"] as const) {
    used[key] = fresh[key];
  }
  expect({ ...used }).toEqual({ ...fresh });
  expect(used.fields.length).toBe(3 * FIELD_NUMBERS);
});
