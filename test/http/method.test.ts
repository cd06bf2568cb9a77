import { expect, test } from "bun:test";
import * as method from "../../src/http/method.ts";

const { METHODS, matchMethod } = method;

function match(name: string): number {
  const bytes = Buffer.from(`  ${name} tail`);
  return matchMethod(bytes, 2, 2 + name.length);
}

test("35 methods, each found under its own index", () => {
  expect(METHODS.length).toBe(35);
  expect(new Set(METHODS).size).toBe(35);
  METHODS.forEach((name, index) => {
    expect([name, match(name)]).toEqual([name, index]);
  });
});

test("the named indexes point at their methods", () => {
  const named = Object.entries(method).filter(([name]) => name.startsWith("METHOD_"));
  expect(named.length).toBe(9);
  for (const [name, index] of named) expect(`METHOD_${METHODS[index as number]}`).toBe(name);
});

test("other spellings are unknown", () => {
  const wrong = [
    "",
    "get",
    "Get",
    "GE",
    "GETT",
    "XET",
    "GEX",
    "PUX",
    "POSU",
    "HEAT",
    "BREW",
    "PRI",
    "A".repeat(40),
  ];
  for (const name of wrong) expect([name, match(name)]).toEqual([name, -1]);
  for (const name of METHODS) {
    expect([name, match(name.toLowerCase())]).toEqual([name, -1]);
    expect([name, match(`${name}X`)]).toEqual([name, -1]);
  }
});
