import { expect, test } from "bun:test";
import { decodeName, WELL_KNOWN_NAMES } from "../../src/http/header-names.ts";

function decode(name: string): string {
  const bytes = Buffer.from(`:${name}:`, "latin1");
  return decodeName(bytes, 1, 1 + name.length);
}

test("well-known names decode from any case", () => {
  for (const name of WELL_KNOWN_NAMES) {
    expect(decode(name)).toBe(name);
    expect(decode(name.toUpperCase())).toBe(name);
    expect(decode(name.replace(/\b[a-z]/g, (letter) => letter.toUpperCase()))).toBe(name);
  }
});

test("the table starts with all well-known names in slots of their own", async () => {
  // A fresh module: the table has learned nothing. Two names in one slot would make one of them be learned again and
  // again.
  const source = await Bun.file(new URL("../../src/http/header-names.ts", import.meta.url)).text();
  const factors =
    /length \* (\d+) \+ \(first & 31\) \* (\d+) \+ \(inner & 31\) \* (\d+) \+ \(last & 31\) \* (\d+)/.exec(
      source,
    );
  const [a, b, c, d] = (factors as RegExpExecArray).slice(1).map(Number);
  const slots = WELL_KNOWN_NAMES.map((name) => {
    const length = name.length;
    const inner = name.charCodeAt((length * 3) >> 2) & 31;
    return (
      (length * a + (name.charCodeAt(0) & 31) * b + inner * c + (name.charCodeAt(length - 1) & 31) * d) & 1023
    );
  });
  expect(new Set(slots).size).toBe(WELL_KNOWN_NAMES.length);
});

test("unknown names are lowered, whatever was learned before", () => {
  const names = [
    "X",
    "x-Custom",
    "X_Custom",
    "X^Custom",
    "X~Custom",
    `Y${"a".repeat(200)}`,
    "hOsT",
    "h0st",
    "HOSU",
  ];
  for (let round = 0; round < 3; round++) {
    for (const name of names) expect(decode(name)).toBe(name.toLowerCase());
  }
});

test("names that share a slot do not get mixed up", () => {
  // Same length, first, last and three-quarter byte: the same slot for sure.
  for (let round = 0; round < 2; round++) {
    for (const name of [
      "Xaaab",
      "Xabab",
      "xbaab",
      "Xbbab",
      "Content-Lengxh",
      "Content-Length",
      "C`ntent-Length",
    ]) {
      expect(decode(name)).toBe(name.toLowerCase());
    }
  }
});

test("many invented names leave the well-known ones right", () => {
  for (let index = 0; index < 5000; index++)
    expect(decode(`X-Invented-${index}`)).toBe(`x-invented-${index}`);
  for (const name of WELL_KNOWN_NAMES) expect(decode(name)).toBe(name);
});
