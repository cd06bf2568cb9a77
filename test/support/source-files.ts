/**
 * The project's own source files as text, and what they import: for the tests that judge the code by its text.
 *
 * `Bun.Transpiler.scanImports` drops `import type` and does not see worker URLs, so this looks at the text itself, with
 * the comments blanked out. A specifier in a string that is no import would be found too; none is there.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

/** The root of the project, with a slash at the end. */
export const ROOT: string = new URL("../../", import.meta.url).pathname;

/** One file of src/ or ffi/. */
export interface SourceFile {
  /** From the root of the project: "src/http/date.ts". */
  readonly path: string;
  readonly text: string;
  readonly lineCount: number;
  /** What it imports, in order. */
  readonly imports: readonly Import[];
}

/** One import, of whatever form. */
export interface Import {
  /** `new URL("./x.ts", import.meta.url)`, the address of a Worker or of data, is "url". */
  readonly kind: "import" | "url";
  /** As written: "./date.ts", "bun:ffi". */
  readonly specifier: string;
  /** From the root of the project, for a relative specifier; null for another. */
  readonly target: string | null;
}

/** Lists the files under a folder (from the root of the project) whose names end with `suffix`, sorted. */
export function listFiles(folder: string, suffix: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(suffix))
    .map((name) => `${folder}/${name}`)
    .sort();
}

/** Reads a file, named from the root of the project. */
export function readText(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** Reads all files of src/ and ffi/. */
export function readSources(): SourceFile[] {
  return [...listFiles("ffi", ".ts"), ...listFiles("src", ".ts")].map((path) =>
    sourceFile(path, readText(path)),
  );
}

/** Makes a source file of a path and a text. */
export function sourceFile(path: string, text: string): SourceFile {
  return { path, text, lineCount: text.split("\n").length - 1, imports: findImports(path, text) };
}

// In a file: import "x" | import … from "x" | export … from "x" | import("x") | import x = require("x") | require("x")
const IMPORT =
  /(?:^|[^\w.])(?:(?:import|export)\b[^;'"`()]*?\bfrom|import|(?:import|require)\s*\()\s*["'`]([^"'`]+)["'`]/g;
const URL_OF_MODULE = /\bnew URL\(\s*["'`]([^"'`]+)["'`]\s*,\s*import\.meta\.url/g;

function findImports(path: string, text: string): Import[] {
  const code = withoutComments(text);
  const found: Import[] = [];
  const add = (kind: Import["kind"], specifier: string): void => {
    const isRelative = specifier.startsWith("./") || specifier.startsWith("../");
    found.push({ kind, specifier, target: isRelative ? normalize(join(dirname(path), specifier)) : null });
  };
  for (const match of code.matchAll(IMPORT)) add("import", match[1]!);
  for (const match of code.matchAll(URL_OF_MODULE)) add("url", match[1]!);
  return found;
}

/**
 * Blanks comments out, and texts of several lines without anything computed in them: an example in a message imports
 * nothing. Strings with "//" or "/*" in them stay whole, as long as they are on one line.
 */
function withoutComments(text: string): string {
  return text.replace(
    /("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\\n]|\\.)*`)|`(?:[^`\\$]|\\[\s\S]|\$(?!\{))*`|\/\*[\s\S]*?\*\/|\/\/.*$/gm,
    (_, string) => (string === undefined ? " " : string),
  );
}
