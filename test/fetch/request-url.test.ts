import { describe, expect, test } from "bun:test";
import { makeRequest } from "../../src/fetch/make-request.ts";
import { requestUrl, URL_KNOWN, URL_ODD, URL_TO_PARSE } from "../../src/fetch/request-url.ts";
import { makeExchange } from "./recorder.ts";

function exchangeOf(target: string, host: string | null) {
  const field = host === null ? "" : `Host: ${host}\r\n`;
  const method = target === "*" ? "OPTIONS" : "GET";
  // The helper writes latin-1, and a target is read as UTF-8.
  const sent = Buffer.from(target).toString("latin1");
  return makeExchange(`${method} ${sent} HTTP/1.${host === null ? 0 : 1}\r\n${field}\r\n`);
}

function kindOf(target: string, host: string | null = "x.example"): number {
  return requestUrl(exchangeOf(target, host).view).kind;
}

const TARGETS = [
  "/",
  "/a/b.c?d=e&f=%20",
  "/a/.",
  "/a/..",
  "/a/../b",
  "/./a",
  "/.well-known/x",
  "/%2e%2e/a",
  "/a%20b",
  "//a//b",
  "/a?../b?c",
  "/a#b",
  "/a?b#c",
  "/a?'b'",
  "/a'b",
  "/[a]",
  "/a|b^c`{d}",
  '/"<>',
  "/a\\b",
  "/é?é",
  "/a;b=c,d@e:f!g$h*i(j)k~l_m-n+o",
  "/a?b;c=d,e@f:g!h$i*j(k)l~m_n-o+p/q",
  "http://other.example/p/../q?r",
];
const HOSTS = [
  "x.example",
  "X.Example",
  "x:80",
  "x:8080",
  "127.0.0.1:3000",
  "127.1",
  "0x7f.0.0.1",
  "[::1]:3000",
  "[0:0::1]",
];

describe("the url of a request", () => {
  test.each(HOSTS)("is what the url parser makes of it: %s", (host) => {
    for (const target of TARGETS) {
      const wanted = URL.parse(target.startsWith("/") ? `http://${host}${target}` : target)!.href;
      // From the third time on it is one that was kept.
      for (let time = 0; time < 4; time++) {
        const { exchange, view } = exchangeOf(target, host);
        expect([target, makeRequest(exchange, view).url]).toEqual([target, wanted]);
      }
    }
  });

  test("is known without the parser where nothing in it could change", () => {
    expect(["/", "/users/12", "/a.b/c?d=e%20f"].map((target) => kindOf(target))).toEqual([0, 0, 0]);
    expect(URL_KNOWN).toBe(0);
    for (const target of ["/a/../b", "/a%2e", "/a?'", "/a#b", "http://x.example/"]) {
      expect([target, kindOf(target)]).toEqual([target, URL_TO_PARSE]);
    }
    expect(kindOf("/", "x:80")).toBe(URL_TO_PARSE);
    expect([kindOf("*"), kindOf("/", null)]).toEqual([URL_ODD, URL_ODD]);
  });

  test("of one target is that of its own host, however they follow each other", () => {
    const hosts = ["a", "a", "a", "b", "a", "b:81", "b:81", "b:81", "a", "a"];
    const seen = hosts.map((host) => requestUrl(exchangeOf("/same", host).view).text);
    expect(seen).toEqual(hosts.map((host) => `http://${host}/same`));
    // The bytes of target and host, one behind the other, are the same.
    for (let time = 0; time < 3; time++) {
      expect(requestUrl(exchangeOf("/xa", "b").view).text).toBe("http://b/xa");
      expect(requestUrl(exchangeOf("/x", "ab").view).text).toBe("http://ab/x");
    }
  });

  test("is the same string for the same bytes, and right for thousands of others", () => {
    for (let index = 0; index < 5000; index++) {
      const target = `/users/${index}?page=${"9".repeat(index % 150)}`;
      expect(requestUrl(exchangeOf(target, "x").view).text).toBe(`http://x${target}`);
    }
  });
});
