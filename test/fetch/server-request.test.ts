import { afterAll, describe, expect, test } from "bun:test";
import { exchangeOf, makeRequest } from "../../src/fetch/make-request.ts";
import type { RouteHandler } from "../../src/fetch/registration.ts";
import { METHODS } from "../../src/http/method.ts";
import { makeExchange } from "./recorder.ts";

/** The Request that a handler gets for a request in text. */
function requestOf(text: string): Request {
  const { exchange, view } = makeExchange(text);
  return makeRequest(exchange, view) as unknown as Request;
}

function listed(object: object): string[] {
  const names: string[] = [];
  for (const name in object) names.push(name);
  return names.sort();
}

const get = (target: string, host: string | null = "x") =>
  requestOf(
    `GET ${target} HTTP/1.${host === null ? 0 : 1}\r\n${host === null ? "" : `Host: ${host}\r\n`}\r\n`,
  );

const echo = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: async (request) =>
    Response.json({
      method: request.method,
      path: new URL(request.url).pathname,
      headers: request.headers.toJSON(),
      body: await request.text(),
    }),
});
afterAll(() => echo.stop(true));
const echoHost = `127.0.0.1:${echo.port}`;

describe("url", () => {
  // Expected values: BUN-SERVE.md section 7, measured on Bun.serve.
  test.each([
    ["/", "example.com", "http://example.com/"],
    ["/a/../url", "x", "http://x/url"],
    ['/"<>', "x", "http://x/%22%3C%3E"],
    ["/q?a=b%20c&d", "x:8080", "http://x:8080/q?a=b%20c&d"],
    ["/url", "EX.com", "http://ex.com/url"],
    ["/url", "x:80", "http://x/url"],
    ["/a#frag", "x", "http://x/a#frag"],
    ["//url", "x", "http://x//url"],
    ["/", "[::1]:3000", "http://[::1]:3000/"],
    ["http://other.example/p?q", "x", "http://other.example/p?q"],
    ["HTTP://Other.Example:80/", "x", "http://other.example/"],
  ])("%s with Host %s is %s", (target, host, url) => {
    const request = get(target, host);
    expect(request.url).toBe(url);
    expect(new URL(request.url).href).toBe(url);
  });

  test("is the target alone where it makes no url: no Host, an empty one, an odd one", () => {
    expect(get("/url", null).url).toBe("/url");
    expect(get("/url", "").url).toBe("/url");
    // Hosts that the parser refuses today, should it ever let them through.
    for (const host of ["a b", "ex.com/evil?", "user@ex.com", "ex.com#x", "[::1", "ex.com:port"]) {
      const text = `GET /url HTTP/1.1\r\nHost: ${"h".repeat(host.length)}\r\n\r\n`;
      const { exchange, view } = makeExchange(text);
      view.bytes.write(host, view.bytes.indexOf("hhhh".slice(0, host.length), view.headStart), "latin1");
      expect(makeRequest(exchange, view).url).toBe("/url");
    }
  });

  test("is the target alone for * and for an authority", () => {
    const star = requestOf("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n");
    expect([star.method, star.url]).toEqual(["OPTIONS", "*"]);
    const tunnel = requestOf("CONNECT ex.com:443 HTTP/1.1\r\nHost: ex.com:443\r\n\r\n");
    expect([tunnel.method, tunnel.url]).toEqual(["CONNECT", "ex.com:443"]);
  });

  test("an absolute target that is no url is shown as it came", () => {
    expect(get("http://1.2.3.256/").url).toBe("http://1.2.3.256/");
  });

  test("one odd host does not spoil the next request", () => {
    expect([get("/", "one").url, get("/", "").url, get("/", "two").url, get("/", "one").url]).toEqual([
      "http://one/",
      "/",
      "http://two/",
      "http://one/",
    ]);
  });
});

describe("what it is", () => {
  test("a Request, with the defaults of any other and no keys of its own", () => {
    const request = get("/");
    expect(request).toBeInstanceOf(Request);
    expect(Object.prototype.toString.call(request)).toBe("[object Request]");
    expect(request.constructor.name).toBe("Request");
    expect(Object.keys(request)).toEqual([]);
    const other = new Request("http://x/");
    for (const name of ["redirect", "mode", "credentials", "cache", "referrer", "integrity"] as const) {
      expect([name, (request as unknown as Record<string, unknown>)[name]]).toEqual([
        name,
        (other as unknown as Record<string, unknown>)[name],
      ]);
    }
  });

  test.each(METHODS.filter((name) => name !== "CONNECT"))("method %s", (name) => {
    expect(requestOf(`${name} / HTTP/1.1\r\nHost: x\r\n\r\n`).method).toBe(name);
  });

  test("its members are listed as those of the native one", () => {
    const native = listed(new Request("http://x/"));
    for (const text of [
      "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
      "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na",
    ]) {
      expect(listed(requestOf(text))).toEqual(native);
      const { exchange, view } = makeExchange(text);
      const routed = listed(
        makeRequest(exchange, view, { names: [], segments: [] } as unknown as RouteHandler),
      );
      expect(native.filter((name) => !routed.includes(name))).toEqual([]);
    }
  });

  test("its exchange is known of it alone", () => {
    const { exchange, view } = makeExchange("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    const request = makeRequest(exchange, view);
    expect(exchangeOf(request)).toBe(exchange);
    for (const other of [new Request("http://x/"), request.clone(), {}, null, undefined, 5]) {
      expect(exchangeOf(other)).toBeNull();
    }
    expect(exchangeOf(new Request(request as unknown as Request))).toBeNull();
  });

  test("its signal is the exchange's", () => {
    const { exchange, view } = makeExchange("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    const request = makeRequest(exchange, view);
    expect(request.signal).toBe(exchange.signal);
    exchange.abort();
    expect([request.signal.aborted, request.signal.reason.name]).toEqual([true, "AbortError"]);
  });
});

describe("clones", () => {
  const text =
    "PUT /c?d HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nContent-Type: text/x\r\nContent-Length: 4\r\n\r\nbody";

  test("clone() has all of it, and both bodies can be read", async () => {
    const request = requestOf(text);
    const copy = request.clone();
    expect([copy.method, copy.url, copy.headers.get("x-a")]).toEqual(["PUT", "http://x/c?d", "1"]);
    expect([await copy.text(), await request.text()]).toEqual(["body", "body"]);
  });

  test("a clone's headers are its own", () => {
    const request = requestOf(text);
    const copy = request.clone();
    copy.headers.set("x-a", "2");
    expect(request.headers.get("x-a")).toBe("1");
  });

  test("a clone aborts with its original", () => {
    const { exchange, view } = makeExchange(text);
    const copy = makeRequest(exchange, view).clone();
    exchange.abort();
    expect(copy.signal.aborted).toBe(true);
  });

  test("of a request whose url is only a target", () => {
    expect(() => get("/url", null).clone()).not.toThrow();
  });

  // Reason: `clone` passes any url that starts with "http" to the native constructor, which throws for these.
  test("of a request whose absolute target is no url", () => {
    expect(() => get("http://1.2.3.256/").clone()).not.toThrow();
  });

  test("new Request(request) has all of it", async () => {
    const copy = new Request(requestOf(text));
    expect([copy.method, copy.url, copy.headers.get("x-a"), copy.headers.get("content-type")]).toEqual([
      "PUT",
      "http://x/c?d",
      "1",
      "text/x",
    ]);
    expect(await copy.text()).toBe("body");
  });

  test("new Request(request, init) replaces what init has", () => {
    const copy = new Request(requestOf(text), { method: "PATCH", headers: { y: "2" } });
    expect([copy.method, copy.headers.get("y"), copy.headers.get("x-a")]).toEqual(["PATCH", "2", null]);
  });
});

describe("passed on with fetch", () => {
  test("method, headers and body arrive", async () => {
    const request = requestOf(
      `POST /echo HTTP/1.1\r\nHost: ${echoHost}\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 5\r\n\r\nhello`,
    );
    const seen = (await (await fetch(request)).json()) as Record<string, unknown>;
    expect([seen.method, seen.path, seen.body]).toEqual(["POST", "/echo", "hello"]);
    expect((seen.headers as Record<string, string>)["x-a"]).toBe("1, 2");
  });

  test("a GET, to another url", async () => {
    const request = requestOf("GET /other HTTP/1.1\r\nHost: nowhere.invalid\r\nX-A: 1\r\n\r\n");
    const seen = (await (await fetch(`http://${echoHost}/proxied`, request)).json()) as Record<
      string,
      unknown
    >;
    expect([seen.method, seen.path]).toEqual(["GET", "/proxied"]);
    expect((seen.headers as Record<string, string>)["x-a"]).toBe("1");
  });
});

test("inspected, it shows method, url and fields", () => {
  const text = Bun.inspect(requestOf("PUT /a/b?c HTTP/1.1\r\nHost: x:81\r\nX-A: 1\r\n\r\n"));
  expect(text).toBe(
    Bun.inspect(new Request("http://x:81/a/b?c", { method: "PUT", headers: { host: "x:81", "x-a": "1" } })),
  );
});
