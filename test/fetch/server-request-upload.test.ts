/** Bodies of the Request that a handler gets which are still arriving when it is called. */
import { describe, expect, test } from "bun:test";
import { BODY_WINDOW } from "../../src/channel/messages.ts";
import type { Exchange } from "../../src/fetch/exchange.ts";
import { BodyFailure } from "../../src/fetch/incoming-body.ts";
import { makeRequest } from "../../src/fetch/make-request.ts";
import { pattern } from "../channel/link-pair.ts";
import { makeExchange, Recorder } from "./recorder.ts";

interface Arriving {
  readonly request: Request;
  readonly exchange: Exchange;
  readonly recorder: Recorder;
  receive(bytes: Uint8Array | string): void;
  end(): void;
}

function arriving(fields = "Content-Length: 1000000", method = "POST"): Arriving {
  const recorder = new Recorder();
  const { exchange, view } = makeExchange(`${method} / HTTP/1.1\r\nHost: a\r\n${fields}\r\n\r\n`, recorder, {
    streams: true,
  });
  return {
    request: makeRequest(exchange, view) as unknown as Request,
    exchange,
    recorder,
    receive: (bytes) => {
      const source = Buffer.from(bytes as Uint8Array);
      exchange.body!.receive(source, 0, source.length);
    },
    end: () => exchange.body!.end(),
  };
}

/** A request whose body has come whole, but later than its head. */
function arrived(body: string | Uint8Array, type = "text/plain"): Request {
  const { request, receive, end } = arriving(`Content-Type: ${type}\r\nContent-Length: ${body.length}`);
  receive(body);
  end();
  return request;
}

async function failureOf(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  return promise.then(
    () => {
      throw new Error("it did not fail");
    },
    (error) => error as Error,
  );
}

describe("reading", () => {
  const ways: Record<string, (request: Request) => Promise<Uint8Array>> = {
    text: (request) => request.text().then((text) => Buffer.from(text)),
    bytes: (request) => request.bytes(),
    arrayBuffer: (request) => request.arrayBuffer().then((buffer) => new Uint8Array(buffer)),
    blob: (request) => request.blob().then((blob) => blob.bytes()),
    stream: (request) => new Response(request.body).bytes(),
    "new Response(request)": (request) => new Response(request.body as never).bytes(),
    "new Request(request)": (request) => new Request("http://a/", request).bytes(),
    "stream, then text": (request) => {
      expect(request.body).toBe(request.body);
      return request.text().then((text) => Buffer.from(text));
    },
    clone: (request) => {
      const copy = request.clone();
      return Promise.all([request.bytes(), copy.bytes()]).then(([mine, other]) => {
        expect(Buffer.from(mine).equals(other)).toBe(true);
        return mine;
      });
    },
  };
  for (const framing of ["Content-Length: 1000000", "Transfer-Encoding: chunked"]) {
    test.each(Object.keys(ways))(`%s under credit, ${framing}`, async (way) => {
      const { request, exchange, recorder } = arriving(framing);
      expect(recorder.bodyCredits).toEqual([BODY_WINDOW]);
      const source = Buffer.from("0123456789".repeat(100_000));
      const reading = ways[way](request);
      const deadline = Date.now() + 3000;
      for (let sent = 0; sent < source.length; ) {
        const granted = recorder.bodyCredits.reduce((sum, bytes) => sum + bytes, 0);
        const end = Math.min(source.length, granted, sent + 16_384);
        exchange.body!.receive(source, sent, end);
        sent = end;
        if (Date.now() > deadline) throw new Error(`stuck at ${sent}`);
        await Bun.sleep(0);
      }
      exchange.body!.end();
      expect(source.equals(await reading)).toBe(true);
    });
  }

  test("text, json, blob and form show what came, as with a body that came with its head", async () => {
    const utf8 = new TextEncoder().encode("\ufeffgr\u00fc\u00df");
    expect(await arrived(utf8).text()).toBe(await new Response(utf8).text());
    expect(await arrived('{"a":[1]}').json()).toEqual({ a: [1] });
    expect((await failureOf(arrived("{").json())).name).toBe("SyntaxError");
    const blob = await arrived("bytes", "application/x-test").blob();
    expect([await blob.text(), blob.type]).toEqual(["bytes", "application/x-test"]);
    const form = await arrived("a=1&b=%20", "application/x-www-form-urlencoded").formData();
    expect([form.get("a"), form.get("b")]).toEqual(["1", " "]);
    const parts = '--B\r\nContent-Disposition: form-data; name="f"; filename="n"\r\n\r\nfile\r\n--B--\r\n';
    const file = (await arrived(parts, "multipart/form-data; boundary=B").formData()).get("f") as File;
    expect([file.name, await file.text()]).toEqual(["n", "file"]);
  });

  test("bytes lie in memory of just their length", async () => {
    for (const fields of ["Content-Length: 100000", "Transfer-Encoding: chunked"]) {
      const { request, receive, end } = arriving(fields);
      const bytes = request.bytes();
      for (let at = 0; at < 100_000; at += 20_000) receive(pattern(20_000));
      end();
      const { buffer, byteOffset, length } = await bytes;
      expect([buffer.byteLength, byteOffset, length]).toEqual([100_000, 0, 100_000]);
    }
  });

  test("is not empty before it has come, and empty when it ends at once", async () => {
    const { request, end } = arriving();
    expect(request.body).toBeInstanceOf(ReadableStream);
    end();
    expect(await request.text()).toBe("");
  });

  test("nothing is granted for a look at the fields of a request", async () => {
    const { request, recorder, receive } = arriving();
    receive(pattern(50_000));
    expect([request.bodyUsed, request.method, request.headers.get("content-length")]).toEqual([
      false,
      "POST",
      "1000000",
    ]);
    expect(request.body!.locked).toBe(false);
    await Bun.sleep(1);
    expect(recorder.bodyCredits).toEqual([BODY_WINDOW]);
  });
});

describe("once", () => {
  const used: Record<string, (request: Request) => unknown> = {
    text: (request) => request.text(),
    bytes: (request) => request.bytes(),
    "a locked stream": (request) => request.body!.getReader(),
    "a stream that was read and let go": async (request) => {
      const reader = request.body!.getReader();
      await reader.read();
      reader.releaseLock();
    },
  };
  test.each(Object.keys(used))("%s uses it up", async (way) => {
    const { request, receive, end } = arriving();
    receive("some");
    expect(request.bodyUsed).toBe(false);
    const use = used[way](request);
    end();
    await use;
    expect(request.bodyUsed).toBe(true);
    for (const read of ["text", "json", "bytes", "arrayBuffer", "blob", "formData"] as const) {
      const error = await failureOf(request[read]() as Promise<unknown>);
      expect([read, error.name, error.code]).toEqual([read, "TypeError", "ERR_BODY_ALREADY_USED"]);
    }
    expect(() => request.clone()).toThrow("Body already used");
  });

  test("a body that is being put together is a locked stream", () => {
    const { request } = arriving();
    request.text().catch(() => {});
    expect([request.body!.locked, request.bodyUsed]).toEqual([true, true]);
    expect(request.body).toBe(request.body);
  });
});

describe("failure", () => {
  const reasons: readonly [string, (exchange: Exchange) => void, string, string][] = [
    [
      "too large",
      ({ body }) => body!.fail(new BodyFailure(413)),
      "Error",
      "Request body exceeded maxRequestBodySize",
    ],
    ["the client leaves", (exchange) => exchange.abort(), "AbortError", "The connection was closed."],
    [
      "answered before it came",
      (exchange) => exchange.answer("x", null, 0),
      "AbortError",
      "The connection was closed.",
    ],
  ];
  test.each(reasons)("%s: whoever reads is told, before and after", async (_what, fail, name, message) => {
    for (const read of ["text", "json", "bytes", "blob"] as const) {
      for (const isBefore of [true, false]) {
        const { request, exchange, receive } = arriving();
        receive(pattern(10));
        const before = isBefore ? failureOf(request[read]() as Promise<unknown>) : null;
        fail(exchange);
        const error = await (before ?? failureOf(request[read]() as Promise<unknown>));
        expect([error.name, error.message]).toEqual([name, message]);
      }
    }
  });

  test("of a stream reaches its reader", async () => {
    const { request, exchange, receive } = arriving();
    const reader = request.body!.getReader();
    receive("some");
    expect((await reader.read()).value!.length).toBe(4);
    const rest = failureOf(reader.read());
    exchange.body!.fail(new BodyFailure(413));
    expect((await rest).message).toBe("Request body exceeded maxRequestBodySize");
  });
});

test("a clone reads it too, whoever reads first, and a change of one's fields is not the other's", async () => {
  const { request, receive, end } = arriving();
  const copy = request.clone();
  copy.headers.set("x", "1");
  receive("shared");
  end();
  expect([await copy.text(), await request.text(), request.headers.has("x")]).toEqual([
    "shared",
    "shared",
    false,
  ]);
});

test("GET and HEAD have no body, whatever their fields say", () => {
  for (const method of ["GET", "HEAD"]) expect(arriving("Content-Length: 5", method).request.body).toBeNull();
});
