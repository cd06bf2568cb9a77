/**
 * Every way in which a program gets hold of `Bun.serve`, and every way to preload: epollo serves (BUN-SERVE.md 2.1).
 */
import { describe, expect, test } from "bun:test";
import { PRELOADED, runProgram, startProgram } from "./program.ts";

/** Answers whether epollo serves, and whether this is the main thread. */
const OPTIONS = `{
  hostname: "127.0.0.1",
  fetch: (request, server) => Response.json([typeof server.stats, Bun.isMainThread]),
}`;
const SAY = "console.log(String(server.url) + ' ');";
const BY_EPOLLO = ["function", true];
const BY_BUN = ["undefined", true];

const WAYS: readonly [how: string, text: string][] = [
  ["Bun.serve", `const server = Bun.serve(${OPTIONS});`],
  ["globalThis.Bun.serve", `const server = globalThis.Bun.serve(${OPTIONS});`],
  ["a detached function", `const { serve } = Bun; const server = serve(${OPTIONS});`],
  ['import { serve } from "bun"', `import { serve } from "bun"; const server = serve(${OPTIONS});`],
  ['import * from "bun"', `import * as B from "bun"; const server = B.serve(${OPTIONS});`],
  ['import bun from "bun"', `import bun from "bun"; const server = bun.serve(${OPTIONS});`],
  ["import()", `const { serve } = await import("bun"); const server = serve(${OPTIONS});`],
  ["require", `const { serve } = require("bun"); const server = serve(${OPTIONS});`],
];

describe("ways to serve", () => {
  test.each(WAYS)("%s", async (_how, text) => {
    await using program = await startProgram({ files: { "server.ts": text + SAY } });
    expect(await program.askJson()).toEqual(BY_EPOLLO);
    expect(program.errors()).toBe("");
  });

  test("from a module that is imported", async () => {
    const files = {
      "server.ts": `import { server } from "./lib/start.ts"; ${SAY}`,
      "lib/start.ts": `import { serve } from "bun"; export const server = serve(${OPTIONS});`,
    };
    await using program = await startProgram({ files });
    expect(await program.askJson()).toEqual(BY_EPOLLO);
  });
});

describe("ways to preload", () => {
  const [, text] = WAYS[0]!;
  const server = { "server.ts": text + SAY };
  const PRELOADS: readonly [how: string, given: Partial<Parameters<typeof startProgram>[0]>][] = [
    ["--preload before the script", { arguments: ["--preload", "epollo/auto", "server.ts"] }],
    ["bun run", { arguments: ["run", "--preload", "epollo/auto", "server.ts"] }],
    ["-r", { arguments: ["-r", "epollo/auto", "server.ts"] }],
    [
      "bunfig.toml",
      { arguments: ["server.ts"], files: { ...server, "bunfig.toml": 'preload = ["epollo/auto"]\n' } },
    ],
    ["BUN_OPTIONS", { arguments: ["server.ts"], environment: { BUN_OPTIONS: "--preload epollo/auto" } }],
    [
      "an import on the first line",
      { arguments: ["server.ts"], files: { "server.ts": `import "epollo/auto";\n${text}${SAY}` } },
    ],
  ];
  test.each(PRELOADS)("%s", async (_how, given) => {
    await using program = await startProgram({ files: server, ...given });
    expect(await program.askJson()).toEqual(BY_EPOLLO);
    expect(program.errors()).toBe("");
  });

  test("none: Bun serves, so the tests above can fail", async () => {
    await using program = await startProgram({ files: server, arguments: ["server.ts"] });
    expect(await program.askJson()).toEqual(BY_BUN);
  });
});

describe("bun test", () => {
  const TEST_FILE = `
    import { expect, test } from "bun:test";
    import { serve } from "bun";
    test("served by epollo, on this thread", async () => {
      let count = 0;
      for (const start of [Bun.serve, serve]) {
        await using server = start({ port: 0, fetch: (_, server) => Response.json([typeof server.stats, ++count]) });
        expect(await (await fetch(server.url)).json()).toEqual(["function", count]);
      }
    });`;
  test.each([
    ["--preload", ["test", ...PRELOADED], {}],
    ["[test] preload", ["test"], { "bunfig.toml": '[test]\npreload = ["epollo/auto"]\n' }],
  ])("%s", async (_how, given, files) => {
    // EPOLLO_HANDLERS has no meaning there: a test file cannot be evaluated on another thread.
    const ended = await runProgram({
      files: { "a.test.ts": TEST_FILE.replaceAll("await using", "using"), ...files },
      arguments: given,
      environment: { EPOLLO_HANDLERS: "pool" },
    });
    expect([ended.code, ended.errors.match(/\d+ (?:pass|fail)/g)]).toEqual([0, ["1 pass", "0 fail"]]);
  });
});

test("what replaces Bun.serve looks like it", async () => {
  const text = `
    const { value, ...flags } = Object.getOwnPropertyDescriptor(Bun, "serve");
    console.log(JSON.stringify([typeof value, value.name, value.length, flags]));`;
  const [native, ours] = await Promise.all([
    runProgram({ files: { "server.ts": text }, arguments: ["server.ts"] }),
    runProgram({ files: { "server.ts": text } }),
  ]);
  expect(ours).toEqual(native);
});

test("the program's own Workers have the native Bun.serve, as with any preload", async () => {
  const text = `
    if (Bun.isMainThread) new Worker(import.meta.url);
    else { const server = Bun.serve(${OPTIONS}); console.log(server.url.href + " "); }`;
  await using program = await startProgram({ files: { "server.ts": text } });
  expect(await program.askJson()).toEqual(["undefined", false]);
});
