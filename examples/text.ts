// bun run examples/text.ts
// A handler from plain strings to a plain string: curl 'localhost:3000/greet?name=Ada'
import { serve, textHandler } from "epollo";

const server = serve({
  port: process.env.PORT ?? 3000,
  fetch: textHandler(({ method, path, query, headers, body }) => {
    if (path === "/greet") return `Hello ${query.name ?? "you"}\n`;
    if (path === "/agent") return `${headers["user-agent"] ?? "nobody"}\n`;
    return `${method} ${path} with ${body.length} characters\n`;
  }),
});

if (Bun.isMainThread) console.log(`listening on ${server.url}`);
