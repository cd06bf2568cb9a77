/**
 * Makes the built package, as part of `npm pack`: all of src/ and ffi/ in fewer files of JavaScript, in `epollo-built/`.
 *
 * Theory of operation: what a server takes to start is the reading, parsing and linking of about a hundred small modules on each
 * thread. `bun build --splitting` puts together what is always loaded together. The sources go into the package too: bundlers
 * need them (built.ts).
 *
 * Two things in the sources are said by the place of a file, and are said anew here: where the entry points of the Workers are,
 * and whether a program was bundled. NODE_ENV of the time of the build would be put in its place: what reads it is left out.
 */

import { rmSync } from "node:fs";
import { join } from "node:path";
import type { BunPlugin } from "bun";
import { BUILT_FOLDER } from "./built.ts";

const ROOT = join(import.meta.dir, "..");
const ENTRIES = [
  "index.ts",
  "auto.ts",
  "roles/entry/acceptor.ts",
  "roles/entry/dispatcher.ts",
  "roles/entry/handler.ts",
];

/** What is changed in a source, by its path below the root. Each change must be one. */
const CHANGES: Readonly<Record<string, (text: string) => string>> = {
  "src/roles/thread.ts": (text) => text.replace(/"\.\/entry\/(\w+)\.ts"/g, '"./$1.js"'),
  "src/serve/bundled-thread.ts": () => "",
};

/** A source that stays one: what it reads of the environment would be read now, and `--define` would not reach it. */
const KEPT = "src/serve/production.ts";

const changes: BunPlugin = {
  name: "places of files",
  setup(build) {
    build.onResolve({ filter: /\/production\.ts$/ }, () => ({ path: `../../${KEPT}`, external: true }));
    for (const [path, change] of Object.entries(CHANGES)) {
      const filter = new RegExp(`/${path.replaceAll(".", "\\.")}$`);
      build.onLoad({ filter }, async (file) => {
        const text = await Bun.file(file.path).text();
        const contents = change(text);
        if (contents === text) throw new Error(`${path} has nothing of what is to be changed`);
        return { contents, loader: "ts" };
      });
    }
  },
};

/** Builds into a folder, which is made anew. @throws AggregateError of what Bun says of the sources */
export async function makeBuilt(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  await Bun.build({
    entrypoints: ENTRIES.map((entry) => join(ROOT, "src", entry)),
    outdir: folder,
    target: "bun",
    splitting: true,
    // Names stay: they are in the stacks of errors.
    minify: { whitespace: true, syntax: true },
    naming: { entry: "[name].[ext]", chunk: "epollo-[hash].[ext]" },
    plugins: [changes],
    throw: true,
  });
}

if (import.meta.main) {
  const folder = join(import.meta.dir, BUILT_FOLDER);
  if (process.argv[2] === "--remove") rmSync(folder, { recursive: true, force: true });
  else await makeBuilt(folder);
}
