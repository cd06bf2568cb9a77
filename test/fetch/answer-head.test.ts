import { describe, expect, test } from "bun:test";
import {
  answerHead,
  FRAMING_CHUNKED,
  FRAMING_CLOSE,
  FRAMING_NONE,
  TEXT_TYPE,
} from "../../src/fetch/answer-head.ts";

const NOW = Date.UTC(1994, 10, 6, 8, 49, 37);
const DATE = "Sun, 06 Nov 1994 08:49:37 GMT";

/** Lines of a head without the empty ones at its end; the field names in lower case. */
function head(
  init: { status?: number; fields?: Bun.HeadersInit; type?: string; framing?: number } = {},
): string[] {
  const { status = 200, fields, type = "", framing = 0 } = init;
  const headers = fields === undefined ? null : new Headers(fields);
  const { text } = answerHead(status, headers, type, framing, NOW);
  expect(text.endsWith("\r\n\r\n")).toBe(true);
  expect(text.indexOf("\r\n\r\n")).toBe(text.length - 4);
  const [line, ...rest] = text.slice(0, -4).split("\r\n");
  return [line, ...rest.map((field) => field.replace(/^[^:]+/, (name) => name.toLowerCase()))];
}

const closes = (fields: Bun.HeadersInit, framing = 0) =>
  answerHead(200, new Headers(fields), "", framing, NOW).closes;

describe("the commonest head", () => {
  test("a text", () => {
    expect(answerHead(200, null, TEXT_TYPE, 2, NOW).text).toBe(
      `HTTP/1.1 200 OK\r\ncontent-type: text/plain;charset=utf-8\r\nDate: ${DATE}\r\nContent-Length: 2\r\n\r\n`,
    );
  });

  test("JSON, and what has a further field or another status is none of them", () => {
    const { headers } = Response.json({});
    const text = `HTTP/1.1 200 OK\r\ncontent-type: application/json;charset=utf-8\r\nDate: ${DATE}\r\nContent-Length: 2\r\n\r\n`;
    for (let time = 0; time < 2; time++) expect(answerHead(200, headers, TEXT_TYPE, 2, NOW).text).toBe(text);
    expect(answerHead(201, headers, TEXT_TYPE, 2, NOW).text).toBe(text.replace("200 OK", "201 Created"));
    headers.set("x-a", "b");
    expect(answerHead(200, headers, TEXT_TYPE, 2, NOW).text).toContain("x-a: b\r\n");
  });

  test("goes with length and time, however often it is made", () => {
    const first = answerHead(200, null, TEXT_TYPE, 2, NOW).text;
    const longer = answerHead(200, null, TEXT_TYPE, 12345, NOW + 999).text;
    const later = answerHead(200, null, TEXT_TYPE, 2, NOW + 1000).text;
    expect(longer).toBe(first.replace("Content-Length: 2", "Content-Length: 12345"));
    expect(later).toBe(first.replace("08:49:37", "08:49:38"));
    expect(answerHead(200, null, TEXT_TYPE, 2, NOW).text).toBe(first);
  });

  test("is the same by the long way", () => {
    const short = head({ type: TEXT_TYPE, framing: 5 });
    const long = head({ type: TEXT_TYPE, framing: 5, fields: { x: "1" } });
    expect(long.filter((line) => line !== "x: 1")).toEqual(short);
  });
});

describe("framing", () => {
  test("by length, chunked, by the end of the connection, none", () => {
    expect(head({ framing: 7 })).toEqual(["HTTP/1.1 200 OK", `date: ${DATE}`, "content-length: 7"]);
    expect(head({ framing: 0 }).at(-1)).toBe("content-length: 0");
    expect(head({ framing: FRAMING_CHUNKED }).at(-1)).toBe("transfer-encoding: chunked");
    expect(head({ framing: FRAMING_CLOSE })).toEqual(["HTTP/1.1 200 OK", `date: ${DATE}`]);
    expect(head({ framing: FRAMING_NONE, status: 204 })).toEqual([
      "HTTP/1.1 204 No Content",
      `date: ${DATE}`,
    ]);
  });

  test("the user's Content-Length and Transfer-Encoding are not sent", () => {
    const fields = { "content-length": "999", "transfer-encoding": "gzip, chunked", x: "1" };
    for (const framing of [5, FRAMING_CHUNKED, FRAMING_CLOSE]) {
      const lines = head({ fields, framing });
      expect(lines.some((line) => line.includes("999") || line.includes("gzip"))).toBe(false);
      expect(lines.filter((line) => /^(content-length|transfer-encoding):/.test(line)).length).toBe(
        framing === FRAMING_CLOSE ? 0 : 1,
      );
    }
  });

  test("but Content-Length of a 304 is, and of a 204 is not", () => {
    const fields = { "content-length": "55", etag: '"x"' };
    expect(head({ status: 304, fields, framing: FRAMING_NONE }).slice(0, -1)).toContain("content-length: 55");
    expect(head({ status: 204, fields, framing: FRAMING_NONE }).join()).not.toContain("content-length");
  });
});

describe("status", () => {
  test.each([
    [200, "OK"],
    [302, "Found"],
    [304, "Not Modified"],
    [413, "Payload Too Large"],
    [418, "I'm a Teapot"],
    [299, "HM"],
    [599, "HM"],
  ])("%d %s", (status, reason) => {
    expect(head({ status })[0]).toBe(`HTTP/1.1 ${status} ${reason}`);
    expect(head({ status, fields: { x: "1" } })[0]).toBe(`HTTP/1.1 ${status} ${reason}`);
  });
});

describe("fields", () => {
  test("set-cookie goes as lines of their own, others are joined", () => {
    const fields = new Headers();
    fields.append("Set-Cookie", "a=1; Path=/");
    fields.append("X", "1");
    fields.append("Set-Cookie", "b=2, c");
    fields.append("x", "2");
    const lines = head({ fields });
    expect(lines.filter((line) => line.startsWith("set-cookie"))).toEqual([
      "set-cookie: a=1; Path=/",
      "set-cookie: b=2, c",
    ]);
    expect(lines).toContain("x: 1, 2");
  });

  test("a Date of the user's replaces ours, an empty one too", () => {
    for (const date of ["Mon, 01 Jan 2024 00:00:00 GMT", ""]) {
      const lines = head({ fields: { Date: date } }).filter((line) => line.startsWith("date:"));
      expect(lines).toEqual([`date: ${date}`]);
    }
  });

  test("a content type of the user's replaces the implied one", () => {
    const types = (fields: Bun.HeadersInit) =>
      head({ fields, type: TEXT_TYPE }).filter((line) => line.startsWith("content-type:"));
    expect(types({ "content-type": "text/html" })).toEqual(["content-type: text/html"]);
    expect(types({ x: "1" })).toEqual([`content-type: ${TEXT_TYPE}`]);
    expect(types({ "content-type": "" })).toContain(`content-type: ${TEXT_TYPE}`);
  });

  test("no implied type where there is none", () => {
    expect(head({ fields: { x: "1" } }).some((line) => line.startsWith("content-type"))).toBe(false);
  });

  test("values above 127 stay one character each, encodings pass through", () => {
    const lines = head({ fields: { x: "\xe4\xff", "content-encoding": "gzip" } });
    expect(lines).toContain("x: \xe4\xff");
    expect(lines).toContain("content-encoding: gzip");
  });

  test("nothing is added that nobody asked for", () => {
    const names = head({ fields: { "x-own": "1" }, type: TEXT_TYPE, framing: 3 })
      .slice(1)
      .map((line) => line.split(":")[0]);
    expect(names.sort()).toEqual(["content-length", "content-type", "date", "x-own"]);
  });
});

describe("closing", () => {
  test("is asked for by a Connection field that lists close, which is sent", () => {
    for (const value of ["close", "Close", "keep-alive, close", "close ,x", " close"]) {
      expect([value, closes({ connection: value })]).toEqual([value, true]);
    }
    for (const value of ["keep-alive", "upgrade", "closed", "not-close", "x-close, y"]) {
      expect([value, closes({ connection: value })]).toEqual([value, false]);
    }
    expect(head({ fields: { connection: "close" } })).toContain("connection: close");
  });

  test("follows from a body that ends with the connection", () => {
    expect(answerHead(200, null, "", FRAMING_CLOSE, NOW).closes).toBe(true);
    expect(closes({ x: "1" }, FRAMING_CLOSE)).toBe(true);
  });

  test("of one answer is forgotten for the next", () => {
    closes({ connection: "close" });
    expect(answerHead(200, null, TEXT_TYPE, 1, NOW).closes).toBe(false);
    expect(answerHead(404, null, "", 1, NOW).closes).toBe(false);
  });
});
