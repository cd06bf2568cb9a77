/** A Hono app, as one is written for Bun; see ../answers.test.ts for what it is asked. */
import { Hono } from "hono";
import { getConnInfo } from "hono/bun";
import { streamSSE } from "hono/streaming";

const app: Hono = new Hono();
app.get("/", (c) => c.text("hello"));
app.get("/users/:id", (c) => c.json({ id: c.req.param("id"), query: c.req.query() }));
app.post("/echo", async (c) => c.json(await c.req.json(), 201));
app.get("/thread", (c) => c.json({ isMain: Bun.isMainThread, address: getConnInfo(c).remote.address }));
app.get("/events", (c) =>
  streamSSE(c, async (stream) => {
    for (let count = 0; count < 3; count++) {
      await stream.writeSSE({ data: `event ${count}` });
      await stream.sleep(Number(c.req.query("ms") ?? 0));
    }
  }),
);
app.get("/error", () => {
  throw new Error("the app's own");
});
app.onError((error, c) => c.json({ error: error.message }, 500));
app.notFound((c) => c.json({ error: "not here" }, 404));

export default app;
