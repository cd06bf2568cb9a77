/** The Request of a GET, beside the native one that it stands for. */
import { afterAll, describe, expect, test } from "bun:test";
import type { Exchange } from "../../src/fetch/exchange.ts";
import { LightRequest } from "../../src/fetch/light-request.ts";
import { makeRequest } from "../../src/fetch/make-request.ts";
import type { RouteHandler } from "../../src/fetch/registration.ts";
import { makeExchange } from "./recorder.ts";

const TEXT =
  "GET /users/7?q HTTP/1.1\r\nHost: a.example\r\nX-A: 1\r\nCookie: c=d\r\nContent-Type: text/x\r\n\r\n";

type Shown = Request & { params: Record<string, string>; cookies: Bun.CookieMap };

function light(text = TEXT, route: RouteHandler | null = null): { request: Shown; exchange: Exchange } {
  const { exchange, view } = makeExchange(text);
  const request = makeRequest(exchange, view, route) as unknown as Shown;
  expect(LightRequest.exchangeOf(request)).toBe(exchange);
  return { request, exchange };
}

const native = (): Request =>
  new Request("http://a.example/users/7?q", {
    headers: { host: "a.example", "x-a": "1", cookie: "c=d", "content-type": "text/x" },
  });

const names = Object.getOwnPropertyNames(Request.prototype).filter((name) => name !== "constructor");
const describe_ = (name: string): PropertyDescriptor =>
  Object.getOwnPropertyDescriptor(Request.prototype, name)!;
const getters = names.filter((name) => describe_(name).get !== undefined);
const methods = names.filter((name) => describe_(name).get === undefined);

const echo = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: (request) =>
    Response.json([request.method, request.headers.get("x-a"), request.headers.get("cookie")]),
});
afterAll(() => echo.stop(true));

describe("members", () => {
  test.each(getters)("%s is the native one's", (name) => {
    const show = (request: Request): unknown => {
      const value = (request as unknown as Record<string, unknown>)[name];
      if (value instanceof Headers) return [...value];
      return value instanceof AbortSignal ? value.aborted : value;
    };
    expect(show(light().request)).toEqual(show(native()));
  });

  test.each(methods)("%s() does what the native one does, and is a method", async (name) => {
    const call = async (request: Request): Promise<unknown> => {
      const method = (request as unknown as Record<string, (this: Request) => unknown>)[name]!;
      try {
        const value = await method.call(request);
        if (value instanceof Request) return [value.method, value.url, [...value.headers]];
        if (value instanceof Blob) return [value.size, value.type];
        return value instanceof ReadableStream ? "a stream" : value;
      } catch (error) {
        return [(error as Error).name, (error as Error).message];
      }
    };
    const { request } = light();
    expect(await call(request)).toEqual(await call(native()));
    expect([name in request, (request as unknown as Record<string, { name: string }>)[name]!.name]).toEqual([
      true,
      name,
    ]);
  });

  test("all that the native one has are there, and no own ones", () => {
    const { request } = light();
    expect(names.filter((name) => !(name in request))).toEqual([]);
    expect([Object.keys(request), JSON.stringify(request)]).toEqual([[], JSON.stringify(native())]);
  });

  test("user code may add some", () => {
    const request = light().request as unknown as Record<string, unknown>;
    request.user = "me";
    expect([request.user, Object.keys(request)]).toEqual(["me", ["user"]]);
  });

  test("one that is called on something else throws", () => {
    for (const name of ["url", "method", "headers"]) {
      expect(() => Reflect.get(LightRequest.prototype, name, {})).toThrow(TypeError);
    }
  });
});

describe("it is a Request", () => {
  test("by its prototype, names and tags", () => {
    const { request } = light();
    expect([request instanceof Request, request.constructor.name, String(request)]).toEqual([
      true,
      "Request",
      "[object Request]",
    ]);
    expect([
      request.constructor === Request,
      new (request.constructor as typeof Request)("http://b/").url,
    ]).toEqual([true, "http://b/"]);
  });

  test("what asks for the native object itself is told so, or finds nothing", () => {
    const { request } = light();
    expect(structuredClone(request) as unknown).toEqual({});
    const { get } = describe_("url") as { get(this: Request): string };
    expect(() => get.call(request)).toThrow(TypeError);
    expect(get.call(LightRequest.nativeOf(request as never) as unknown as Request)).toBeString();
  });

  test("printed as the native one", () => {
    expect(Bun.inspect(light().request)).toBe(Bun.inspect(native()));
  });

  test("what user code adds to Request.prototype is there", () => {
    const prototype = Request.prototype as unknown as Record<string, unknown>;
    prototype.epolloTest = function (this: Request) {
      return this.url;
    };
    try {
      expect((light().request as unknown as { epolloTest(): string }).epolloTest()).toBe(
        "http://a.example/users/7?q",
      );
    } finally {
      delete prototype.epolloTest;
    }
  });

  // In main mode user code may have done so before it calls `serve`, which loads this module.
  test("what user code has added before is its own, and called on the request", async () => {
    const added = {
      ctx: { value: null, writable: true, configurable: true, enumerable: true },
      withUser: {
        value(this: { user?: string }) {
          this.user = "me";
          return this;
        },
        configurable: true,
      },
      host: {
        get(this: Request) {
          return this.headers.get("host");
        },
        configurable: true,
      },
    };
    Object.defineProperties(Request.prototype, added);
    try {
      // Another copy of the module, as it would be loaded now.
      const path = "../../src/fetch/light-request.ts?again";
      const { LightRequest: Again } = (await import(path)) as { LightRequest: typeof LightRequest };
      const { exchange, view } = makeExchange(TEXT);
      makeRequest(exchange, view);
      const request = new Again(exchange) as unknown as Record<string, unknown> & {
        withUser(): object;
      };
      request.ctx = 5;
      expect([request.withUser() === request, request.user, request.ctx, request.host]).toEqual([
        true,
        "me",
        5,
        "a.example",
      ]);
    } finally {
      for (const name of Object.keys(added)) Reflect.deleteProperty(Request.prototype, name);
    }
  });

  test("new Request(request) has all of it, with what is given beside it", async () => {
    const { request } = light();
    const copy = new Request(request);
    expect([copy.method, copy.url, [...copy.headers]]).toEqual([
      "GET",
      "http://a.example/users/7?q",
      [...native().headers],
    ]);
    const changed = new Request(request, { method: "POST", body: "b", headers: { y: "2" } });
    expect([changed.method, changed.url, await changed.text(), changed.headers.get("y")]).toEqual([
      "POST",
      "http://a.example/users/7?q",
      "b",
      "2",
    ]);
    expect(new Request("http://b/", request).headers.get("x-a")).toBe("1");
  });

  test("a subclass takes it", () => {
    class Own extends Request {}
    expect(new Own(light().request).headers.get("x-a")).toBe("1");
  });

  test("fetch(request) sends it", async () => {
    const { request } = light(
      `GET /e HTTP/1.1\r\nHost: 127.0.0.1:${echo.port}\r\nX-A: 1\r\nCookie: c=d\r\n\r\n`,
    );
    expect(await (await fetch(request)).json()).toEqual(["GET", "1", "c=d"]);
    expect(await (await Bun.fetch(request)).json()).toEqual(["GET", "1", "c=d"]);
    const changed = await fetch(request, { method: "DELETE", headers: { "x-a": "2" } });
    expect(await changed.json()).toEqual(["DELETE", "2", null]);
  });

  test("fetch(url, request) takes its fields", async () => {
    const answer = await fetch(`http://127.0.0.1:${echo.port}/`, light().request);
    expect(await answer.json()).toEqual(["GET", "1", "c=d"]);
  });
});

describe("the native request behind it", () => {
  test("is not made for url, method and signal, is made once, and knows the exchange", () => {
    const { request, exchange } = light();
    expect([request.url, request.method, request.signal.aborted]).toEqual([
      "http://a.example/users/7?q",
      "GET",
      false,
    ]);
    expect(exchange.native).toBeNull();
    const { headers } = request;
    headers.set("x-a", "changed");
    expect([request.headers, exchange.native]).toEqual([headers, LightRequest.nativeOf(request as never)]);
    expect(request.clone().headers.get("x-a")).toBe("changed");
  });

  test("is read once", async () => {
    const { request } = light();
    expect([request.body, request.bodyUsed, await request.text(), await request.bytes()]).toEqual([
      null,
      false,
      "",
      new Uint8Array(0),
    ]);
  });

  test("of a route has parameters and cookies", () => {
    const route = { names: ["id"], segments: [1] } as unknown as RouteHandler;
    const { request, exchange } = light(TEXT, route);
    expect([request.params, request.params, exchange.native]).toEqual([{ id: "7" }, request.params, null]);
    expect([request.cookies.get("c"), request.cookies]).toEqual(["d", request.cookies]);
    expect(exchange.cookies).toBe(request.cookies);
    expect([Object.prototype.toString.call(request), request instanceof Request]).toEqual([
      "[object BunRequest]",
      true,
    ]);
    const copy = request.clone() as Shown;
    expect([copy.params, copy.cookies.get("c"), copy.url]).toEqual([
      { id: "7" },
      "d",
      "http://a.example/users/7?q",
    ]);
  });
});
