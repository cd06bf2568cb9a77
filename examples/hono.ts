// bun run examples/hono.ts
// An unchanged Hono app on handler threads. Each thread evaluates this file and has an app of its own.
import { serve } from "epollo";
import { Hono } from "hono";

const app = new Hono();
app.get("/", (c) => c.text("Hello from Hono\n"));
app.get("/users/:id", (c) => c.json({ id: c.req.param("id"), query: c.req.query() }));
app.post("/echo", async (c) => c.json(await c.req.json()));
app.notFound((c) => c.json({ error: `no ${c.req.path} here` }, 404));

const server = serve({ port: process.env.PORT ?? 3000, handlers: "pool", fetch: app.fetch });

if (Bun.isMainThread) console.log(`listening on ${server.url}`);
