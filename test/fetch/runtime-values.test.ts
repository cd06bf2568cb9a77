/** What handlers return that is no answer: BUN-SERVE.md sections 8.5 and 9. */
import { afterEach, beforeAll, beforeEach, describe, expect, type Mock, spyOn, test } from "bun:test";
import type { ErrorHandler, FetchHandler } from "../../src/fetch/registration.ts";
import { installResponseNotes } from "../../src/fetch/response-notes.ts";
import { HandlerRuntime } from "../../src/fetch/runtime.ts";
import { GET, makeExchange, type Recorder } from "./recorder.ts";

beforeAll(installResponseNotes);

let print: Mock<typeof console.error>;
const rejections: unknown[] = [];
const noteRejection = (error: unknown): void => {
  rejections.push(error);
};
beforeEach(() => {
  print = spyOn(console, "error").mockImplementation(() => {});
  rejections.length = 0;
  process.on("unhandledRejection", noteRejection);
});
afterEach(() => {
  process.off("unhandledRejection", noteRejection);
  print.mockRestore();
});

async function run(fetch: unknown, error: unknown = null, isDevelopment = false): Promise<Recorder> {
  const runtime = new HandlerRuntime({
    fetch: fetch as FetchHandler,
    routes: [],
    responder: null,
    error: error as ErrorHandler | null,
    isDevelopment,
    server: {},
  });
  const { exchange, view, recorder } = makeExchange(GET);
  runtime.run(exchange, view);
  await Promise.race([recorder.until(() => exchange.isDone), Bun.sleep(300)]);
  expect({ rejections, isDone: exchange.isDone }).toEqual({ rejections: [], isDone: true });
  return recorder;
}

describe("a value that is no Response", () => {
  const values: readonly unknown[] = [undefined, null, "text", 5, {}, Bun.file("/nowhere")];

  test("is 204 in production, a greeting in development, and is printed; `error` is not called", async () => {
    const fail = () => {
      throw new Error("not to be called");
    };
    for (const value of values) {
      for (const fetch of [() => value, async () => value, () => Bun.sleep(1).then(() => value)]) {
        print.mockClear();
        const production = (await run(fetch, fail)).read();
        expect([production.statusLine, production.body.length]).toEqual(["HTTP/1.1 204 No Content", 0]);
        expect(production.field("content-length")).toBeUndefined();
        expect(print.mock.calls.length).toBe(1);
        expect(print.mock.calls[0][0]).toStartWith("error: Expected a Response object, but received '");
        const development = (await run(fetch, fail, true)).read();
        expect([development.statusLine, development.content]).toEqual([
          "HTTP/1.1 200 OK",
          "Welcome to Bun! To get started, return a Response object.",
        ]);
      }
    }
  });

  test("the message names it", async () => {
    await run(() => undefined);
    expect(print.mock.calls[0][0]).toBe("error: Expected a Response object, but received 'undefined'");
  });
});

describe("a Response that cannot be sent", () => {
  const shared = new Response("once");

  test("one that was sent before: the error handler is told why", async () => {
    await run(() => shared);
    const errors: { code?: string }[] = [];
    const handler = (error: { code?: string }) => {
      errors.push(error);
      return new Response("instead", { status: 503 });
    };
    for (const fetch of [() => shared, async () => shared, () => Bun.sleep(1).then(() => shared)]) {
      expect((await run(fetch, handler)).read().content).toBe("instead");
    }
    expect(errors.map(({ code }) => code)).toEqual(Array(3).fill("ERR_BODY_ALREADY_USED"));
  });

  test("without an error handler it is a 500, in development with the message", async () => {
    expect((await run(() => shared)).read().content).toBe("Something went wrong!");
    const page = (await run(() => Response.error(), null, true)).read();
    expect(page.statusLine).toBe("HTTP/1.1 500 Internal Server Error");
    expect(page.content).toContain("Cannot send a Response with status 0");
  });

  test("a file that is not there", async () => {
    const errors: { code?: string }[] = [];
    const handler = (error: { code?: string }) => {
      errors.push(error);
      return new Response("no such file", { status: 404 });
    };
    const answer = (await run(() => new Response(Bun.file("/nowhere/at/all")), handler)).read();
    expect([answer.statusLine, errors[0].code]).toEqual(["HTTP/1.1 404 Not Found", "ENOENT"]);
  });

  test("an error handler whose Response cannot be sent either", async () => {
    const fetch = () => {
      throw new Error("first");
    };
    expect((await run(fetch, () => shared)).read().content).toBe("Something went wrong!");
    expect((await run(fetch, async () => shared)).read().content).toBe("Something went wrong!");
  });

  test("one whose stream somebody reads, returned at once", async () => {
    const fetch = () => {
      const response = new Response(new ReadableStream());
      response.body!.getReader();
      return response;
    };
    expect((await run(fetch)).read().statusLine).toBe("HTTP/1.1 500 Internal Server Error");
  });

  // Reason: `stream.getReader()` in `pumpStream` throws, and in `#settle` nothing catches what `#settleValue` throws in
  // a promise callback: an unhandled rejection (which ends a handler thread) and no answer.
  test("one whose stream somebody reads, returned later", async () => {
    const fetch = async () => {
      await Bun.sleep(1);
      const response = new Response(new ReadableStream());
      response.body!.getReader();
      return response;
    };
    expect((await run(fetch)).read().statusLine).toBe("HTTP/1.1 500 Internal Server Error");
  });

  // Reason: as above, in `accept` of `#fail`.
  test("one whose stream somebody reads, from an async error handler", async () => {
    const fetch = () => {
      throw new Error("first");
    };
    const handler = async () => {
      const response = new Response(new ReadableStream());
      response.body!.getReader();
      return response;
    };
    expect((await run(fetch, handler)).read().statusLine).toBe("HTTP/1.1 500 Internal Server Error");
  });
});

describe("anything may be thrown", () => {
  test.each([undefined, null, "text", 5, { a: 1 }, Symbol("s")])("%p", async (thrown) => {
    for (const isDevelopment of [false, true]) {
      const fetch = () => {
        throw thrown;
      };
      expect((await run(fetch, null, isDevelopment)).read().statusLine).toStartWith("HTTP/1.1 500 ");
      const given: unknown[] = [];
      await run(fetch, (error: unknown) => {
        given.push(error);
        return new Response();
      });
      expect(given).toEqual([thrown]);
    }
  });

  test("a thrown Response is an error as any other", async () => {
    const fetch = () => {
      throw new Response("thrown", { status: 404 });
    };
    expect((await run(fetch)).read().statusLine).toBe("HTTP/1.1 500 Internal Server Error");
  });
});
