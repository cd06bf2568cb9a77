// bun run examples/cpu.ts
// /cpu computes for 20 ms, everything else is answered at once. Load one and time the other:
//   while :; do curl -s localhost:3000/cpu; done &   curl -w '%{time_total}\n' localhost:3000/
import { serve } from "epollo";

function compute(milliseconds: number): number {
  const end = performance.now() + milliseconds;
  let rounds = 0;
  while (performance.now() < end) rounds++;
  return rounds;
}

const server = serve({
  port: process.env.PORT ?? 3000,
  fetch(request) {
    if (new URL(request.url).pathname !== "/cpu") return new Response("at once\n");
    return new Response(`${compute(20)} rounds in 20 ms\n`);
  },
});

if (Bun.isMainThread) console.log(`listening on ${server.url}`);
