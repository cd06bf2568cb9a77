/** Body framing, RFC 9112 sections 6 and 7: lengths, chunks, trailers, Expect. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  type CountingServer,
  casesFor,
  expectAccepted,
  expectRefused,
  startCounting,
} from "../support/conformance.ts";
import { RawClient, type Splits } from "../support/raw-client.ts";
import { stopAll } from "../support/servers.ts";

let counting: CountingServer;
beforeAll(() => {
  counting = startCounting();
});
afterAll(stopAll);

const post = (fields: string, body: string): string =>
  `POST / HTTP/1.1\r\nHost: a\r\n${fields}\r\n\r\n${body}`;
const chunked = (body: string): string => post("Transfer-Encoding: chunked", body);

const ACCEPTED: readonly [name: string, bytes: string, body: string][] = [
  ["no length: no body", "POST / HTTP/1.1\r\nHost: a\r\n\r\n", ""],
  ["length 0", post("Content-Length: 0", ""), ""],
  ["length 5", post("Content-Length: 5", "hello"), "hello"],
  ["leading zeros", post("Content-Length: 0005", "hello"), "hello"],
  ["two equal lengths", post("Content-Length: 5\r\nContent-Length: 5", "hello"), "hello"],
  ["no chunks", chunked("0\r\n\r\n"), ""],
  ["one chunk", chunked("5\r\nhello\r\n0\r\n\r\n"), "hello"],
  ["several chunks", chunked("1\r\nh\r\n3\r\nell\r\n1\r\no\r\n0\r\n\r\n"), "hello"],
  [
    "hexadecimal in both cases",
    chunked(`a\r\n${"x".repeat(10)}\r\nB\r\n${"y".repeat(11)}\r\n0\r\n\r\n`),
    "x".repeat(10) + "y".repeat(11),
  ],
  ["zeros before a size", chunked("0005\r\nhello\r\n000\r\n\r\n"), "hello"],
  ["CRLF within a chunk", chunked("4\r\n\r\n\r\n\r\n0\r\n\r\n"), "\r\n\r\n"],
  ["an extension", chunked("5;a=b\r\nhello\r\n0;c\r\n\r\n"), "hello"],
  ["a quoted extension", chunked('5;a="b c"\r\nhello\r\n0\r\n\r\n'), "hello"],
  ["a trailer", chunked("5\r\nhello\r\n0\r\nX-Trailer: a\r\n\r\n"), "hello"],
  ["two trailers", chunked("5\r\nhello\r\n0\r\nX-A: a\r\nX-B: b\r\n\r\n"), "hello"],
  ["Chunked in capitals", post("Transfer-Encoding: CHUNKED", "5\r\nhello\r\n0\r\n\r\n"), "hello"],
];

const REFUSED: readonly [name: string, bytes: string, status: number][] = [
  ["two lengths", post("Content-Length: 5\r\nContent-Length: 6", "hello!"), 400],
  ["a list of lengths", post("Content-Length: 5, 5", "hello"), 400],
  ["a negative length", post("Content-Length: -1", ""), 400],
  ["a signed length", post("Content-Length: +5", "hello"), 400],
  ["letters after a length", post("Content-Length: 5a", "hello"), 400],
  ["a hexadecimal length", post("Content-Length: 0x5", "hello"), 400],
  ["a fraction", post("Content-Length: 5.0", "hello"), 400],
  ["an empty length", post("Content-Length:", ""), 400],
  ["a space in a length", post("Content-Length: 1 2", "hello"), 400],
  ["a length above 2^64", post("Content-Length: 18446744073709551617", "h"), 400],
  ["a coding that is not chunked", post("Transfer-Encoding: gzip", ""), 400],
  ["an unknown coding before chunked", post("Transfer-Encoding: gzip, chunked", "0\r\n\r\n"), 501],
  ["chunked not last", post("Transfer-Encoding: chunked, gzip", ""), 400],
  ["chunked twice", post("Transfer-Encoding: chunked, chunked", "0\r\n\r\n"), 400],
  ["an empty coding", post("Transfer-Encoding:", "0\r\n\r\n"), 400],
  ["a coding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400],
];

/** Wrong after the head is whole: a server that streams bodies may have called the handler by then. */
const BROKEN_BODIES: readonly [name: string, bytes: string][] = [
  ["no size", chunked("\r\nhello\r\n0\r\n\r\n")],
  ["a bad size", chunked("g\r\nhello\r\n0\r\n\r\n")],
  ["a size with 0x", chunked("0x5\r\nhello\r\n0\r\n\r\n")],
  ["a negative size", chunked("-5\r\nhello\r\n0\r\n\r\n")],
  ["a signed size", chunked("+5\r\nhello\r\n0\r\n\r\n")],
  ["a space before a size", chunked(" 5\r\nhello\r\n0\r\n\r\n")],
  ["a size that overflows", chunked("10000000000000005\r\nhello\r\n0\r\n\r\n")],
  ["bare LF after a size", chunked("5\nhello\r\n0\r\n\r\n")],
  ["bare LF after a chunk", chunked("5\r\nhello\n0\r\n\r\n")],
  ["bare CR after a size", chunked("5\rhello\r\n0\r\n\r\n")],
  ["a chunk longer than its size", chunked("5\r\nhello!\r\n0\r\n\r\n")],
  ["bare LF in an extension", chunked("5;a\nb\r\nhello\r\n0\r\n\r\n")],
  ["bare LF after a trailer", chunked("5\r\nhello\r\n0\r\nX: a\n\r\n")],
  ["a trailer without a colon", chunked("5\r\nhello\r\n0\r\nX\r\n\r\n")],
];

const accepted = casesFor(ACCEPTED, ["a quoted extension", "a trailer", "two trailers"]);
const refused = casesFor(REFUSED, ["an unknown coding before chunked"]);
const brokenBodies = casesFor(BROKEN_BODIES, ["bare LF after a trailer", "a trailer without a colon"]);

const SPLITS: readonly [string, Splits | undefined][] = [
  ["whole", undefined],
  ["byte by byte", "bytes"],
];

describe.each(SPLITS)("%s", (_, splits) => {
  const how = splits === undefined ? {} : { splits };

  test.each(accepted)("accepts %s, and the request after it", async (_name, bytes, body) => {
    const seen = await expectAccepted(counting, `${bytes}GET /next HTTP/1.1\r\nHost: a\r\n\r\n`, {
      ...how,
      count: 2,
    });
    expect(seen[0]!.body).toBe(body);
    expect(seen[1]!.url).toBe("http://a/next");
  });

  test.each(refused)("refuses %s", (_name, bytes, status) => expectRefused(counting, bytes, status, how));

  test.each(brokenBodies)("refuses %s in a chunked body", (_name, bytes) =>
    expectRefused(counting, bytes, 400, { ...how, mayHaveBeenCalled: true }),
  );
});

describe("Expect", () => {
  test("100-continue gets its answer before the body is sent", async () => {
    await using client = await RawClient.connect(counting.server.port);
    await client.send(post("Expect: 100-continue\r\nContent-Length: 5", ""));
    const interim = await client.readResponse();
    expect([interim.status, interim.lines.length]).toEqual([100, 1]);
    await client.send("hello");
    expect((await client.readResponse()).status).toBe(200);
    expect(counting.seen.at(-1)!.body).toBe("hello");
  });

  test("another expectation is ignored", async () => {
    await expectAccepted(counting, post("Expect: something\r\nContent-Length: 5", "hello"));
  });
});

test("a body of 1 MiB in pieces of any size is whole", async () => {
  const body = "0123456789abcdef".repeat(65_536);
  await using client = await RawClient.connect(counting.server.port);
  await client.send(post(`Content-Length: ${body.length}`, body), { splits: { every: 65_537 } });
  expect((await client.readResponse()).status).toBe(200);
  expect(counting.seen.at(-1)!.body === body).toBe(true);
});
