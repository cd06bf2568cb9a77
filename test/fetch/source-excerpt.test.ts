import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { excerptOf, framesOf } from "../../src/fetch/source-excerpt.ts";

const folder = mkdtempSync(join(tmpdir(), "epollo-excerpt-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** An error with a stack of these lines. */
function withStack(...lines: readonly string[]): Error {
  return Object.assign(new Error("x"), { stack: ["Error: x", ...lines].join("\n") });
}

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test("frames have name, path, line and column; other lines are none", () => {
  const error = withStack(
    "    at inner (/a b/c.ts:4:24)",
    "    at async /a/d.ts:7:1",
    "    at new Thing (/a/(odd).ts:5:6)",
    "    at <anonymous> (native)",
    "a message: 5",
    "    at /a/e.ts:9",
  );
  expect(framesOf(error)).toEqual([
    { name: "inner", path: "/a b/c.ts", line: 4, column: 24 },
    { name: "", path: "/a/d.ts", line: 7, column: 1 },
    { name: "new Thing", path: "/a/(odd).ts", line: 5, column: 6 },
    { name: "", path: "/a/e.ts", line: 9, column: 0 },
  ]);
});

test("frames of this package are left out", () => {
  const own = join(import.meta.dir, "../../src/fetch/runtime.ts");
  expect(framesOf(withStack(`    at run (${own}:50:26)`, "    at fetch (/a/b.ts:1:1)"))).toHaveLength(1);
});

test("an excerpt has some lines before and after, and is shorter at the ends of the file", () => {
  const path = write("twenty.ts", Array.from({ length: 20 }, (_, index) => `line ${index + 1}`).join("\n"));
  const at = (line: number) => excerptOf([{ name: "f", path, line, column: 1 }]);
  expect(at(10)).toMatchObject({ firstLine: 5, lines: { length: 10, 0: "line 5", 9: "line 14" } });
  expect(at(1)).toMatchObject({ firstLine: 1, lines: { length: 5 } });
  expect(at(20)).toMatchObject({ firstLine: 15, lines: { length: 6 } });
  expect(at(21)).toBeNull();
  expect(at(0)).toBeNull();
});

test("a file of the program goes before one of a dependency, and one that is there before one that is not", () => {
  const [own, foreign] = [write("own.ts", "own"), "/x/node_modules/y/z.ts"];
  const frame = (path: string) => ({ name: "", path, line: 1, column: 1 });
  expect(
    excerptOf([frame(foreign), frame("node:fs"), frame(join(folder, "gone.ts")), frame(own)]),
  ).toMatchObject({
    frame: { path: own },
    lines: ["own"],
  });
});

test("what is no text file of a usual size gives none", () => {
  const huge = write("huge.js", "x".repeat((4 << 20) + 1));
  for (const path of [folder, "/dev/zero", huge, "", "native", "/a\0b"]) {
    expect(excerptOf([{ name: "", path, line: 1, column: 1 }])).toBeNull();
  }
  const long = write("long.js", "y".repeat(10_000));
  expect(excerptOf([{ name: "", path: long, line: 1, column: 1 }])!.lines[0]).toHaveLength(240);
});

test("what was thrown need not be an error", () => {
  for (const thrown of [undefined, null, "x", 5, { stack: "    at f (/a:1:1)" }])
    expect(framesOf(thrown)).toEqual([]);
});
