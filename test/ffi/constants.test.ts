import { expect, test } from "bun:test";
import * as constants from "../../ffi/constants.ts";
import { ERRNO } from "../../ffi/errno.ts";
import { evaluateC, hasCompiler } from "./compile.ts";

test.skipIf(!hasCompiler)("every constant is that of the C headers (needs cc)", () => {
  const inC = (name: string) => (name.startsWith("SYS_") ? `SYS_${name.slice(4).toLowerCase()}` : name);
  const ours = Object.entries(constants);
  expect(ours.length).toBeGreaterThan(40);
  const actual = evaluateC(ours.map(([name]) => inC(name)));
  for (const [name, number] of ours) {
    // EPOLLET is unsigned in C and the sign bit of an int32 here.
    const value = name === "EPOLLET" ? actual.get(name)! | 0 : actual.get(inC(name));
    expect([name, number]).toEqual([name, value!]);
  }
});

test.skipIf(!hasCompiler)("every error number is that of the C headers (needs cc)", () => {
  expect(Object.fromEntries(evaluateC(Object.keys(ERRNO)))).toEqual({ ...ERRNO });
});
