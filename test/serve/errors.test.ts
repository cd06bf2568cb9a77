/** The form of argument errors; their texts are compared with Bun's in options.test.ts. */
import { describe, expect, test } from "bun:test";
import { invalidType, nothingToServe, optionOfWrongType, outOfRange } from "../../src/serve/errors.ts";

describe("a coded error", () => {
  test("is of its class, with the code off the object", () => {
    const type = invalidType("wrong");
    expect(type).toBeInstanceOf(TypeError);
    expect(type.constructor).toBe(TypeError);
    expect(type.code).toBe("ERR_INVALID_ARG_TYPE");
    expect(Object.keys(type)).toEqual([]);
    expect(Object.hasOwn(type, "code")).toBe(false);
    const range = outOfRange("far");
    expect(range).toBeInstanceOf(RangeError);
    expect(range).not.toBeInstanceOf(TypeError);
    expect(range.code).toBe("ERR_OUT_OF_RANGE");
  });

  test("says its code as a string, and shows it when inspected", () => {
    expect(String(invalidType("wrong"))).toBe("TypeError [ERR_INVALID_ARG_TYPE]: wrong");
    expect(String(outOfRange("far"))).toBe("RangeError [ERR_OUT_OF_RANGE]: far");
    expect(Bun.inspect(invalidType("wrong"))).toContain('code: "ERR_INVALID_ARG_TYPE"');
  });

  test("has a stack of its own each time", () => {
    expect(nothingToServe()).not.toBe(nothingToServe());
    expect(nothingToServe().stack).toContain("errors.test.ts");
  });
});

test("values are shown short, strings in quotes", () => {
  expect(optionOfWrongType("threads.max", "an integer", 'a"b').message).toBe(
    'threads.max must be an integer, but was "a\\"b"',
  );
  expect(optionOfWrongType("x", "y", { deep: { er: { still: 1 } } }).message.length).toBeLessThan(60);
});
