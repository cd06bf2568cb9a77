/** Fields of a plain object, beside what the native Headers make of them. */
import { describe, expect, test } from "bun:test";
import { fieldsOfLines, readLines } from "../../src/fetch/light-fields.ts";

type Given = Record<string, unknown>;

function nativeLines(given: Given): string {
  const fields = new Headers(given as Record<string, string>).toJSON() as Record<string, string>;
  return Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
}

describe("lines are those of Headers, in their order", () => {
  test.each<[string, Given]>([
    ["none", {}],
    ["one", { "Content-Type": "text/html; charset=utf-8" }],
    [
      "well-known ones first",
      { "X-B": "1", Server: "s", "x-a": "2", "Cache-Control": "no-store", etag: '"e"' },
    ],
    ["latin-1, and a tab within", { "x-a": "caf\u00e9\tnoir" }],
    ["of an object without a prototype", Object.assign(Object.create(null), { "x-a": "1" })],
    ["a long value", { "x-a": "v".repeat(5000) }],
    ["numbers as names come first", { "x-a": "1", 7: "seven" }],
  ])("%s", (_, given) => {
    for (let round = 0; round < 3; round++) {
      expect(readLines(given)).toEqual({ lines: nativeLines(given), hasType: "Content-Type" in given });
    }
    expect(fieldsOfLines(readLines(given)!.lines)).toEqual(
      Object.entries(new Headers(given as Record<string, string>).toJSON()) as [string, string][],
    );
  });

  test("a value that changes is not that of before", () => {
    for (const value of ["a", "b", "a", "c".repeat(300), "a"])
      expect(readLines({ "x-changing": value })?.lines).toBe(`x-changing: ${value}\r\n`);
  });
});

describe("what is left to the native class", () => {
  test.each<[string, object]>([
    ["a name given twice", { a: "1", A: "2" }],
    ["a name that is none", { "a b": "1" }],
    ["an empty name", { "": "1" }],
    ["a name beyond latin-1", { "\u20ac": "1" }],
    ["a number", { "x-a": 1 }],
    ["nothing", { "x-a": undefined }],
    ["a list", { "x-a": ["1"] }],
    ["an empty value", { "x-a": "" }],
    ["a value to trim", { "x-a": " 1" }],
    ["a value to trim at its end", { "x-a": "1\t" }],
    ["a line break", { "x-a": "1\r\nx-b: 2" }],
    ["a NUL", { "x-a": "1\0" }],
    ["a value beyond latin-1", { "x-a": "\u20ac" }],
    ["cookies", { "Set-Cookie": "a=b" }],
    ["a length", { "content-length": "1" }],
    ["framing", { "Transfer-Encoding": "chunked" }],
    ["a connection's end", { Connection: "close" }],
    ["a date", { Date: "today" }],
    ["Headers", new Headers({ a: "1" })],
    ["a Map", new Map([["a", "1"]])],
    ["pairs", [["a", "1"]]],
    [
      "an object of a class",
      new (class {
        a = "1";
      })(),
    ],
  ])("%s", (_, given) => {
    for (let round = 0; round < 2; round++) expect(readLines(given)).toBeNull();
  });

  test("what an object has inherited", () => {
    Object.defineProperty(Object.prototype, "x-inherited", {
      value: "1",
      enumerable: true,
      configurable: true,
    });
    try {
      expect(readLines({ "x-a": "1" })).toBeNull();
    } finally {
      Reflect.deleteProperty(Object.prototype, "x-inherited");
    }
  });

  test("names beyond those that are kept; those that are stay", () => {
    const lines = readLines({ "x-kept": "1" });
    let left = 0;
    for (let i = 0; i < 200; i++) {
      const made = readLines({ [`x-many-${i}`]: "1" });
      if (made === null) left++;
      else expect(made.lines).toBe(`x-many-${i}: 1\r\n`);
    }
    expect(left).toBeGreaterThan(150);
    expect(readLines({ "x-kept": "1" })).toEqual(lines);
  });
});

test("a type is added where there is none, where Response.json puts it", () => {
  const given = { "x-a": "1", "cache-control": "no-store" };
  const native = Response.json({}, { headers: given }).headers.toJSON() as Record<string, string>;
  expect(
    Object.entries(native)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join(""),
  ).toBe(readLines(given, "application/json;charset=utf-8")!.lines);
  expect(readLines(given, "application/json;charset=utf-8")!.hasType).toBe(true);
  expect(readLines({ "content-type": "a/b" }, "c/d")?.lines).toBe("content-type: a/b\r\n");
});
