/** The types as a project that has epollo among its dependencies sees them. */
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeDeclarations, readDeclarations } from "../../types/make.ts";
import { ROOT } from "../support/source-files.ts";

const TSC_MS = 60_000;
const folder = mkdtempSync(join(tmpdir(), "epollo-types-"));
afterAll(() => rmSync(folder, { recursive: true }));

test(
  "types/ has the declarations of the sources; if not: npm run declarations",
  () => expect(Object.fromEntries(readDeclarations())).toEqual(Object.fromEntries(makeDeclarations())),
  TSC_MS,
);

const PROGRAM = `
import "epollo/auto";
import { type ServeOptions, type Server, serve, type TextRequest, textHandler } from "epollo";

const server: Server = serve({
  port: 0,
  routes: {
    "/users/:id": (request) => new Response(request.params.id + request.cookies.get("a")),
    "/posts/:post/:comment": { GET: (request) => new Response(request.params.post + request.params.comment) },
    "/static": new Response("static"),
    "/files/*": { dir: "." },
  },
  fetch: (request, own) => new Response(own.requestIP(request)?.address),
  threads: { min: 1, max: 2, balance: "bounded" },
  handlers: new URL("./app.ts", import.meta.url),
});
const inFlight: number = server.stats().inFlight;
export const kept: unknown[] = [inFlight, serve satisfies typeof Bun.serve];

serve<{ user: string }>({
  fetch(request, own) {
    if (own.upgrade(request, { data: { user: "a" } })) return;
    return new Response("no");
  },
  websocket: { message: (socket, message) => void socket.send(socket.data.user.toUpperCase() + message) },
});
serve({ fetch: textHandler((request: TextRequest) => request.path) });

// @ts-expect-error no such parameter in the path
serve({ routes: { "/a/:b": (request) => new Response(request.params.c) } });
// @ts-expect-error no such member of threads
serve({ fetch: () => new Response(""), threads: { most: 2 } });
// @ts-expect-error no such balance
serve({ fetch: () => new Response(""), threads: { balance: "even" } });
// @ts-expect-error a handler gives a Response
serve({ fetch: () => 5 });

export default { fetch: (request) => new Response(request.url) } satisfies ServeOptions;
`;

/** Settings of projects: those of `bun init`, all that is strict, and a module resolution other than a bundler's. */
const PROJECTS: readonly [name: string, options: object][] = [
  ["bun init", { module: "Preserve", moduleResolution: "bundler", allowImportingTsExtensions: true }],
  [
    "every strict flag",
    {
      module: "Preserve",
      moduleResolution: "bundler",
      exactOptionalPropertyTypes: true,
      noPropertyAccessFromIndexSignature: true,
      noUnusedLocals: true,
      noUnusedParameters: true,
      noImplicitReturns: true,
      isolatedModules: true,
      skipLibCheck: false,
    },
  ],
  ["nodenext", { module: "nodenext" }],
];

test.each([...PROJECTS])(
  "a project compiles: %s",
  (name, options) => {
    const project = join(folder, name.replaceAll(" ", "-"));
    mkdirSync(join(project, "node_modules/@types"), { recursive: true });
    symlinkSync(ROOT, join(project, "node_modules/epollo"));
    for (const types of ["bun-types", "@types/bun", "@types/node"]) {
      symlinkSync(join(ROOT, "node_modules", types), join(project, "node_modules", types));
    }
    const strict = { strict: true, noUncheckedIndexedAccess: true, noImplicitOverride: true };
    const base = { lib: ["ESNext"], target: "ESNext", types: ["bun"], noEmit: true, skipLibCheck: true };
    const compilerOptions = { ...base, ...strict, moduleDetection: "force", ...options };
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["program.ts"] }));
    writeFileSync(join(project, "package.json"), JSON.stringify({ type: "module" }));
    writeFileSync(join(project, "program.ts"), PROGRAM);
    const { stdout } = Bun.spawnSync([join(ROOT, "node_modules/.bin/tsc"), "-p", project]);
    expect(stdout.toString()).toBe("");
  },
  TSC_MS,
);
