/** Paths that the server answers itself: which are accepted. */
import { expect, test } from "bun:test";
import { checkDistinctPaths, ownPath } from "../../src/serve/own-path-option.ts";

test("a path, or none", () => {
  const paths = ["/metrics", "/a/b", "/~x", undefined];
  expect(paths.map((path) => ownPath("health.live", path))).toEqual(["/metrics", "/a/b", "/~x", null]);
});

test.each(["", "/", "metrics", "/a/", "/a?b", "/a#b", "/a b", "/ä", 5, null])("%p is none", (value) => {
  expect(() => ownPath("health.live", value)).toThrow(/^health\.live must be a path such as/);
});

test("no two options may name the same", () => {
  checkDistinctPaths([
    ["a", "/x"],
    ["b", null],
    ["c", null],
    ["d", "/y"],
  ]);
  const twice = [
    ["a", "/x"],
    ["b", "/y"],
    ["c", "/x"],
  ] as const;
  expect(() => checkDistinctPaths(twice)).toThrow(TypeError);
  expect(() => checkDistinctPaths(twice)).toThrow("/x");
});
