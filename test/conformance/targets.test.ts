/** Request targets, RFC 9112 section 3.2, and the url that a handler sees of them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  type CountingServer,
  casesFor,
  expectAccepted,
  expectRefused,
  startCounting,
} from "../support/conformance.ts";
import { stopAll } from "../support/servers.ts";

let counting: CountingServer;
beforeAll(() => {
  counting = startCounting();
});
afterAll(stopAll);

const ACCEPTED: readonly [name: string, line: string, url: string][] = [
  ["a path", "GET /a/b", "http://ex.com/a/b"],
  ["a query", "GET /a?b=c&d", "http://ex.com/a?b=c&d"],
  ["an empty query", "GET /?", "http://ex.com/?"],
  ["percent signs", "GET /%41%2f?%zz", "http://ex.com/%41%2f?%zz"],
  ["dot segments", "GET /a/../b", "http://ex.com/b"],
  ["two slashes", "GET //a", "http://ex.com//a"],
  ["bytes of RFC 3986", "GET /-._~!$&'()*+,;=:@", "http://ex.com/-._~!$&'()*+,;=:@"],
  ["the absolute form", "GET http://ex.com/p?x", "http://ex.com/p?x"],
  ["the absolute form of another host", "GET http://other.test/p", "http://other.test/p"],
];

const REFUSED: readonly [name: string, line: string][] = [
  ["no slash", "GET url"],
  ["an asterisk for GET", "GET *"],
  ["a query alone", "GET ?a"],
  ["a space", "GET /a b"],
  ["a tab", "GET /a\tb"],
  ["NUL", "GET /a\0b"],
  ["a control byte", "GET /a\x01b"],
  ["DEL", "GET /a\x7fb"],
  ["the authority form for GET", "GET ex.com:80"],
  ["an absolute form of another scheme", "GET ftp://ex.com/"],
  ["an absolute form without a host", "GET http:///p"],
];

const request = (line: string): string => `${line} HTTP/1.1\r\nHost: ex.com\r\n\r\n`;

describe("accepts", () => {
  test.each(casesFor(ACCEPTED, ["the absolute form of another host"]))("%s", async (_name, line, url) => {
    const [seen] = await expectAccepted(counting, request(line));
    expect(seen!.url).toBe(url);
  });

  test.each(casesFor([["an asterisk for OPTIONS"] as const], ["an asterisk for OPTIONS"]))("%s", async () => {
    const [seen] = await expectAccepted(counting, request("OPTIONS *"));
    expect(seen!.method).toBe("OPTIONS");
  });

  test("bytes above 0x7f", async () => {
    await expectAccepted(counting, request("GET /\xe9"));
  });
});

describe("refuses", () => {
  const refused = casesFor(REFUSED, [
    "a space",
    "a tab",
    "NUL",
    "a control byte",
    "DEL",
    "an absolute form without a host",
  ]);
  test.each(refused)("%s", (_name, line) => expectRefused(counting, request(line), 400));
});

describe("the url's host", () => {
  const HOSTS: readonly [host: string, url: string][] = [
    ["EX.com", "http://ex.com/p"],
    ["ex.com:80", "http://ex.com/p"],
    ["ex.com:8080", "http://ex.com:8080/p"],
    ["[::1]:8080", "http://[::1]:8080/p"],
  ];
  test.each(HOSTS)("%s", async (host, url) => {
    const [seen] = await expectAccepted(counting, `GET /p HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    expect(seen!.url).toBe(url);
  });
});

test("all 35 methods reach the handler", async () => {
  const methods =
    "ACL BIND CHECKOUT COPY DELETE GET LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY OPTIONS PATCH POST " +
    "PROPFIND PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND UNLINK UNLOCK UNSUBSCRIBE";
  for (const method of methods.split(" ")) {
    const [seen] = await expectAccepted(counting, request(`${method} /m`));
    expect(seen!.method).toBe(method);
  }
  const [head] = await expectAccepted(counting, request("HEAD /m"), { method: "HEAD" });
  expect(head!.method).toBe("HEAD");
  const [connect] = await expectAccepted(counting, request("CONNECT a.b:443"));
  expect(connect!.method).toBe("CONNECT");
});
