/** Request line and field syntax, RFC 9112 sections 2 to 5, on real sockets. */
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

const REFUSED: readonly [name: string, bytes: string, status: number][] = [
  ["HTTP/1.1 without Host", "GET / HTTP/1.1\r\n\r\n", 400],
  ["two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400],
  ["two equal Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400],
  ["a space in Host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400],
  ["bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400],
  ["bare LF after a field", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400],
  ["bare LF as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400],
  ["bare LF everywhere", "GET / HTTP/1.1\nHost: a\n\n", 400],
  ["bare CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400],
  ["bare CR in the request line", "GET /a\rb HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  ["space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400],
  ["tab before the colon", "GET / HTTP/1.1\r\nHost: a\r\nX\t: b\r\n\r\n", 400],
  ["obs-fold with a space", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400],
  ["obs-fold with a tab", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n\tb\r\n\r\n", 400],
  ["space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400],
  ["a field without a colon", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", 400],
  ["a field without a name", "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400],
  ["a bad byte in a name", "GET / HTTP/1.1\r\nHost: a\r\nX(: b\r\n\r\n", 400],
  ["a byte above 0x7f in a name", "GET / HTTP/1.1\r\nHost: a\r\nX\xe9: b\r\n\r\n", 400],
  ["NUL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", 400],
  ["a control byte in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\x01b\r\n\r\n", 400],
  ["two spaces after the method", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  ["two spaces before the version", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  ["a tab in place of a space", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  ["a space before the method", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  ["a space after the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400],
  ["no version (HTTP/0.9)", "GET /\r\n\r\n", 400],
  ["no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  ["lower-case http", "GET / http/1.1\r\nHost: a\r\n\r\n", 400],
  ["HTTP/1.1 with a letter", "GET / HTTP/1.x\r\nHost: a\r\n\r\n", 400],
  ["HTTP/11", "GET / HTTP/11\r\nHost: a\r\n\r\n", 400],
  ["another protocol's name", "GET / ICAP/1.0\r\nHost: a\r\n\r\n", 400],
  ["HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505],
  ["HTTP/3.0", "GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505],
  ["HTTP/0.9 spelled out", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505],
  ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
  ["an unknown method", "FOO / HTTP/1.1\r\nHost: a\r\n\r\n", 501],
  ["a lower-case method", "get / HTTP/1.1\r\nHost: a\r\n\r\n", 501],
  ["a hello of TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400],
  ["binary noise", "\x00\x01\x02\x03\r\n\r\n", 400],
];

const ACCEPTED: readonly [name: string, bytes: string][] = [
  ["the least of HTTP/1.1", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["no space after the colon", "GET / HTTP/1.1\r\nHost:a\r\n\r\n"],
  ["spaces and tabs round the value", "GET / HTTP/1.1\r\nHost: \t a \t\r\n\r\n"],
  ["an empty value", "GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n"],
  ["all token bytes in a name", "GET / HTTP/1.1\r\nHost: a\r\n!#$%&'*+-.^_`|~09Az: b\r\n\r\n"],
  ["bytes above 0x7f in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: \xe9\xff\r\n\r\n"],
  ["an empty line before the request", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"],
  ["names in any case", "GET / HTTP/1.1\r\nhOsT: a\r\n\r\n"],
];

const refused = casesFor(REFUSED, [
  "two Hosts",
  "two equal Hosts",
  "a space in Host",
  "bare LF after the request line",
  "bare LF everywhere",
  "bare CR in the request line",
  "two spaces before the version",
  "a tab in place of a space",
  "a space after the version",
  "no version (HTTP/0.9)",
  "lower-case http",
  "HTTP/1.1 with a letter",
  "HTTP/11",
  "another protocol's name",
  "the preface of HTTP/2",
  "an unknown method",
  "a lower-case method",
]);
const accepted = casesFor(ACCEPTED, ["an empty line before the request"]);

const SPLITS: readonly [string, Splits | undefined][] = [
  ["whole", undefined],
  ["byte by byte", "bytes"],
];

describe.each(SPLITS)("%s", (_, splits) => {
  const how = splits === undefined ? {} : { splits };
  test.each(refused)("refuses %s", (_name, bytes, status) => expectRefused(counting, bytes, status, how));

  test.each(accepted)("accepts %s", async (_name, bytes) => {
    await expectAccepted(counting, bytes, how);
  });
});

test.each(refused)("answers what came before, then refuses %s", (_name, bytes, status) =>
  expectRefused(counting, `GET /before HTTP/1.1\r\nHost: a\r\n\r\n${bytes}`, status, { earlier: 1 }),
);

test("what follows a refused request is not looked at", () =>
  expectRefused(counting, "GET / HTTP/1.1\r\n\r\nGET /after HTTP/1.1\r\nHost: a\r\n\r\n", 400));

test("fields arrive trimmed, lower-case and joined", async () => {
  const [seen] = await expectAccepted(
    counting,
    "GET / HTTP/1.1\r\nHost: a\r\nX-Many:  one\r\nx-many:two \r\nCookie: a=1\r\nCookie: b=2\r\nX-Latin: \xe9\r\n\r\n",
  );
  expect(seen!.headers).toEqual({
    host: "a",
    "x-many": "one, two",
    cookie: "a=1; b=2",
    "x-latin": "\u00e9",
  });
});

test("HTTP/1.0 needs no Host and is closed after the answer", async () => {
  await using client = await RawClient.connect(counting.server.port);
  await client.send("GET / HTTP/1.0\r\n\r\n");
  const responses = await client.readResponsesUntilClose();
  expect(responses.map(({ status, text }) => [status, text])).toEqual([[200, "ok"]]);
  expect(client.ending).toBe("fin");
});
