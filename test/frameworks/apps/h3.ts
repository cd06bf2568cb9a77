/** An h3 app, as one is written for srvx's Bun adapter; see ../answers.test.ts for what it is asked. */
import { createEventStream, getQuery, getRequestIP, H3, HTTPError } from "h3";

const app: H3 = new H3({
  onError: (error) =>
    Response.json({ error: (error.cause as Error)?.message ?? error.message }, { status: error.status }),
})
  .get("/", () => "hello")
  .get("/users/:id", (event) => ({ id: event.context.params?.id, query: getQuery(event) }))
  .post("/echo", async (event) => {
    event.res.status = 201;
    return event.req.json();
  })
  .get("/thread", (event) => ({ isMain: Bun.isMainThread, address: getRequestIP(event) }))
  .get("/events", (event) => {
    const stream = createEventStream(event);
    const { ms } = getQuery<{ ms?: string }>(event);
    void (async () => {
      for (let count = 0; count < 3; count++) {
        await stream.push(`event ${count}`);
        await Bun.sleep(Number(ms ?? 0));
      }
      await stream.close();
    })();
    return stream.send();
  })
  .get("/error", () => {
    throw new Error("the app's own");
  })
  .all("/**", () => {
    throw new HTTPError({ status: 404, message: "not here" });
  });

export default app;
