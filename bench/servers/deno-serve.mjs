/** Benchmark peer: Deno.serve, one thread. Run with `deno run --allow-all`; .mjs, as tsc here knows no Deno. */
import { fetch } from "./app.ts";

const { Deno } = globalThis;
const server = Deno.serve(
  { port: Number(process.env.BENCH_PORT ?? 0), hostname: "127.0.0.1", onListen: () => {} },
  fetch,
);
console.log(JSON.stringify({ port: server.addr.port }));
for await (const _ of Deno.stdin.readable);
Deno.exit(0);
