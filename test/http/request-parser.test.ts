import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { DEFAULT_LIMITS } from "../../src/http/limits.ts";
import { METHOD_GET } from "../../src/http/method.ts";
import { PARSE_ERROR } from "../../src/http/parse-error.ts";
import { RequestHead } from "../../src/http/request-head.ts";
import { BODY, END, FAILED, HEAD, NEED_DATA, RequestParser } from "../../src/http/request-parser.ts";
import { arbitraryRequest, cutAnywhere } from "./arbitrary-request.ts";
import { cutAt, logEvents, singleBytes } from "./event-log.ts";

const GET = Buffer.from("GET /path HTTP/1.1\r\nHost: x\r\n\r\n");

function make(): { parser: RequestParser; head: RequestHead } {
  return { parser: new RequestParser(DEFAULT_LIMITS), head: new RequestHead(DEFAULT_LIMITS) };
}

describe("life of a request", () => {
  test("a complete head is one event, then END without consuming", () => {
    const { parser, head } = make();
    expect(parser.isIdle).toBe(true);
    expect(parser.next(GET, 0, GET.length, head)).toBe(HEAD);
    expect([head.method, head.targetStart, head.targetEnd, head.headBytes]).toEqual([
      METHOD_GET,
      4,
      9,
      GET.length,
    ]);
    expect([parser.position, parser.isIdle, parser.isInHead, parser.isInBody]).toEqual([
      GET.length,
      false,
      false,
      true,
    ]);
    expect(parser.next(GET, GET.length, GET.length, head)).toBe(END);
    expect([parser.position, parser.isIdle, parser.isInBody]).toEqual([GET.length, true, false]);
    expect(parser.next(GET, GET.length, GET.length, head)).toBe(NEED_DATA);
  });

  test("between HEAD and END it says whether END needs any input", () => {
    const { parser, head } = make();
    expect([parser.isAtEnd, parser.next(GET, 0, GET.length, head), parser.isAtEnd]).toEqual([
      false,
      HEAD,
      true,
    ]);
    parser.next(GET, GET.length, GET.length, head);
    for (const framing of ["Content-Length: 1", "Transfer-Encoding: chunked"]) {
      const bytes = Buffer.from(`POST / HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n`);
      expect([parser.isAtEnd, parser.next(bytes, 0, bytes.length, head), parser.isAtEnd]).toEqual([
        false,
        HEAD,
        false,
      ]);
      parser.reset();
    }
  });

  test("part of a head is not consumed and shows as isInHead", () => {
    const { parser, head } = make();
    expect(parser.next(GET, 0, 10, head)).toBe(NEED_DATA);
    expect([parser.position, parser.isIdle, parser.isInHead]).toEqual([0, false, true]);
    expect(parser.next(GET, 0, GET.length, head)).toBe(HEAD);
  });

  test("a lone empty line leaves the client idle; the head starts behind it", () => {
    const { parser, head } = make();
    const bytes = Buffer.concat([Buffer.from("\r\n"), GET]);
    expect(parser.next(bytes, 0, 2, head)).toBe(NEED_DATA);
    expect([parser.position, parser.isIdle]).toEqual([0, true]);
    expect(parser.next(bytes, 0, bytes.length, head)).toBe(HEAD);
    expect([parser.headStart, head.targetStart, parser.position]).toEqual([2, 4, bytes.length]);
  });

  test("bodyBytes counts decoded content of the current request", () => {
    const { parser, head } = make();
    const bytes = Buffer.from(
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n" +
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nf",
    );
    const counts: number[] = [];
    let position = 0;
    for (let event = -1; event !== NEED_DATA; position = parser.position) {
      event = parser.next(bytes, position, bytes.length, head);
      if (event === BODY || event === HEAD) counts.push(parser.bodyBytes);
    }
    expect(counts).toEqual([0, 3, 5, 0, 1]);
  });

  test("stays failed until reset", () => {
    const { parser, head } = make();
    const bad = Buffer.from("\x16\x03\x01");
    expect(parser.next(bad, 0, 1, head)).toBe(FAILED);
    expect(parser.error?.code).toBe(PARSE_ERROR.BAD_START);
    expect(parser.next(GET, 0, GET.length, head)).toBe(FAILED);
    expect([parser.isIdle, parser.isInHead, parser.isInBody]).toEqual([false, false, false]);
    parser.reset();
    expect([parser.error, parser.isIdle]).toEqual([null, true]);
    expect(parser.next(GET, 0, GET.length, head)).toBe(HEAD);
  });

  test("reset in the middle of a chunk starts over", () => {
    const { parser, head } = make();
    const bytes = Buffer.from(
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    );
    const cut = bytes.indexOf("llo");
    expect(parser.next(bytes, 0, cut, head)).toBe(HEAD);
    expect(parser.next(bytes, parser.position, cut, head)).toBe(BODY);
    parser.reset();
    expect(parser.next(bytes, 0, bytes.length, head)).toBe(HEAD);
    expect(parser.next(bytes, parser.position, bytes.length, head)).toBe(BODY);
    expect(parser.bodyBytes).toBe(5);
  });

  test("own limits: the request line's is told from the head's", () => {
    const limits = { ...DEFAULT_LIMITS, headBytes: 64, requestLineBytes: 18, headerCount: 2 };
    const lines = "Host: x\r\n\r\n";
    expect(logEvents([Buffer.from("GET /23 HTTP/1.1\r\n" + lines)], limits)).toContain("END");
    for (const [text, event] of [
      ["GET /234 HTTP/1.1\r\n", "FAILED 414 REQUEST_LINE_TOO_LONG"],
      ["GET / HTTP/1.1\r\nA:1\r\nB:2\r\nC:3\r\n", "FAILED 431 TOO_MANY_FIELDS"],
      ["GET / HTTP/1.1\r\nA:" + "1".repeat(60), "FAILED 431 HEAD_TOO_LARGE"],
    ]) {
      expect(logEvents([Buffer.from(text)], limits)).toEqual([event]);
      expect(logEvents(singleBytes(Buffer.from(text)), limits)).toEqual([event]);
    }
  });
});

test("a drip looks at each byte a bounded number of times", () => {
  let reads = 0;
  const length = 16000;
  const text = Buffer.from(
    "GET / HTTP/1.1\r\nHost: x\r\n" + "a: b\r\n".repeat(150) + "x: " + "y".repeat(length) + "\r\n\r\n",
  );
  const counted = new Proxy(text, {
    get(target, key): unknown {
      if (typeof key === "string" && key >= "0" && key <= "999999") reads++;
      return Reflect.get(target, key, target);
    },
  });
  const limits = { ...DEFAULT_LIMITS, headBytes: 1 << 20 };
  const parser = new RequestParser(limits);
  const head = new RequestHead(limits);
  for (let end = 1; end < text.length; end++) expect(parser.next(counted, 0, end, head)).toBe(NEED_DATA);
  expect(parser.next(counted, 0, text.length, head)).toBe(HEAD);
  expect(reads).toBeGreaterThan(text.length);
  expect(reads).toBeLessThan(text.length * 12);
});

describe("properties", () => {
  test("any cut of any pipeline of valid requests gives the expected events", () => {
    fc.assert(
      fc.property(
        fc.array(arbitraryRequest, { minLength: 1, maxLength: 5 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (requests, offsets) => {
          const bytes = Buffer.concat(requests.map((request) => request.bytes));
          const expected = requests.flatMap((request) => request.events);
          expect(logEvents([bytes])).toEqual(expected);
          expect(logEvents(cutAnywhere(bytes, offsets))).toEqual(expected);
        },
      ),
      { numRuns: 400 },
    );
  });

  test("damaged requests never throw or hang, and give the same events however they are cut", () => {
    const evil = [
      "\r",
      "\n",
      "\0",
      " ",
      "\t",
      ":",
      ",",
      ";",
      "\x7f",
      "\xff",
      "0",
      "-",
      "\r\n\r\n",
      "Content-Length: 3\r\n",
    ];
    const change = fc.tuple(fc.nat(), fc.constantFrom(...evil), fc.nat({ max: 2 }));
    fc.assert(
      fc.property(
        fc.array(arbitraryRequest, { minLength: 1, maxLength: 3 }),
        fc.array(change, { minLength: 1, maxLength: 4 }),
        fc.array(fc.nat(), { maxLength: 6 }),
        (requests, changes, offsets) => {
          let text = Buffer.concat(requests.map((request) => request.bytes)).toString("latin1");
          for (const [at, what, removed] of changes) {
            const index = at % text.length;
            text = text.slice(0, index) + what + text.slice(index + removed);
          }
          const bytes = Buffer.from(text, "latin1");
          const whole = logEvents([bytes]);
          expect(logEvents(cutAnywhere(bytes, offsets))).toEqual(whole);
          expect(logEvents(singleBytes(bytes))).toEqual(whole);
        },
      ),
      { numRuns: 1500 },
    );
  });

  test("noise never throws or hangs", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 200 }), (noise, offset) => {
        const bytes = Buffer.concat([Buffer.from("GET /"), noise]);
        const cut = cutAt(bytes, [Math.min(offset, bytes.length)]);
        expect(logEvents(cut)).toEqual(logEvents([bytes]));
      }),
      { numRuns: 500 },
    );
  });
});
