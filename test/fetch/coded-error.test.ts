import { expect, test } from "bun:test";
import { codedTypeError } from "../../src/fetch/coded-error.ts";

test.each(["ERR_INVALID_ARG_TYPE", "ERR_INVALID_THIS", "ERR_MISSING_ARGS"] as const)(
  "%s is on the prototype, and in the text",
  (code) => {
    const error = codedTypeError("a mistake", code);
    expect(error).toBeInstanceOf(TypeError);
    expect([error.name, error.code, error.message]).toEqual(["TypeError", code, "a mistake"]);
    expect([String(error), Object.keys(error)]).toEqual([`TypeError [${code}]: a mistake`, []]);
    expect(error.stack).toContain("coded-error.test.ts");
  },
);
