/**
 * Request smuggling, RFC 9112 section 11.2: messages that two parsers could frame differently. Each carries a second
 * request in what one of the readings takes for a body; the handler must never see it.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type CountingServer, casesFor, expectRefused, startCounting } from "../support/conformance.ts";
import { RawClient } from "../support/raw-client.ts";
import { stopAll } from "../support/servers.ts";

let counting: CountingServer;
beforeAll(() => {
  counting = startCounting();
});
afterAll(stopAll);

const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
const post = (fields: string, body: string): string =>
  `POST / HTTP/1.1\r\nHost: a\r\n${fields}\r\n\r\n${body}`;
const behindChunks = `0\r\n\r\n${SMUGGLED}`;

const CASES: readonly [name: string, bytes: string, status: number][] = [
  ["length, then coding", post("Content-Length: 4\r\nTransfer-Encoding: chunked", behindChunks), 400],
  ["coding, then length", post("Transfer-Encoding: chunked\r\nContent-Length: 4", behindChunks), 400],
  ["length 0 and coding", post("Content-Length: 0\r\nTransfer-Encoding: chunked", behindChunks), 400],
  [
    "two codings, length",
    post("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\nContent-Length: 4", behindChunks),
    400,
  ],
  ["differing lengths", post(`Content-Length: 0\r\nContent-Length: ${SMUGGLED.length}`, SMUGGLED), 400],
  ["differing lengths in a list", post(`Content-Length: 0, ${SMUGGLED.length}`, SMUGGLED), 400],
  ["space before the coding's colon", post("Transfer-Encoding : chunked", behindChunks), 400],
  ["tab before the coding's colon", post("Transfer-Encoding\t: chunked", behindChunks), 400],
  ["folded coding", post("Transfer-Encoding:\r\n chunked", behindChunks), 400],
  ["control byte before the coding", post("Transfer-Encoding: \x0bchunked", behindChunks), 400],
  ["misspelt coding", post("Transfer-Encoding: xchunked", behindChunks), 400],
  ["quoted coding", post('Transfer-Encoding: "chunked"', behindChunks), 400],
  ["coding with a parameter", post("Transfer-Encoding: chunked;a=b", behindChunks), 400],
  ["identity after chunked", post("Transfer-Encoding: chunked, identity", behindChunks), 400],
  ["NUL in the coding", post("Transfer-Encoding: chunked\0", behindChunks), 400],
  ["bare CR before the coding", post("X: a\rTransfer-Encoding: chunked", behindChunks), 400],
  ["bare LF before the coding", post("X: a\nTransfer-Encoding: chunked", behindChunks), 400],
  ["NUL in the coding's name", post("Transfer-Encoding\0: chunked", behindChunks), 400],
  ["length with an octal look", post("Content-Length: 0o5", SMUGGLED), 400],
  ["length with an underscore", post("Content-Length: 1_0", SMUGGLED), 400],
  ["length with an exponent", post("Content-Length: 1e1", SMUGGLED), 400],
  ["length that wraps to 0", post("Content-Length: 4294967296\r\nContent-Length: 0", SMUGGLED), 400],
  ["space before the length's colon", post(`Content-Length : ${SMUGGLED.length}`, SMUGGLED), 400],
  [
    "coding in HTTP/1.0",
    `POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${behindChunks}`,
    400,
  ],
];

const cases = casesFor(CASES, []);

describe("refused, and the smuggled request never runs", () => {
  test.each(cases)("%s", async (_name, bytes, status) => {
    await expectRefused(counting, bytes, status);
    expect(counting.seen.filter(({ url }) => url.includes("smuggled"))).toEqual([]);
  });
});

test("a request in the body of another is a body", async () => {
  await using client = await RawClient.connect(counting.server.port);
  await client.send(post(`Content-Length: ${SMUGGLED.length}`, SMUGGLED));
  await client.send("GET /real HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.readResponse();
  await client.readResponse();
  expect(counting.seen.slice(-2).map(({ url, body }) => [url, body])).toEqual([
    ["http://a/", SMUGGLED],
    ["http://a/real", ""],
  ]);
});

test("a request in the body of a GET is a body too", async () => {
  await using client = await RawClient.connect(counting.server.port);
  await client.send(
    `GET /outer HTTP/1.1\r\nHost: a\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
  );
  await client.send("GET /real HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.readResponse();
  await client.readResponse();
  expect(counting.seen.slice(-2).map(({ url }) => url)).toEqual(["http://a/outer", "http://a/real"]);
});

test("a trailer does not become a field", async () => {
  await using client = await RawClient.connect(counting.server.port);
  await client.send(post("Transfer-Encoding: chunked", "0\r\nX-Admin: yes\r\nContent-Length: 9\r\n\r\n"));
  await client.readResponse();
  expect(counting.seen.at(-1)!.headers).not.toHaveProperty("x-admin");
  expect(counting.seen.at(-1)!.headers).not.toHaveProperty("content-length");
});
