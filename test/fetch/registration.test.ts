import { afterAll, describe, expect, test } from "bun:test";
import {
  enterHandlerThread,
  handlerThreadContext,
  registerOptions,
  type ThreadContext,
} from "../../src/fetch/registration.ts";

const context = (): ThreadContext => ({
  serverIndex: 0,
  server: { name: "the server" },
  isDevelopment: true,
  findsRoutes: false,
  calls: 0,
  registration: null,
});

describe("the options of a module", () => {
  const fetch = () => new Response();
  const error = () => new Response();

  test("give its functions, with the thread's server and mode", () => {
    const thread = context();
    expect(registerOptions({ fetch, error, port: 5 }, thread)).toEqual({
      fetch,
      routes: [],
      responder: null,
      error,
      isDevelopment: true,
      server: thread.server,
    });
  });

  test("need no error handler", () => {
    for (const options of [{ fetch }, { fetch, error: undefined }, { fetch, error: null }]) {
      expect(registerOptions(options, context()).error).toBeNull();
    }
  });

  test("may be a function that has them, as frameworks export", () => {
    const app = Object.assign(() => {}, { fetch });
    expect(registerOptions(app, context()).fetch).toBe(fetch);
  });

  test("without a fetch function are refused", () => {
    for (const options of [undefined, null, {}, 5, "text", { fetch: "no" }, () => {}]) {
      expect(() => registerOptions(options, context())).toThrow(TypeError);
    }
  });

  test("with an error that is no function are refused", () => {
    for (const bad of [5, "text", {}, true]) {
      expect(() => registerOptions({ fetch, error: bad }, context())).toThrow(
        "Expected error to be a function",
      );
    }
  });
});

describe("the thread's context", () => {
  const before = handlerThreadContext();
  afterAll(() => enterHandlerThread(before as ThreadContext));

  test("is none where no handler thread was entered, and the one that was entered", () => {
    expect(before).toBeNull();
    const thread = context();
    enterHandlerThread(thread);
    expect(handlerThreadContext()).toBe(thread);
  });
});
