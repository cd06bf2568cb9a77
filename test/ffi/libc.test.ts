import { CString, type Pointer } from "bun:ffi";
import { expect, test } from "bun:test";
import { libc, libcCandidates } from "../../ffi/libc.ts";

test("glibc is looked for before musl, by the machine's name of the architecture", () => {
  expect(libcCandidates("x64")).toEqual(["libc.so.6", "libc.musl-x86_64.so.1"]);
  expect(libcCandidates("arm64")).toEqual(["libc.so.6", "libc.musl-aarch64.so.1"]);
});

test("every binding is a function", () => {
  expect(Object.keys(libc).length).toBeGreaterThan(30);
  for (const [name, binding] of Object.entries(libc))
    expect([name, typeof binding]).toEqual([name, "function"]);
});

test("pointers are numbers, both ways", () => {
  const address = libc.gai_strerror(-2);
  expect(typeof address).toBe("number");
  expect(new CString(address as unknown as Pointer).toString()).toContain("not known");
});
