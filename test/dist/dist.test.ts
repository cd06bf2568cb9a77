/**
 * The package as others install it: built, with or without its sources beside it, and what falls back to the sources. Programs
 * run in a folder of their own, in which node_modules/epollo is a copy of what `npm pack` takes.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BUILT_FOLDER } from "../../dist/built.ts";
import { makeBuilt } from "../../dist/make.ts";
import packageJson from "../../package.json";

const ROOT = join(import.meta.dir, "../..");
const BUILD_MS = 30_000;

const ASK = `
  if (Bun.isMainThread) {
    (async () => {
      const response = await fetch(server.url + "path", { method: "POST", body: "a body" });
      console.log(response.status, await response.text());
      await server.stop();
      console.log("stopped");
    })();
  }`;
const FETCH =
  "fetch: async (request) => Response.json([Bun.isMainThread, request.url.slice(-5), await request.text()])";
const PROGRAMS: Readonly<Record<string, string>> = {
  "server.ts": `
    import { serve } from "epollo";
    const server = serve({ port: 0, hostname: "127.0.0.1", handlers: process.env.MODE, ${FETCH} });
    ${ASK}`,
  "routes.ts": `
    import { serve, textHandler } from "epollo";
    const routes = { "/s": new Response("static") };
    const upper = textHandler(({ path, body }) => path + body.toUpperCase());
    const server = serve({ port: 0, hostname: "127.0.0.1", handlers: process.env.MODE, routes, fetch: upper });
    ${ASK}`,
  "unchanged.ts": `
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", ${FETCH} });
    ${ASK}`,
  "failing.ts": `
    import { serve } from "epollo";
    function thrower() {
      throw new Error("on purpose");
    }
    const server = serve({ port: 0, hostname: "127.0.0.1", handlers: process.env.MODE, fetch: () => thrower() });
    ${ASK}`,
  "development.ts": `
    import { serve } from "epollo";
    const server = serve({ port: 0, hostname: "127.0.0.1", handlers: "main", fetch: () => new Response() });
    console.log(server.development);
    server.stop(true);`,
  "mistaken.ts": `
    import { serve } from "epollo";
    serve({ port: 0, fetch: 5 });`,
  "by-module.ts": `
    import { serve } from "epollo";
    const server = serve({ port: 0, hostname: "127.0.0.1", handlers: new URL("./app.ts", import.meta.url) });
    ${ASK}`,
  "app.ts": `export default { ${FETCH} };`,
};

const folders: Record<string, string> = {};

/** A folder with the programs, and with the package: some of its folders. */
function install(parts: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "epollo-dist-"));
  const installed = join(folder, "node_modules/epollo");
  mkdirSync(installed, { recursive: true });
  for (const part of ["package.json", ...parts])
    cpSync(join(ROOT, part), join(installed, part), { recursive: true });
  for (const [name, text] of Object.entries(PROGRAMS)) writeFileSync(join(folder, name), text);
  return folder;
}

beforeAll(async () => {
  // Without sources nothing but the built package can be what runs, on any thread.
  folders.built = install(["dist", "src/serve/production.ts"]);
  folders.whole = install(["dist", "src", "ffi"]);
  folders.sources = install(["dist", "src", "ffi"]);
  for (const each of ["built", "whole"])
    await makeBuilt(join(folders[each] as string, "node_modules/epollo/dist", BUILT_FOLDER));
  rmSync(join(folders.sources as string, "node_modules/epollo/dist", BUILT_FOLDER), {
    recursive: true,
    force: true,
  });
}, BUILD_MS);
afterAll(() => {
  for (const folder of Object.values(folders)) rmSync(folder, { recursive: true });
});

async function run(folder: string, command: string[], environment: Record<string, string> = {}) {
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

const answer = (body: string) => ({ output: `200 ${body}\nstopped\n`, errors: "", code: 0 });
const json = (isMain: boolean) => answer(`[${isMain},"/path","a body"]`);

describe.each(["built", "whole", "sources"])("installed: %s", (kind) => {
  const bun = (...args: string[]) => [process.execPath, ...args];

  test.each(["main", "pool"])(
    "serves, %s",
    async (MODE) => {
      const folder = folders[kind] as string;
      expect(await run(folder, bun("server.ts"), { MODE })).toEqual(json(MODE === "main"));
      expect(await run(folder, bun("routes.ts"), { MODE })).toEqual(answer("/pathA BODY"));
    },
    BUILD_MS,
  );

  test(
    "serves a module of handlers",
    async () => {
      expect(await run(folders[kind] as string, bun("by-module.ts"))).toEqual(json(false));
    },
    BUILD_MS,
  );

  test.each(["main", "pool"])(
    "serves a program that knows nothing of it, %s",
    async (mode) => {
      const command = bun("--preload", "epollo/auto", "unchanged.ts");
      expect(await run(folders[kind] as string, command, { EPOLLO_HANDLERS: mode })).toEqual(
        json(mode === "main"),
      );
    },
    BUILD_MS,
  );

  test.each(["main", "pool"])(
    "shows no line of its own on the error page, %s",
    async (MODE) => {
      const { output } = await run(folders[kind] as string, bun("failing.ts"), { MODE });
      expect(output).toStartWith("500 ");
      const stack = /<pre class="stack">([\s\S]*?)<\/pre>/.exec(output)?.[1]?.split("\n");
      expect(stack?.[0]).toMatch(/^at \S+ \(.*failing\.ts:4:\d+\)$/);
      expect(stack?.filter((line) => line.includes("epollo/"))).toEqual([]);
    },
    BUILD_MS,
  );

  test(
    "takes production from the environment at its start, and from --define",
    async () => {
      const told = async (args: string[], NODE_ENV: string) => {
        const { output, errors } = await run(folders[kind] as string, bun(...args, "development.ts"), {
          NODE_ENV,
        });
        expect(errors).toBe("");
        return output;
      };
      expect(await told([], "development")).toBe("true\n");
      expect(await told([], "production")).toBe("false\n");
      expect(await told(["--define", 'process.env.NODE_ENV="production"'], "development")).toBe("false\n");
    },
    BUILD_MS,
  );

  test(
    "says where the program made a mistake",
    async () => {
      const { errors, code } = await run(folders[kind] as string, bun("mistaken.ts"));
      expect(code).toBe(1);
      expect(errors).toContain("mistaken.ts:3:");
      expect(errors).not.toContain("node_modules/epollo");
    },
    BUILD_MS,
  );
});

describe("a bundler takes the sources", () => {
  const WAYS: readonly [options: string[]][] = [
    [["--target", "bun", "--outdir", "out"]],
    [["--target", "bun", "--format=cjs", "--outdir", "out"]],
    [["--compile", "--outfile", "executable"]],
  ];
  test.each(WAYS)(
    "%p",
    async (options) => {
      const folder = folders.whole as string;
      expect(await run(folder, [process.execPath, "build", "server.ts", ...options])).toMatchObject({
        code: 0,
        errors: "",
      });
      const made = options.includes("--compile") ? ["executable"] : ["out/server.js"];
      // Where neither package nor sources are.
      const elsewhere = mkdtempSync(join(tmpdir(), "epollo-dist-"));
      folders[elsewhere] = elsewhere;
      for (const file of made) cpSync(join(folder, file), join(elsewhere, file));
      const command = options.includes("--compile") ? ["./executable"] : [process.execPath, "out/server.js"];
      for (const MODE of ["main", "pool"])
        expect(await run(elsewhere, command, { MODE })).toEqual(json(MODE === "main"));
    },
    BUILD_MS,
  );
});

describe("what is built", () => {
  test("has one file for each entry, and no path of this machine", async () => {
    const built = join(folders.built as string, "node_modules/epollo/dist", BUILT_FOLDER);
    const names = readdirSync(built);
    expect(names.filter((name) => !name.startsWith("epollo-")).sort()).toEqual([
      "acceptor.js",
      "auto.js",
      "dispatcher.js",
      "handler.js",
      "index.js",
    ]);
    for (const name of names) expect(await Bun.file(join(built, name)).text()).not.toContain(ROOT);
  });

  test("a checkout does not keep it: it would be that of older sources", () => {
    expect(existsSync(join(ROOT, "dist", BUILT_FOLDER))).toBe(false);
  });

  test("npm packs it, with the sources", async () => {
    const { output, code } = await run(ROOT, ["npm", "pack", "--dry-run", "--json", "--ignore-scripts"]);
    expect(code).toBe(0);
    const [{ files }] = JSON.parse(output) as [{ files: { path: string }[] }];
    const paths = files.map(({ path }) => path);
    for (const path of ["dist/index.ts", "dist/auto.ts", "dist/built.ts", "src/index.ts", "ffi/libc.ts"])
      expect(paths).toContain(path);
    expect(paths).not.toContain("dist/make.ts");
    for (const { types, default: file } of [packageJson.exports["."], packageJson.exports["./auto"]]) {
      expect(paths).toContain(types.slice(2));
      expect(paths).toContain(file.slice(2));
    }
    expect(packageJson.scripts.prepack).toBe("bun run dist/make.ts");
  });
});
