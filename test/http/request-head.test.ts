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

test("a head with the bytes of the one before says the same, whoever sent others between", () => {
  const first = "GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n";
  const second = "POST /b HTTP/1.1\r\nHost: longer\r\nTransfer-Encoding: chunked\r\n\r\n";
  const part = "PUT /c HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nX-B: 2";
  const shared = new RequestHead(DEFAULT_LIMITS);
  /** What a parser of its own makes of a text, with the shared head and with a new one. */
  const both = (text: string): unknown[] =>
    [shared, new RequestHead(DEFAULT_LIMITS)].map((head) => {
      const bytes = Buffer.from("\r\n" + text, "latin1");
      const parser = new RequestParser(DEFAULT_LIMITS);
      const event = parser.next(bytes, 0, bytes.length, head);
      if (event !== HEAD) return [event, parser.position];
      const rows = [...head.fields.subarray(0, head.headerCount * FIELD_NUMBERS)];
      const next = [parser.next(bytes, parser.position, bytes.length, head), parser.position];
      const { fields: _, ...rest } = head;
      return [event, parser.headStart, next, rows, rest];
    });
  const order = [first, first, first, second, first, part, first, first, second, second, part + "\r\n\r\n"];
  for (const text of [...order, ...order.map((head) => head + "xy"), first, first.slice(0, -1), first]) {
    const [mine, other] = both(text);
    expect(mine).toEqual(other);
  }
});

test("a head that comes in parts spoils none that was kept", () => {
  const head = new RequestHead(DEFAULT_LIMITS);
  const whole = Buffer.from("GET /a HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n\r\n");
  const dripped = Buffer.from("GET /much/longer HTTP/1.1\r\nHost: other\r\nX-Longer: 1\r\nX-More: 2\r\n\r\n");
  const dripping = new RequestParser(DEFAULT_LIMITS);
  for (let end = 1; end < dripped.length; end++) {
    dripping.next(dripped, 0, end, head);
    const parser = new RequestParser(DEFAULT_LIMITS);
    expect(parser.next(whole, 0, whole.length, head)).toBe(HEAD);
    expect([head.headerCount, head.targetEnd, head.fields[FIELD_NUMBERS]]).toEqual([2, 6, 26]);
  }
  expect(dripping.next(dripped, 0, dripped.length, head)).toBe(HEAD);
  expect(head.headerCount).toBe(3);
});
