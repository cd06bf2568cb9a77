// bun run examples/h3.ts
// An unchanged h3 app on handler threads. Each thread evaluates this file and has an app of its own.
import { serve } from "epollo";
import { getQuery, H3, HTTPError } from "h3";

const app = new H3()
  .get("/", () => "Hello from h3\n")
  .get("/users/:id", (event) => ({ id: event.context.params?.id, query: getQuery(event) }))
  .post("/echo", (event) => event.req.json())
  .all("/**", (event) => {
    throw new HTTPError({ status: 404, message: `no ${event.url.pathname} here` });
  });

const server = serve({
  port: process.env.PORT ?? 3000,
  handlers: "pool",
  fetch: (request) => app.fetch(request),
});

if (Bun.isMainThread) console.log(`listening on ${server.url}`);
