/**
 * A server that was put through `bun build`: into an executable, and into a file that bun runs. Its threads start from
 * the bundle, on which nothing of the sources' folder is needed.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = new URL("../../", import.meta.url).pathname;
const BUILD_MS = 30_000;

/** Answers one request to itself, says on which thread, and ends. */
const ASK = `
if (Bun.isMainThread) {
  fetch(server.url + "path", { method: "POST", body: "a body" })
    .then((response) => response.text())
    .then(async (text) => {
      console.log(text);
      await server.stop();
      console.log("stopped");
    });
}`;
const FETCH =
  "fetch: async (request) => Response.json([Bun.isMainThread, request.url.slice(-5), await request.text()])";
const PROGRAMS: Readonly<Record<string, string>> = {
  "server.ts": `
    import { serve } from "epollo";
    const server = serve({ port: 0, hostname: "127.0.0.1", handlers: process.env.MODE, ${FETCH} });
    ${ASK}`,
  "awaiting.ts": `
    import { serve } from "epollo";
    await Bun.sleep(20);
    const server = serve({ port: 0, hostname: "127.0.0.1", handlers: process.env.MODE, ${FETCH} });
    ${ASK}`,
  "unchanged.ts": `
    import "epollo/auto";
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", ${FETCH} });
    ${ASK}`,
  "failing.ts": `
    import { serve } from "epollo";
    interface Nothing { readonly inTheBundle: true }
    function thrower(): never {
      throw new Error("on purpose");
    }
    const server = serve({ port: 0, hostname: "127.0.0.1", handlers: process.env.MODE, fetch: () => thrower() });
    ${ASK}`,
  "by-module.ts": `
    import { serve } from "epollo";
    const server = serve({ port: 0, hostname: "127.0.0.1", handlers: new URL("./app.ts", import.meta.url) });
    ${ASK}`,
  "app.ts": `export default { ${FETCH} };`,
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "epollo-bundle-"));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(ROOT, join(folder, "node_modules/epollo"));
  for (const [name, text] of Object.entries(PROGRAMS)) writeFileSync(join(folder, name), text);
});
afterAll(() => rmSync(folder, { recursive: true }));

async function run(command: string[], environment: Record<string, string> = {}) {
  const child = Bun.spawn(command, {
    cwd: folder,
    env: { ...process.env, NODE_ENV: "development", PORT: "0", ...environment },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: 15_000,
  });
  const [output, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { output, errors, code };
}

async function build(...given: string[]): Promise<void> {
  const { code, errors } = await run([process.execPath, "build", ...given]);
  expect([code, errors]).toEqual([0, ""]);
}

const answer = (isMain: boolean) => ({
  output: `[${isMain},"/path","a body"]\nstopped\n`,
  errors: "",
  code: 0,
});

describe("bun build --compile", () => {
  const WAYS: readonly [program: string, options: string[]][] = [
    ["server.ts", []],
    ["server.ts", ["--minify", "--sourcemap"]],
    ["server.ts", ["--bytecode"]],
    ["awaiting.ts", []],
  ];
  test.each(WAYS)(
    "%s %p",
    async (program, options) => {
      await build("--compile", ...options, program, "--outfile", "executable");
      for (const mode of ["main", "pool"]) {
        expect(await run(["./executable"], { MODE: mode })).toEqual(answer(mode === "main"));
      }
    },
    BUILD_MS,
  );

  test(
    "with epollo/auto",
    async () => {
      await build("--compile", "unchanged.ts", "--outfile", "executable");
      for (const mode of ["main", "pool"]) {
        expect(await run(["./executable"], { EPOLLO_HANDLERS: mode })).toEqual(answer(mode === "main"));
      }
    },
    BUILD_MS,
  );

  test(
    "a module of handlers is an entry point of its own",
    async () => {
      await build("--compile", "by-module.ts", "app.ts", "--outfile", "executable");
      expect(await run(["./executable"])).toEqual(answer(false));
    },
    BUILD_MS,
  );
});

describe("bun build --target bun", () => {
  const WAYS: readonly [options: string[]][] = [[[]], [["--minify"]], [["--splitting"]], [["--format=cjs"]]];
  test.each(WAYS)(
    "%p",
    async (options) => {
      await build("--target", "bun", ...options, "server.ts", "--outdir", "dist");
      for (const mode of ["main", "pool"]) {
        expect(await run([process.execPath, "dist/server.js"], { MODE: mode })).toEqual(
          answer(mode === "main"),
        );
      }
    },
    BUILD_MS,
  );
});

describe("the error page of a bundle with a source map", () => {
  const WAYS: readonly [command: string[], options: string[]][] = [
    [
      [process.execPath, "dist/failing.js"],
      ["--target", "bun", "--sourcemap=inline", "--outdir", "dist"],
    ],
    [
      [process.execPath, "dist/failing.js"],
      ["--target", "bun", "--sourcemap=linked", "--outdir", "dist"],
    ],
    [["./executable"], ["--compile", "--minify", "--sourcemap", "--outfile", "executable"]],
  ];
  test.each(WAYS)(
    "%p %p",
    async (command, options) => {
      await build("failing.ts", ...options);
      for (const mode of ["main", "pool"]) {
        const { output } = await run(command, { MODE: mode });
        const stack = /<pre class="stack">([\s\S]*?)<\/pre>/.exec(output)?.[1]?.split("\n");
        expect(stack?.[0]).toMatch(/^at \S+ \(.*failing\.ts:5:\d+\)$/);
        expect(stack?.filter((line) => /\/(src|ffi)\/|\.js:/.test(line))).toEqual([]);
        if (command.length > 1) expect(output).toContain("interface Nothing");
      }
    },
    BUILD_MS,
  );
});
