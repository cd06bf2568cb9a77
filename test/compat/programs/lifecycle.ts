/** Aborted requests, stop() and reload() (BUN-SERVE.md sections 10 and 13). Notes go to the journal. */
import { note } from "../../support/journal.ts";

const show = (error: unknown): string => {
  const { name, code, message } = error as DOMException;
  return `${name} ${code} ${message}`;
};

const byPath: Record<string, (request: Request, mark: string, server: Bun.Server<undefined>) => unknown> = {
  "/slow": async () => {
    await Bun.sleep(80);
    return new Response("slow");
  },
  "/wait": async (request, mark) => {
    await new Promise<void>((resolve) => request.signal.addEventListener("abort", () => resolve()));
    note(`${mark} aborted ${show(request.signal.reason)}`);
    return new Response("late");
  },
  "/never": () => new Promise<Response>(() => {}),
  "/onabort": (request, mark) => {
    request.signal.onabort = (event) => note(`${mark} event ${event.type} ${request.signal.aborted}`);
    return new Promise<Response>(() => {});
  },
  "/ip": async (request, mark, server) => {
    await new Promise<void>((resolve) => request.signal.addEventListener("abort", () => resolve()));
    note(`${mark} ip ${server.requestIP(request)}`);
    return new Response("late");
  },
  "/pending": async (request, mark, server) => {
    const before = server.pendingRequests;
    await new Promise<void>((resolve) =>
      request.signal.addEventListener("abort", () => {
        note(`${mark} pending ${before} ${server.pendingRequests}`);
        resolve();
      }),
    );
    return new Response("late");
  },
  "/text": async (request, mark) => {
    await request.text().catch((error) => note(`${mark} text ${show(error)}`));
    return new Response("late");
  },
  "/read": async (request, mark) => {
    try {
      for await (const part of request.body!) if (part.length === 0) note(`${mark} empty part`);
      note(`${mark} read to the end`);
    } catch (error) {
      note(`${mark} read ${show(error)}`);
    }
    return new Response("late");
  },
  "/stream": (_, mark) => {
    const pull = async (controller: ReadableStreamDefaultController): Promise<void> => {
      await Bun.sleep(10);
      controller.enqueue("tick\n");
    };
    return new Response(
      new ReadableStream({ pull, cancel: (reason) => note(`${mark} cancel ${show(reason)}`) }),
    );
  },
  "/generator": (_, mark) => {
    async function* ticks(): AsyncGenerator<string> {
      try {
        for (;;) {
          await Bun.sleep(10);
          yield "tick\n";
        }
      } finally {
        note(`${mark} finally`);
      }
    }
    return new Response(ticks() as never);
  },
  "/stream-signal": (request, mark) => {
    request.signal.addEventListener("abort", () => note(`${mark} aborted ${show(request.signal.reason)}`));
    return byPath["/stream"]!(request, "other", undefined as never);
  },
  "/done": (request, mark) => {
    request.signal.addEventListener("abort", () => note(`${mark} aborted although done`));
    return new Response("done");
  },
  "/read-after": (request, mark) => {
    setTimeout(() => {
      request.text().then(
        (text) => note(`${mark} after ${text}`),
        (error) => note(`${mark} after ${show(error)}`),
      );
    }, 30);
    return new Response("answered");
  },
  "/headers-after": (request, mark) => {
    setTimeout(() => note(`${mark} headers ${request.headers.get("x-a")} ${request.url}`), 30);
    return new Response("answered");
  },
  "/ip-after": (request, mark, server) => {
    setTimeout(() => note(`${mark} ip ${server.requestIP(request)}`), 30);
    return new Response("answered");
  },
  "/stop": (_, __, server) => {
    void server.stop();
    return new Response("stopping");
  },
  "/stop-forced": (_, __, server) => {
    void server.stop(true);
    return new Response("stopping");
  },
};

function fetch(request: Request, server: Bun.Server<undefined>): Response {
  const url = new URL(request.url);
  const mark = url.searchParams.get("mark") ?? "";
  note(`${mark} started`);
  const handler = byPath[url.pathname];
  return (handler === undefined ? new Response("hello") : handler(request, mark, server)) as Response;
}

// biome-ignore lint/suspicious/noExplicitAny: routes and other members of two servers' types.
type Server = any;
const text = (body: string) => (): Response => new Response(body);

/** What the parent may do to the server. */
export const probes: Record<string, (server: Server) => unknown> = {
  "stop-start": (server) => {
    void server.stop();
  },
  stop: (server) => server.stop(),
  "stop-forced": (server) => server.stop(true),
  "stop-twice": async (server) => [Object.is(server.stop(), server.stop()), await server.stop()],
  dispose: (server) => server[Symbol.dispose](),
  facts: (server) => [server.port, server.url, server.hostname, server.pendingRequests, server.protocol],
  "fetch-text": async (server) => (await server.fetch("http://x.test/hello")).text(),
  rebind: async (server) => {
    const { port } = server;
    server.stop(true);
    const second = Bun.serve({ port, hostname: "127.0.0.1", fetch: text("second") });
    const isSame = second.port === port;
    await second.stop(true);
    return isSame;
  },
  "close-idle": (server) => server.closeIdleConnections(),
  pending: (server) => server.pendingRequests,
  "reload-fetch": (server) => server.reload({ fetch: text("reloaded") }) === server,
  "reload-empty": (server) => server.reload({}) === server,
  "reload-routes": (server) => server.reload({ routes: { "/r": text("route") } }) === server,
  "reload-both": (server) =>
    server.reload({ routes: { "/r": text("route") }, fetch: text("both") }) === server,
  "reload-port": (server) =>
    server.reload({ port: 1, hostname: "nowhere", fetch: text("same port") }) === server,
  "reload-error": (server) =>
    server.reload({
      fetch: () => {
        throw new Error("x");
      },
      error: text("new error handler"),
    }) === server,
  "reload-development": (server) => [server.reload({ development: true }) === server, server.development],
};

export const options: Record<string, unknown> = { development: false, reusePort: false, fetch };
