/**
 * Programs of frameworks that know nothing of epollo, as their own documentation has them, under `epollo/auto`.
 */
import { describe, expect, test } from "bun:test";
import { PRELOADED, startProgram } from "../auto/program.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const app = (name: string): string => JSON.stringify(`${ROOT}test/frameworks/apps/${name}.ts`);

/** Says that handler threads have nothing to say. */
const QUIET = "if (!Bun.isMainThread) console.log = console.info = () => {};";

const PROGRAMS: readonly [what: string, text: string][] = [
  ["hono: export default app", `import app from ${app("hono")}; export default app;`],
  [
    "hono: Bun.serve(app)",
    `import app from ${app("hono")}; const server = Bun.serve(app); ${QUIET} console.log(server.url.href + " ");`,
  ],
  // Not the app itself: it has a `stop`, so Bun takes it for a server that listens.
  [
    "elysia: export default { fetch }",
    `import app from ${app("elysia")}; export default { fetch: app.fetch };`,
  ],
  [
    "h3: serve(app)",
    `${QUIET} import { serve } from "${ROOT}node_modules/h3/dist/_entries/bun.mjs"; import app from ${app("h3")}; serve(app, { port: 0, hostname: "127.0.0.1" });`,
  ],
  ["h3: export default app", `import app from ${app("h3")}; export default app;`],
  [
    "srvx: serve()",
    `${QUIET} import { serve } from "${ROOT}node_modules/srvx/dist/adapters/bun.mjs"; import app from ${app("h3")}; serve({ port: 0, hostname: "127.0.0.1", fetch: (request) => app.fetch(request) });`,
  ],
];

describe.each(["main", "pool"])("EPOLLO_HANDLERS=%s", (handlers) => {
  test.each(PROGRAMS)("%s", async (_what, text) => {
    const environment = { EPOLLO_HANDLERS: handlers, NODE_ENV: "production" };
    await using program = await startProgram({ files: { "server.ts": text }, environment });
    expect(await program.askJson("/users/7?a=b")).toEqual({ id: "7", query: { a: "b" } });
    expect(await program.askJson("/thread")).toMatchObject({ isMain: handlers === "main" });
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: '{"text":"a"}' };
    expect(await program.askJson("/echo", init)).toEqual({ text: "a" });
    expect(await program.askJson("/nothing")).toMatchObject({ error: "not here" });
    // How many pieces they come in is up to the network and to who reads them (`answers.test.ts` has them come one by one).
    const events = await (await fetch(new URL("/events?ms=50", program.url))).text();
    expect(events.match(/event/g)?.length).toBe(3);
    expect(program.errors()).toBe("");
  });
});

test("elysia's listen() always asks for WebSockets: the native Bun.serve serves", async () => {
  const text = `import app from ${app("elysia")};
    app.get("/by", ({ server }) => ({ stats: typeof server.stats })).listen(0, ({ url }) => console.log(url.href + " "));`;
  await using program = await startProgram({
    files: { "server.ts": text },
    arguments: [...PRELOADED, "server.ts"],
  });
  expect(await program.askJson("/by")).toEqual({ stats: "undefined" });
  expect(await program.askJson("/users/7")).toEqual({ id: "7", query: {} });
});
