import { expect, test } from "bun:test";
import { fdNamed, resolveFd } from "../../src/serve/fd-option.ts";

test("a descriptor, a name, or none", () => {
  expect([3, 0, "web", undefined].map((given) => resolveFd(given, undefined))).toEqual([3, 0, "web", null]);
  expect(resolveFd(undefined, "localhost")).toBeNull();
});

test.each([-1, 1.5, "", null, true, 2 ** 31, Number.NaN])("%p is neither", (given) => {
  expect(() => resolveFd(given, undefined)).toThrow(TypeError);
  expect(() => resolveFd(given, undefined)).toThrow(/^fd must be a descriptor, or the name of a socket/);
});

test("not beside another address", () => {
  expect(() => resolveFd(3, "localhost")).toThrow(
    'hostname and unix must not be given, but one was "localhost"',
  );
});

test("a name is looked up among the sockets that were handed over", () => {
  const handed = [
    { fd: 3, name: "web" },
    { fd: 4, name: "admin" },
  ];
  expect(fdNamed("admin", handed)).toBe(4);
  expect(() => fdNamed("api", handed)).toThrow('but was "api"; there are web, admin');
  expect(() => fdNamed("api", [])).toThrow('but was "api"; none was');
});
