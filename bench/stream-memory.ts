/**
 * Memory while streams run: a 1 GB upload that is read as a stream, a 1 GB download from a generator, and 10,000 clients
 * that leave a stream of server-sent events.
 *
 *   bun run bench/stream-memory.ts [--megabytes 1024] [--disconnects 10000] [--mode pool]
 *
 * The server runs in this process, in main mode or with one handler thread, and its client in another, so RSS is the server's. Printed is RSS before,
 * the largest seen meanwhile, and after a collection.
 */
import { serve } from "../src/index.ts";
import { argument } from "./support/report.ts";
import { fetch } from "./support/stream-handlers.ts";

const megabytes = Number(argument("megabytes") ?? 1024);
const disconnects = Number(argument("disconnects") ?? 10_000);
const mode = argument("mode") ?? "main";
const module = new URL("./support/stream-handlers.ts", import.meta.url);

const server = serve({
  port: 0,
  hostname: "127.0.0.1",
  development: false,
  maxRequestBodySize: 2 ** 40,
  idleTimeout: 0,
  // One thread, so that its counts are all of them.
  ...(mode === "main" ? { handlers: "main", fetch } : { handlers: module, threads: { min: 1, max: 1 } }),
} as Parameters<typeof serve>[0]);
const url = server.url.href;
const counts = async (): Promise<string> => (await globalThis.fetch(`${url}counts`)).text();
await counts();

const rssMb = (): number => Math.round(process.memoryUsage.rss() / 1048576);

async function measure(name: string, program: string): Promise<void> {
  await counts();
  Bun.gc(true);
  const before = rssMb();
  let peak = before;
  const timer = setInterval(() => {
    peak = Math.max(peak, rssMb());
  }, 20);
  const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe", stderr: "inherit" });
  const output = (await new Response(child.stdout).text()).trim();
  clearInterval(timer);
  await Bun.sleep(300);
  // A client that has left looks like one that has closed its half: its handler has 10 s to answer.
  for (let i = 0; i < 100 && server.stats().connections > 0; i++) await Bun.sleep(120);
  const seen = await counts();
  Bun.gc(true);
  const { inFlight, connections } = server.stats();
  console.log(
    `${name}: ${output}; RSS ${before} MB before, ${peak} at most, ${rssMb()} after; in flight ${inFlight}, connections ${connections}, ${seen}`,
  );
}

await measure(
  "warm-up",
  `for (let i = 0; i < 2000; i++) { const r = await fetch("${url}upload", { method: "POST", body: new Uint8Array(100000) }); await r.text(); } console.log("done")`,
);
await measure(
  "upload",
  `const piece = new Uint8Array(1 << 20); let n = ${megabytes};
   const body = new ReadableStream({ pull(c) { if (n-- > 0) c.enqueue(piece); else c.close(); } });
   console.log(await (await fetch("${url}upload", { method: "POST", body, duplex: "half" })).text())`,
);
await measure(
  "download",
  `let n = 0; for await (const piece of (await fetch("${url}download?megabytes=${megabytes}")).body) n += piece.length; console.log(n)`,
);
const leave = (path: string): string => `
  let left = ${disconnects};
  const one = async () => { while (left-- > 0) await new Promise((done) => Bun.connect({ hostname: "127.0.0.1", port: ${server.port}, socket: {
    open(s) { s.write("GET /${path} HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n"); if ("${path}" === "never") setTimeout(() => s.end(), 5); },
    data(s) { s.end(); }, close() { done(); }, error() { done(); } } })); };
  await Promise.all(Array.from({ length: 50 }, one)); console.log("left")`;
await measure("server-sent events, clients leave", leave("events"));
await measure("server-sent events, clients leave (again)", leave("events"));
await measure("handlers that never settle, clients leave", leave("never"));
await measure("handlers that never settle, clients leave (again)", leave("never"));
await server.stop(true);
