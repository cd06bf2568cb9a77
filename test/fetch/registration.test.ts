import { afterAll, describe, expect, test } from "bun:test";
import {
  enterHandlerThread,
  handlerThreadContext,
  hasRegistrar,
  registerExport,
  setRegistrar,
  type ThreadContext,
} from "../../src/fetch/registration.ts";

const context = (): ThreadContext => ({
  serverIndex: 0,
  server: { name: "the server" },
  isDevelopment: true,
  findsRoutes: false,
  calls: 0,
  registration: null,
  onRegistered: null,
});

describe("a default export", () => {
  test("goes to whoever has serve(), and a refusal says what is expected", () => {
    const seen: unknown[] = [];
    setRegistrar((exported) => {
      if (exported === null) throw new TypeError("no options");
      seen.push(exported);
    });
    const options = { fetch: () => new Response() };
    registerExport(options);
    expect([hasRegistrar(), seen]).toEqual([true, [options]]);
    expect(() => registerExport(null)).toThrow(
      "a module of handlers must export the options of serve() by default: no options",
    );
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
