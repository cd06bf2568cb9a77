/**
 * Programs that know nothing of epollo, started in every way (BUN-SERVE.md sections 2, 13 and 16): natively, and with
 * `--preload epollo/auto`.
 */
import type { Case } from "../compare.ts";

/** A program and how it is started. */
export interface EntryCase extends Case {
  /** Files of the program's folder, by name. */
  readonly files: Readonly<Record<string, string>>;
  /** Arguments of bun; "PRELOAD" is where `--preload epollo/auto` goes, or nothing. Default: PRELOAD server.ts. */
  readonly arguments?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** How the preload is asked for: on the command line, by BUN_OPTIONS, or by a bunfig.toml that is written. */
  readonly preload?: "arguments" | "environment" | "bunfig" | "test";
  /** Whether it ends by itself; else it is asked for / and then ended. */
  readonly ends?: boolean;
  /** Whether its Bun.serve must be epollo's where the preload is: what /who answers. Default true. */
  readonly isOurs?: boolean;
}

// /who tells whose server it is: only epollo's has stats.
const HANDLER = `function handler(request, server) {
  if (new URL(request.url).pathname === "/who") return new Response("stats" in server ? "epollo" : "bun");
  return new Response("hello " + (this === server));
}
`;
const START = `{ port: 0, hostname: "127.0.0.1", fetch: handler }`;
const TELL = "console.log('port=' + server.port);";

function program(id: string, text: string, more: Partial<EntryCase> = {}): EntryCase {
  return { id: `entry-${id}`, section: "2", files: { "server.ts": text }, ...more };
}
const served = (id: string, text: string, more: Partial<EntryCase> = {}): EntryCase =>
  program(id, `${text}\n${HANDLER}`, more);
const notInPool = "a handler thread evaluates the program again";

const imports: EntryCase[] = [
  served("global", `const server = Bun.serve(${START}); ${TELL}`),
  served("import-serve", `import { serve } from "bun"; const server = serve(${START}); ${TELL}`),
  served("import-star", `import * as B from "bun"; const server = B.serve(${START}); ${TELL}`),
  served("import-default", `import B from "bun"; const server = B.serve(${START}); ${TELL}`),
  served("require", `const server = require("bun").serve(${START}); ${TELL}`),
  served("detached", `const { serve } = Bun; const server = serve(${START}); ${TELL}`),
  served("dynamic-import", `const { serve } = await import("bun"); const server = serve(${START}); ${TELL}`),
  served("global-this", `const server = globalThis.Bun.serve(${START}); ${TELL}`),
];

const auto: EntryCase[] = [
  served("default", `export default ${START};`),
  served("default-any-host", "export default { port: 0, fetch: handler };"),
  served("default-production", `export default ${START};`, { environment: { NODE_ENV: "production" } }),
  served("default-development-false", `export default { ...${START}, development: false };`),
  served(
    "default-instance",
    "class App { port = 0; hostname = '127.0.0.1'; fetch = handler; } export default new App();",
  ),
  served(
    "default-prototype",
    "class App { port = 0; hostname = '127.0.0.1'; fetch(...all) { return handler.apply(this, all); } } export default new App();",
  ),
  program("default-routes-only", 'export default { port: 0, routes: { "/": new Response("x") } };', {
    ends: true,
  }),
  program("default-function", "export default function fetch() { return new Response('x'); }", {
    ends: true,
  }),
  program("default-promise", `${HANDLER} export default Promise.resolve(${START});`, { ends: true }),
  program("default-number", "export default 42;", { ends: true }),
  program("default-stoppable", "export default { fetch() {}, stop() {}, port: 0 };", { ends: true }),
  served("default-server", `const server = Bun.serve(${START}); ${TELL} export default server;`),
  served("default-after-await", `await Bun.sleep(5); export default ${START};`),
  served("default-error", `export default { ...${START}, error: () => new Response("e") };`),
  {
    ...served("commonjs", ""),
    files: { "server.cjs": `${HANDLER} module.exports = ${START};` },
    arguments: ["PRELOAD", "server.cjs"],
  },
  {
    ...served("commonjs-default", "", { ends: true }),
    files: { "server.cjs": `${HANDLER} exports.default = ${START};` },
    arguments: ["PRELOAD", "server.cjs"],
  },
  served("default-bad-option", `export default { ...${START}, idleTimeout: 256 };`, { ends: true }),
  program("eval", "", {
    arguments: ["PRELOAD", "-e", `${HANDLER} export default ${START};`],
    notInPool: "no module",
  }),
  program("eval-serve", "", {
    arguments: ["PRELOAD", "-e", `${HANDLER} const server = Bun.serve(${START}); ${TELL}`],
    notInPool: "no module",
  }),
];

const preloads: EntryCase[] = [
  served("bunfig", `export default ${START};`, { preload: "bunfig" }),
  served("bun-options", `export default ${START};`, { preload: "environment" }),
  served("run", `export default ${START};`, { arguments: ["run", "PRELOAD", "server.ts"] }),
  served("hot", `export default ${START};`, { arguments: ["--hot", "PRELOAD", "server.ts"] }),
  served("watch", `export default ${START};`, { arguments: ["--watch", "PRELOAD", "server.ts"] }),
];

const TEST = `import { expect, test } from "bun:test";
import { serve } from "bun";
test("serves", async () => {
  const server = serve({ port: 0, fetch: () => new Response("in a test") });
  expect(await (await fetch(server.url)).text()).toBe("in a test");
  expect(Bun.serve).toBe(serve);
  await server.stop(true);
});
test("leaves a server open", () => {
  Bun.serve({ port: 0, fetch: () => new Response("open") });
});
`;
const inTests: EntryCase[] = (["arguments", "test"] as const).map((preload) => ({
  ...program(`test-${preload}`, "", {
    preload,
    ends: true,
    arguments: ["test", "PRELOAD", "./some.test.ts"],
  }),
  files: { "some.test.ts": TEST },
}));

const others: EntryCase[] = [
  program(
    "node-http",
    `import { createServer } from "node:http";
     const server = createServer((request, response) => response.end("node " + request.url));
     server.listen(0, "127.0.0.1", () => console.log("port=" + server.address().port));`,
    { isOurs: false, notInPool },
  ),
  program(
    "descriptor",
    `const { value, ...rest } = Object.getOwnPropertyDescriptor(Bun, "serve");
     console.log(JSON.stringify(rest), Bun.serve.name, Bun.serve.length, typeof value);`,
    { ends: true },
  ),
  program(
    "worker",
    `if (Bun.isMainThread) new Worker(import.meta.url).onmessage = (event) => { console.log(event.data); process.exit(0); };
     else postMessage(Bun.serve.name + " " + Bun.serve.toString().includes("[native code]"));`,
    { ends: true, notInPool },
  ),
  program(
    "errors",
    "try { Bun.serve(); } catch (error) { console.log(error.name, error.code, error.message); }",
    {
      ends: true,
    },
  ),
  program("uncaught", "Bun.serve({ port: -1, fetch() {} });", { ends: true }),
  program(
    "port-taken",
    `const first = Bun.listen({ port: 0, hostname: "127.0.0.1", socket: { data() {} } });
     try { Bun.serve({ port: first.port, hostname: "127.0.0.1", fetch() {} }); }
     catch (error) { console.log(error.name, error.code, error.syscall, error.errno, Object.keys(error).join(), error.message); }
     first.stop();`,
    { ends: true, section: "4.3" },
  ),
  program(
    "address-bad",
    `for (const hostname of ["192.0.2.1", "127.0.0.1:80", "http://x"])
       try { Bun.serve({ port: 0, hostname, fetch() {} }); }
       catch (error) { console.log(error.name, error.code, error.syscall, error.errno, Object.keys(error).join(), error.message); }`,
    { ends: true, section: "4.3" },
  ),
  program(
    "unix",
    `import { existsSync, unlinkSync } from "node:fs";
     const path = import.meta.dir + "/s.sock";
     const server = Bun.serve({ unix: path, fetch: (request, server) => new Response(request.url + " " + server.requestIP(request)) });
     const say = (value) => console.log(String(value).replaceAll(import.meta.dir, "DIR"));
     say(await (await fetch("http://u.test/x", { unix: path })).text());
     say([server.port, server.hostname, server.url, server.protocol, JSON.stringify(server.address)]);
     try { Bun.serve({ unix: path, fetch() {} }); } catch (error) { say([error.code, error.errno, Object.keys(error), error.message]); }
     await server.stop();
     say(existsSync(path));
     try { Bun.serve({ unix: "/nonexistent/x.sock", fetch() {} }); } catch (error) { say([error.code, error.errno, error.message]); }
     try { Bun.serve({ unix: "/tmp/" + "x".repeat(200), fetch() {} }); } catch (error) { say([error.code, error.errno]); }`,
    { ends: true, section: "13", notInPool },
  ),
  program(
    "abstract",
    `const server = Bun.serve({ unix: "\\0epollo-" + process.pid, fetch: () => new Response("abstract") });
     console.log([server.port, server.hostname, server.url, JSON.stringify(server.address)].join(" ").replaceAll(process.pid, "PID"));
     await server.stop();`,
    { ends: true, section: "13", notInPool },
  ),
  program(
    "urls",
    `for (const hostname of [undefined, "", "0.0.0.0", "127.0.0.1", "localhost", "::", "::1", "127.1"]) {
       const server = Bun.serve({ port: 0, hostname, fetch: () => new Response("") });
       const { address, family } = server.address;
       console.log(server.hostname, server.url.href.replace(/:\\d+\\//, ":PORT/"), address, family, server.protocol);
       await server.stop();
     }`,
    { ends: true, section: "13", notInPool },
  ),
  program(
    "ip-any-host",
    `const server = Bun.serve({ port: 0, fetch: (request, server) => Response.json(server.requestIP(request)) });
     console.log((await (await fetch("http://127.0.0.1:" + server.port)).text()).replace(/"port":\\d+/, "PORT"));
     await server.stop();`,
    { ends: true, section: "13", notInPool },
  ),
  program(
    "unref-exits",
    `Bun.serve({ port: 0, fetch: () => new Response("") }).unref(); console.log("done");`,
    { ends: true, section: "10.5", notInPool },
  ),
  program(
    "stop-exits",
    `const server = Bun.serve({ port: 0, fetch: () => new Response("") }); console.log("done"); server.stop();`,
    { ends: true, section: "10.5", notInPool },
  ),
  program(
    "using-exits",
    `{ using server = Bun.serve({ port: 0, fetch: () => new Response("") }); console.log(typeof server.port); }`,
    { ends: true, section: "10.5", notInPool },
  ),
  program(
    "async-context",
    `import { AsyncLocalStorage } from "node:async_hooks";
     const storage = new AsyncLocalStorage();
     const server = storage.run("outer", () => Bun.serve({ port: 0, fetch: () => new Response(String(storage.getStore())) }));
     console.log(await (await fetch(server.url)).text());
     await server.stop();`,
    { ends: true, section: "7", notInPool },
  ),
  served(
    "stdout",
    `const server = Bun.serve({ ...${START}, fetch: () => { throw new Error("in the handler"); } }); ${TELL}`,
    {
      section: "16",
      isOurs: false,
    },
  ),
  program(
    "options-read",
    `const reads = [];
     const server = Bun.serve(new Proxy({ port: 0, fetch: () => new Response("") }, { get(target, name) { reads.push(name); return target[name]; } }));
     console.log(reads.filter((name) => name !== "handlers" && name !== "threads").join());
     await server.stop();`,
    { ends: true, section: "3", notInPool },
  ),
  ...[
    ["bun-port", { BUN_PORT: "0", PORT: "1" }],
    ["port", { PORT: "0", NODE_PORT: "1" }],
    ["node-port", { NODE_PORT: "0" }],
    ["port-garbage", { BUN_PORT: "abc", PORT: "", NODE_PORT: "0" }],
  ].map(([name, environment]) =>
    served(`env-${name}`, "export default { hostname: '127.0.0.1', fetch: handler };", {
      environment: environment as Record<string, string>,
      section: "2.3",
    }),
  ),
  served("port-argument", "export default { hostname: '127.0.0.1', fetch: handler };", {
    arguments: ["PRELOAD", "--port=0", "server.ts"],
    section: "2.3",
  }),
];

/** All of them. */
export const entryCases: readonly EntryCase[] = [...imports, ...auto, ...preloads, ...inTests, ...others];
