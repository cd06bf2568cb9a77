// bun run examples/elysia.ts
// An unchanged Elysia app on handler threads. Each thread evaluates this file and has an app of its own.
import { Elysia, t } from "elysia";
import { serve } from "epollo";

const app = new Elysia()
  .get("/", () => "Hello from Elysia\n")
  .get("/users/:id", ({ params, query }) => ({ id: params.id, query }))
  .post("/echo", ({ body }) => body, { body: t.Object({ text: t.String() }) })
  .onError(({ code, path, status }) =>
    code === "NOT_FOUND" ? status(404, { error: `no ${path} here` }) : undefined,
  );

const server = serve({ port: process.env.PORT ?? 3000, handlers: "pool", fetch: app.fetch });

if (Bun.isMainThread) console.log(`listening on ${server.url}`);
