/**
 * Makes the declarations that a project sees of this package: `npm run declarations`.
 *
 * Theory of operation: without them a project's `tsc` would check the sources of this package by the project's own flags,
 * of which some are stricter than ours. tsc emits a declaration for each source file; those that src/index.ts leads to are
 * kept, all in this folder. test/serve/declarations.test.ts says when they are not those of the sources any more.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";

const ROOT = join(import.meta.dir, "..");

/** The declarations: text by name of the file in this folder. */
export function makeDeclarations(): Map<string, string> {
  const folder = mkdtempSync(join(tmpdir(), "epollo-declarations-"));
  try {
    const tsc = join(ROOT, "node_modules/.bin/tsc");
    const options = ["--noEmit", "false", "--emitDeclarationOnly", "--outDir", folder];
    const { success, stdout } = Bun.spawnSync([tsc, "-p", ROOT, ...options]);
    if (!success) throw new Error(`tsc: ${stdout}`);
    const made = new Map<string, string>();
    for (const entry of ["index", "auto"]) collect(join(folder, "src", entry), made);
    return made;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Adds the declarations of a source file, and of all that it imports. `path` is without an extension. */
function collect(path: string, made: Map<string, string>): void {
  const name = `${basename(path)}.d.ts`;
  if (made.has(name)) return;
  // What is imported for its effect declares nothing.
  const text = readFileSync(`${path}.d.ts`, "utf8").replace(/^import "[^"]+";\n/gm, "");
  made.set(name, "");
  const imported: string[] = [];
  const flat = text.replace(/(from |import\()"(\.[^"]+)\.ts"/g, (_, before: string, to: string) => {
    imported.push(join(dirname(path), to));
    return `${before}"./${basename(to)}.js"`;
  });
  made.set(name, `// Made by types/make.ts: npm run declarations.\n${flat}`);
  for (const each of imported) collect(each, made);
}

/** What lies in this folder: text by name. */
export function readDeclarations(): Map<string, string> {
  const names = readdirSync(import.meta.dir).filter((name) => name.endsWith(".d.ts"));
  return new Map(names.map((name) => [name, readFileSync(join(import.meta.dir, name), "utf8")]));
}

if (import.meta.main) {
  for (const name of readDeclarations().keys()) rmSync(join(import.meta.dir, name));
  for (const [name, text] of makeDeclarations()) writeFileSync(join(import.meta.dir, name), text);
}
