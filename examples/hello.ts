// bun run examples/hello.ts
import { serve } from "epollo";

const server = serve({
  port: process.env.PORT ?? 3000,
  fetch: (request) => new Response(`Hello from ${new URL(request.url).pathname}\n`),
});

// Handler threads run this file too; only the main thread says where the server listens.
if (Bun.isMainThread) console.log(`listening on ${server.url}`);
