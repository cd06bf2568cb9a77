/** An Elysia app, as one is written for Bun; see ../answers.test.ts for what it is asked. */
import { type AnyElysia, Elysia, sse, t } from "elysia";

const app: AnyElysia = new Elysia()
  .get("/", () => "hello")
  .get("/users/:id", ({ params, query }) => ({ id: params.id, query }))
  .post("/echo", ({ body, status }) => status(201, body), { body: t.Object({ text: t.String() }) })
  .get("/thread", ({ server, request }) => ({
    isMain: Bun.isMainThread,
    address: server?.requestIP(request)?.address,
  }))
  .get("/events", async function* ({ query }) {
    for (let count = 0; count < 3; count++) {
      yield sse({ data: `event ${count}` });
      await Bun.sleep(Number(query.ms ?? 0));
    }
  })
  .get("/error", () => {
    throw new Error("the app's own");
  })
  .onError(({ code, error, status }) => {
    if (code === "NOT_FOUND") return status(404, { error: "not here" });
    return code === "VALIDATION" ? undefined : status(500, { error: (error as Error).message });
  });

export default app;
