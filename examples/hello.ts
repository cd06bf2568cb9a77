// bun run examples/hello.ts
import { serve } from "epollo";

const server = serve({
  port: process.env.PORT ?? 3000,
  fetch: (request) => new Response(`Hello from ${new URL(request.url).pathname}\n`),
});

if (Bun.isMainThread) console.log(`listening on ${server.url}`);
