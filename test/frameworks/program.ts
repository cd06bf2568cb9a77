/**
 * Serves the app of a framework with epollo, in a process of its own: `bun run program.ts`, with FRAMEWORK the name of a
 * file of ./apps and MODE for `handlers`. Ends with its standard input.
 */
import { serve } from "../../src/index.ts";

const { FRAMEWORK, MODE } = process.env;
const { default: app } = (await import(`./apps/${FRAMEWORK}.ts`)) as {
  default: { fetch: (request: Request) => Response | Promise<Response> };
};
const server = serve({
  port: 0,
  hostname: "127.0.0.1",
  handlers: MODE as "main" | "pool",
  idleTimeout: 30,
  fetch: app.fetch,
});

if (Bun.isMainThread) {
  console.log(`listening on ${server.url}`);
  process.stdin.resume();
  process.stdin.on("end", () => process.exit(0));
}
