/** Which Request is made of which request. */
import { describe, expect, test } from "bun:test";
import { LightRequest } from "../../src/fetch/light-request.ts";
import { exchangeOf, makeRequest } from "../../src/fetch/make-request.ts";
import { ServerRequest } from "../../src/fetch/server-request.ts";
import { METHODS } from "../../src/http/method.ts";
import { makeExchange } from "./recorder.ts";

function made(text: string): { request: object; isLight: boolean; isExchanges: boolean } {
  const { exchange, view } = makeExchange(text);
  const request = makeRequest(exchange, view);
  return {
    request,
    isLight: LightRequest.exchangeOf(request) === exchange,
    isExchanges: exchangeOf(request) === exchange,
  };
}

describe("makeRequest", () => {
  test("of GET it is light, with whatever fields", () => {
    for (const fields of ["", "Content-Length: 0\r\n", "X: y\r\n"]) {
      const text = `GET / HTTP/1.1\r\nHost: x\r\n${fields}\r\n`;
      expect(made(text)).toMatchObject({ isLight: true, isExchanges: true });
    }
  });

  // What Bun does not ask a Request of another class for, in `new Request(request, init)`, is its method.
  test.each(METHODS.filter((name) => name !== "CONNECT"))(
    "%s stays so in new Request(request, init)",
    (name) => {
      const { request, isExchanges } = made(`${name} /a HTTP/1.1\r\nHost: x\r\n\r\n`);
      expect(isExchanges).toBe(true);
      const native = new Request("http://x/a", { method: name });
      for (const init of [{}, { headers: { y: "1" } }, { redirect: "manual" } as const]) {
        const copy = new Request(request as Request, init);
        expect([copy.method, copy.url]).toEqual([new Request(native, init).method, "http://x/a"]);
      }
    },
  );

  // The native object has the body, so what reads that needs no more of it.
  test("with a body it is native", async () => {
    const { request, isLight, isExchanges } = made(
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab",
    );
    expect([isLight, isExchanges, request instanceof ServerRequest]).toEqual([false, true, true]);
    const path = `${process.env.TMPDIR ?? "/tmp"}/epollo-make-request-${process.pid}`;
    await Bun.write(path, request as unknown as Response);
    expect(await Bun.file(path).text()).toBe("ab");
    await Bun.file(path).delete();
  });

  test("with a url that is none it is native", () => {
    expect(made("GET / HTTP/1.0\r\n\r\n")).toMatchObject({ isLight: false, isExchanges: true });
  });
});
