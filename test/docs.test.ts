/**
 * The documentation, kept true by tests: every file of src/ and ffi/ says what it is, every export says what it does,
 * the code blocks of README.md compile, the commands exist, links lead somewhere, and each test that a document names
 * is there.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { listFiles, ROOT, readSources, readText } from "./support/source-files.ts";

const sources = readSources();
const documents = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "bench/README.md",
  ...listFiles("docs", ".md"),
];

const HEADER = /^\/\*\*[\s\S]*?\*\//;
const EXPORT =
  /^export (?:declare )?(?:abstract )?(?:async )?(?:const|let|var|function\*?|class|interface|type|enum) (\w+)/;

/**
 * The exported names of a file that have no doc comment. Constants on lines that follow each other share one;
 * a header right above the only export of a file is its comment too.
 */
function findUndocumented(text: string): string[] {
  const header = HEADER.exec(text)?.[0] ?? "";
  const lines = text.split("\n");
  const names: string[] = [];
  lines.forEach((line, index) => {
    const name = EXPORT.exec(line)?.[1];
    if (name === undefined) return;
    let above = index - 1;
    while (/^(?:\/\/ biome-ignore|export const )/.test(lines[above] ?? "")) above--;
    const isDocumented = lines[above]?.endsWith("*/");
    if (!isDocumented && !isInTable(name, header)) names.push(name);
  });
  return names;
}

/** Whether the header's table has a constant: by its name, by its family ("SERVER_*"), or as a row without its prefix. */
function isInTable(name: string, header: string): boolean {
  if (!/^[A-Z0-9_]+$/.test(name)) return false;
  const family = name.replace(/_[A-Z0-9]+$/, "_");
  const row = name.replace(/^[A-Z0-9]+_/, "");
  return new RegExp(`(?<!\\w)(?:${name}(?!\\w)|${family}\\*)|^ \\* +${row}(?: {2,}| \\|)`, "m").test(header);
}

describe("comments in src/ and ffi/", () => {
  test("every file begins with a header that says what it is", () => {
    const without = sources.filter(({ text }) => {
      const header = HEADER.exec(text)?.[0];
      return header === undefined || header.replace(/[\s*/]/g, "").length < 20;
    });
    expect(without.map(({ path }) => path)).toEqual([]);
  });

  test("every export has a doc comment, or is a row of a table in the header", () => {
    const missing = sources.flatMap(({ path, text }) =>
      findUndocumented(text).map((name) => `${path}: ${name}`),
    );
    expect(missing).toEqual([]);
  });

  test("this test can fail", () => {
    const header =
      "/**\n * A header with a table.\n *\n *   RED   | a row\n *   BLUE_* | a family\n *   FAR    a row\n */\n";
    expect(findUndocumented(`${header}\nexport const a = 1;\n\nexport function b() {}\n`)).toEqual([
      "a",
      "b",
    ]);
    expect(findUndocumented(`${header}\nexport const RED = 1;\n\nexport const REDDER = 2;\n`)).toEqual([
      "REDDER",
    ]);
    expect(findUndocumented(`${header}\nexport const BLUE_SKY = 1;\nexport const SKY = 2;\n`)).toEqual([
      "SKY",
    ]);
    expect(findUndocumented(`${header}\n/** A doc. */\nexport interface C {}\n`)).toEqual([]);
  });
});

describe("code in README.md", () => {
  // Made by the test, not here: with a filter nothing of this block runs, and the folder would stay.
  let folder = "";
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("every ts block compiles as a program of its own", async () => {
    const blocks = [...readText("README.md").matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1]!);
    expect(blocks.length).toBeGreaterThan(3);
    folder = mkdtempSync(join(tmpdir(), "epollo-readme-"));
    blocks.forEach((block, index) => {
      writeFileSync(join(folder, `block-${index + 1}.ts`), `${block}\nexport {};\n`);
    });
    symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({
        extends: join(ROOT, "tsconfig.json"),
        compilerOptions: { paths: { epollo: [join(ROOT, "src/index.ts")] }, isolatedDeclarations: false },
        include: [folder],
      }),
    );
    const run = Bun.spawn([join(ROOT, "node_modules/.bin/tsc"), "-p", folder], {
      stdout: "pipe",
      stderr: "pipe",
    });
    const output = (await new Response(run.stdout).text()) + (await new Response(run.stderr).text());
    // Mistakes in src/ are another test's business.
    expect(output.split("\n").filter((line) => line.includes("block-"))).toEqual([]);
    expect([0, 1, 2]).toContain(await run.exited);
  }, 30_000);

  test("every command is there", () => {
    const scripts = JSON.parse(readText("package.json")).scripts as Record<string, string>;
    for (const document of documents) {
      const text = readText(document);
      for (const [, name] of text.matchAll(/\bnpm run ([\w:-]+)/g))
        expect([document, scripts]).toHaveProperty(`1.${name}`);
      for (const [, path] of text.matchAll(/\bbun (?:run |test )?((?:bench|examples|test)\/[\w./-]*)/g)) {
        expect([document, path, existsSync(join(ROOT, path!))]).toEqual([document, path, true]);
      }
    }
    expect(readText("README.md")).toContain("npm install && npm start");
    expect(readText("README.md")).toContain("npm install && npm test");
    expect(Object.keys(scripts)).toContain("start");
    expect(Object.keys(scripts)).toContain("test");
  });
});

describe.each(documents)("%s", (document) => {
  const text = readText(document);

  test("its links lead to files that are there", () => {
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)\s#]+)[^)]*\)/g)].map((match) => match[1]!);
    const broken = links.filter((link) => !existsSync(join(ROOT, dirname(document), link)));
    expect(broken).toEqual([]);
  });

  test("the files it names are there", () => {
    const paths = [...text.matchAll(/`((?:src|ffi|test|bench|examples|docs)\/[\w./-]+)`/g)].map(
      (match) => match[1]!,
    );
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  test('the tests it names are there: `file` "title"', () => {
    const named = [...text.matchAll(/`(test\/[\w./-]+)`(?:,? "[^"]+")+/g)];
    const missing: string[] = [];
    for (const [whole, path] of named) {
      const file = existsSync(join(ROOT, path!)) ? readText(path!) : "";
      for (const [, title] of whole.matchAll(/"([^"]+)"/g)) {
        if (!file.includes(title!)) missing.push(`${path} "${title}"`);
      }
    }
    expect(missing).toEqual([]);
  });
});
