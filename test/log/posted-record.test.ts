import { expect, test } from "bun:test";
import type { LogRecord } from "../../src/log/log.ts";
import { packRecord, unpackRecord } from "../../src/log/posted-record.ts";

const BASE = { level: "error", event: "a", message: "it failed", time: 1, thread: "handler 0" } as const;

function travelled(fields: Record<string, unknown>): LogRecord {
  return unpackRecord(structuredClone(packRecord({ ...BASE, ...fields })))!;
}

class Special extends TypeError {
  override name = "Special";
  code = "E_SPECIAL";
  callback = (): void => {};
}

test("a record arrives as it was", () => {
  const fields = { slot: 3, error: undefined, path: "/a", list: [1, { a: 2 }], none: null };
  expect(travelled(fields)).toEqual({ ...BASE, ...fields });
});

test("an error keeps name, message, stack, code and causes, whatever else it carries", () => {
  const error = new Special("outer", { cause: new RangeError("inner", { cause: "a text" }) });
  const arrived = travelled({ error, errors: [error] }).error as Special;
  expect(arrived).toBeInstanceOf(Error);
  expect([arrived.name, arrived.message, arrived.stack, arrived.code]).toEqual([
    "Special",
    "outer",
    error.stack as string,
    "E_SPECIAL",
  ]);
  const inner = arrived.cause as Error;
  expect([inner.name, inner.message, inner.cause]).toEqual(["RangeError", "inner", "a text"]);
  expect((travelled({ errors: [error] }).errors as Error[])[0]!.name).toBe("Special");
});

test("an error that is its own cause comes to an end", () => {
  const error = new Error("again");
  error.cause = error;
  expect((travelled({ error }).error as Error).message).toBe("again");
});

test("what cannot be cloned arrives as text", () => {
  const arrived = travelled({ error: () => 1, other: { f() {} }, symbol: Symbol("s") });
  for (const value of [arrived.error, arrived.other, arrived.symbol]) expect(typeof value).toBe("string");
});

test("other messages are no records", () => {
  for (const message of [
    null,
    undefined,
    1,
    "a",
    {},
    { type: "unregistered" },
    { type: "epollo log record" },
  ])
    expect(unpackRecord(message)).toBeNull();
});
