/**
 * The order of the folders, kept by a test: nothing imports upward, nothing imports in a circle, no file is too long and
 * none is without a test. The order is that of docs/architecture.md, written here as data.
 */
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ROOT, readSources, type SourceFile, sourceFile } from "./support/source-files.ts";

/** What each folder may import besides itself, from the bottom up: of this project, and of the runtime. */
const LAYERS: Readonly<Record<string, { folders: readonly string[]; modules: readonly RegExp[] }>> = {
  ffi: { folders: [], modules: [/^bun:ffi$/] },
  "src/log": { folders: [], modules: [] },
  "src/shm": { folders: [], modules: [] },
  "src/net": { folders: ["ffi"], modules: [] },
  "src/http": { folders: [], modules: [] },
  "src/channel": { folders: ["src/shm", "src/http", "src/net"], modules: [] },
  "src/fetch": {
    folders: ["src/log", "src/http", "src/channel"],
    modules: [/^bun:jsc$/, /^node:stream$/, /^node:fs$/],
  },
  "src/roles": {
    folders: ["ffi", "src/log", "src/shm", "src/net", "src/http", "src/channel", "src/fetch"],
    modules: [/^node:worker_threads$/, /^bun:jsc$/],
  },
  // Worker entry points: a few lines that start a role.
  "src/roles/entry": { folders: ["ffi", "src/roles"], modules: [/^node:worker_threads$/] },
  "src/serve": {
    // The entry points: in a bundle Workers start from there (bundled-thread.ts).
    folders: [
      "src/log",
      "src/shm",
      "src/net",
      "src/http",
      "src/channel",
      "src/fetch",
      "src/roles",
      "src/roles/entry",
    ],
    modules: [/^node:/],
  },
  src: { folders: ["src/log", "src/serve"], modules: [] },
};

/** Of these folders only the named file may be imported by the one in front. */
const NARROWED: readonly { from: string; to: string; only: readonly string[] }[] = [
  { from: "src/channel", to: "src/net", only: ["src/net/waker.ts"] },
  {
    from: "src/roles",
    to: "ffi",
    only: [
      "ffi/clock.ts",
      "ffi/mapped-memory.ts",
      "ffi/native-buffer.ts",
      "ffi/scheduling.ts",
      "ffi/thread-usage.ts",
    ],
  },
  { from: "src/roles/entry", to: "ffi", only: ["ffi/late-binding.ts", "ffi/scheduling.ts"] },
];

const MAX_LINES = 400;

/**
 * Source files without a test of their own, and why: nothing in them runs by itself, or what they do is a whole server
 * with its threads, and the named tests start one.
 */
const WITHOUT_MIRROR: Readonly<Record<string, string>> = {
  "ffi/deallocator.ts": "one cast; test/ffi/mapped-memory.test.ts, test/ffi/thread-end.test.ts",
  "src/serve/production.ts": "one constant; test/dist",
  "src/index.ts": "re-exports; every example imports it by the package's name",
  "src/serve/types.ts": "types only; test/types/serve.test-d.ts",
  "src/channel/answer-sink.ts": "types only",
  "src/fetch/route-target.ts": "types and constants only",
  "src/serve/limit-types.ts": "types only; test/types/serve.test-d.ts",
  "src/fetch/file-access.ts": "types only",
  "src/channel/messages.ts": "constants only",
  "src/shm/states.ts": "constants only",
  "src/roles/entry/acceptor.ts": "entry point of a Worker",
  "src/roles/entry/dispatcher.ts": "entry point of a Worker",
  "src/roles/entry/handler.ts": "entry point of a Worker",
  "src/roles/entry/few-bindings.ts": "test/ffi/late-binding.test.ts",
  "src/roles/dispatcher-settings.ts": "types only",
  "src/roles/inline-owner.ts": "types only",
  "src/roles/dead-dispatcher.ts": "test/server/essential-threads.test.ts",
  "src/roles/essential-threads.ts": "test/server/essential-threads.test.ts",
  "src/roles/succession.ts":
    "test/channel/dispatcher-link-recover.test.ts, test/server/essential-threads.test.ts",
  "src/roles/main-handlers.ts": "test/server, in main mode",
  "src/roles/blocked-report.ts": "test/server/handler-timeout.test.ts",
  "src/roles/client-settings.ts": "types only",
  "src/roles/connection-count.ts": "two calls of src/shm/admission.ts; test/server/limits.test.ts",
  "src/roles/client-taker.ts": "test/roles/clients.test.ts, test/server/limits.test.ts",
  "src/roles/request-intake.ts":
    "what the reader does with what it has read; test/roles/request-reader.test.ts",
  "src/roles/logged-client.ts": "types only",
  "src/roles/upload.ts": "data of a body on its way, no behaviour",
  "src/roles/acceptor.ts": "a thread's loop; test/server/listening.test.ts, test/server/disconnect.test.ts",
  "src/roles/dispatcher.ts": "a thread's loop; test/server",
  "src/roles/handler-thread.ts": "a thread's start; test/server/errors.test.ts",
  "src/roles/handler-pool.ts": "starts and retires Workers; test/server/pool.test.ts",
  "src/roles/thread-log.ts": "a thread's start; test/server/log.test.ts",
  "src/roles/optional-stages.ts":
    "makes what settings ask for; test/server/access-log.test.ts, limits, metrics, inline",
  "src/roles/thread-settings.ts": "a thread's start; test/roles/thread.test.ts, test/bundle",
  "src/roles/supervisor.ts": "starts and ends all threads; test/server/stop.test.ts",
  "src/auto.ts": "replaces Bun.serve of a process; test/auto",
  "src/serve/bundled-thread.ts": "starts a thread's role in a bundle; test/bundle",
  "src/serve/bun-serve.ts": "replaces Bun.serve of a process; test/auto",
  "src/serve/listen.ts":
    "opens or takes over a socket; test/server/listening.test.ts, test/server/activation.test.ts",
  "src/serve/registration-of.ts": "what serve() registers; test/server, in all modes",
  "src/serve/serve.ts": "starts a server; test/server/listening.test.ts",
  "src/serve/start.ts": "starts a server; test/server/listening.test.ts",
};

const sources = readSources();

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

/** Says what is wrong with the imports of a file, one line for each mistake. */
function judgeImports(file: SourceFile): string[] {
  const folder = folderOf(file.path);
  const layer = LAYERS[folder];
  if (layer === undefined) return [`${file.path}: ${folder} is no folder of the architecture`];
  const mistakes: string[] = [];
  for (const { kind, specifier, target } of file.imports) {
    const line = `${file.path} -> ${specifier}`;
    if (target === null) {
      if (!layer.modules.some((allowed) => allowed.test(specifier)))
        mistakes.push(`${line}: not for ${folder}`);
      continue;
    }
    if (!specifier.endsWith(".ts")) mistakes.push(`${line}: without its extension`);
    const to = folderOf(target);
    if (kind === "url") {
      if (to !== "src/roles/entry") mistakes.push(`${line}: a worker URL points into src/roles/entry`);
      if (folder !== "src/roles") mistakes.push(`${line}: only src/roles starts Workers`);
      continue;
    }
    if (to === folder) continue;
    if (!layer.folders.includes(to)) mistakes.push(`${line}: ${folder} may not import ${to}`);
    const narrowed = NARROWED.find((rule) => rule.from === folder && rule.to === to);
    if (narrowed !== undefined && !narrowed.only.includes(target)) {
      mistakes.push(`${line}: ${folder} may import ${narrowed.only.join(" and ")} of ${to} only`);
    }
  }
  return mistakes;
}

/** Finds the circles among edges: each as "a -> b -> a", once, from its first name. */
function findCycles(edges: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const cycles = new Set<string>();
  const done = new Set<string>();
  const visit = (name: string, path: readonly string[]): void => {
    const at = path.indexOf(name);
    if (at >= 0) {
      const circle = path.slice(at);
      const first = circle.indexOf([...circle].sort()[0]!);
      cycles.add([...circle.slice(first), ...circle.slice(0, first), circle[first]].join(" -> "));
      return;
    }
    if (done.has(name)) return;
    for (const next of edges.get(name) ?? []) visit(next, [...path, name]);
    done.add(name);
  };
  for (const name of edges.keys()) visit(name, []);
  return [...cycles].sort();
}

function importEdges(
  files: readonly SourceFile[],
  nameOf: (path: string) => string,
): Map<string, Set<string>> {
  const edges = new Map<string, Set<string>>();
  for (const file of files) {
    const from = nameOf(file.path);
    const targets = edges.get(from) ?? new Set();
    edges.set(from, targets);
    for (const { kind, target } of file.imports) {
      // A worker URL is no import: what it names runs on another thread.
      if (kind === "import" && target !== null && nameOf(target) !== from) targets.add(nameOf(target));
    }
  }
  return edges;
}

describe("imports", () => {
  test("none runs upward", () => {
    expect(sources.flatMap(judgeImports)).toEqual([]);
  });

  test("every relative one names a file that is there", () => {
    const missing = sources.flatMap(({ path, imports }) =>
      imports
        .filter(({ target }) => target !== null && !existsSync(join(ROOT, target)))
        .map(({ specifier }) => `${path} -> ${specifier}`),
    );
    expect(missing).toEqual([]);
  });

  test("no circle between files", () => {
    expect(findCycles(importEdges(sources, (path) => path))).toEqual([]);
  });

  test("no circle between folders", () => {
    expect(findCycles(importEdges(sources, folderOf))).toEqual([]);
  });

  test("the order itself has no circle and names no folder twice", () => {
    const edges = new Map(Object.entries(LAYERS).map(([folder, { folders }]) => [folder, new Set(folders)]));
    expect(findCycles(edges)).toEqual([]);
    expect(new Set(sources.map(({ path }) => folderOf(path)))).toEqual(new Set(Object.keys(LAYERS)));
  });
});

describe("files", () => {
  test("none but src/log prints: what epollo has to say goes to the log", () => {
    const printing = sources.filter(({ text }) =>
      /\bconsole\.|process\.stderr/.test(text.replace(/\/\*[\s\S]*?\*\//g, "")),
    );
    expect(printing.map(({ path }) => path)).toEqual(["src/log/log.ts"]);
  });

  test(`none has more than ${MAX_LINES} lines`, () => {
    const long = sources.filter(({ lineCount }) => lineCount > MAX_LINES);
    expect(long.map(({ path, lineCount }) => `${path}: ${lineCount}`)).toEqual([]);
  });

  test("each has a test of its own, in the same place under test/", () => {
    const without = sources.filter(({ path }) => !(path in WITHOUT_MIRROR) && !existsSync(mirrorOf(path)));
    expect(without.map(({ path }) => path)).toEqual([]);
  });

  test("each exception is still one", () => {
    const stale = Object.keys(WITHOUT_MIRROR).filter(
      (path) => !existsSync(join(ROOT, path)) || existsSync(mirrorOf(path)),
    );
    expect(stale).toEqual([]);
  });
});

function mirrorOf(path: string): string {
  return join(ROOT, `test/${path.replace(/^src\//, "").replace(/\.ts$/, ".test.ts")}`);
}

describe("this test can fail", () => {
  const UPWARD: readonly [how: string, text: string][] = [
    ["import", 'import { a } from "../roles/task.ts";'],
    ["import of several lines", 'import {\n  a,\n  type B,\n} from "../roles/task.ts";'],
    ["import type", 'import type { A } from "../roles/task.ts";'],
    ["import for its effect", 'import "../roles/task.ts";'],
    ["export from", 'export * from "../roles/task.ts";'],
    ["export type from", 'export type { A } from "../roles/task.ts";'],
    ["import()", 'const a = await import("../roles/task.ts");'],
    ["import() in a type", 'type A = import("../roles/task.ts").A;'],
    ["require()", 'const a = require("../roles/task.ts");'],
    ["a worker URL outside of entry/", 'new Worker(new URL("../roles/task.ts", import.meta.url));'],
    ["a worker URL below src/roles", 'new Worker(new URL("../roles/entry/a.ts", import.meta.url));'],
    ["a module of the runtime", 'import { dlopen } from "bun:ffi";'],
    ["a package", 'import { Hono } from "hono";'],
    ["a missing extension", 'import { a } from "./task";'],
  ];

  test.each(UPWARD)("%s", (_how, text) => {
    expect(judgeImports(sourceFile("src/shm/example.ts", `/** A header. */\n${text}\n`))).not.toEqual([]);
  });

  test("an import in a comment is none", () => {
    const text =
      '/** import { a } from "../roles/task.ts"; */\n// import "../roles/task.ts"\nconst a = "x";\n';
    expect(judgeImports(sourceFile("src/shm/example.ts", text))).toEqual([]);
  });

  test("nor is one in a text of several lines, unless it is computed there", () => {
    const example = 'const a = `\n\\`\\`\\`js\nimport { a } from "../roles/task.ts";\n\\$b\n`;\n';
    expect(judgeImports(sourceFile("src/shm/example.ts", example))).toEqual([]);
    const real = `const a = \`\n\${await import("../roles/task.ts")}\n\`;\n`;
    expect(judgeImports(sourceFile("src/shm/example.ts", real))).not.toEqual([]);
    const behind = `${example}import { b } from "../roles/task.ts";\n`;
    expect(judgeImports(sourceFile("src/shm/example.ts", behind))).not.toEqual([]);
  });

  test("a file in a folder of its own making", () => {
    expect(judgeImports(sourceFile("src/helpers/example.ts", ""))).not.toEqual([]);
  });

  test("circles of two and of three", () => {
    const edges = new Map([
      ["b", new Set(["a"])],
      ["a", new Set(["b", "c"])],
      ["c", new Set(["d"])],
      ["d", new Set(["a"])],
    ]);
    expect(findCycles(edges)).toEqual(["a -> b -> a", "a -> c -> d -> a"]);
  });
});
