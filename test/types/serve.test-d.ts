/**
 * Type tests: checked by tsc alone, never run (bun test does not match the file name).
 *
 * Each call would be accepted by Bun.serve's own types; the lines under `@ts-expect-error` must not compile.
 */
import type { Serve, ServeOptions, Server, ServerStats } from "../../src/serve/types.ts";

declare const serve: Serve;

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only when the type argument is `true`. */
function isTrue<_ extends true>(): void {}

const response: Response = new Response("x");

// What Bun.serve takes, this takes: the whole option type, whatever its parameters.
declare const plain: Bun.Serve.Options<undefined>;
declare const withData: Bun.Serve.Options<{ name: string }, "/a" | "/b/:id">;
isTrue<Same<ReturnType<typeof serve<undefined, string>>, Server<undefined>>>();
const fromPlain: ServeOptions<undefined> = plain;
const fromData: ServeOptions<{ name: string }, "/a" | "/b/:id"> = withData;
serve(plain);
serve(withData);
serve(fromPlain);
serve(fromData);

// And what this gives can stand wherever Bun's server is asked for; `serve` wherever Bun.serve is.
const server: Server<undefined> = serve({ fetch: () => response });
const asBun: Bun.Server<undefined> = server;
const asBunServe: typeof Bun.serve = serve;
export const kept: unknown[] = [asBun, asBunServe];

// `satisfies`, as for a default export.
const defaultExport = {
  port: "8080",
  hostname: "127.0.0.1",
  fetch(request, { requestIP }) {
    isTrue<Same<typeof request, Request>>();
    void requestIP(request);
    return response;
  },
  threads: { dispatchers: 2 },
} satisfies ServeOptions;
serve(defaultExport);

// Parameters of routes are inferred from the path.
serve({
  routes: {
    "/": response,
    "/off": false,
    "/file": Bun.file("x"),
    "/public/*": { dir: "./public" },
    "/users/:id": (request) => {
      isTrue<Same<typeof request.params.id, string>>();
      // @ts-expect-error there is no such parameter
      void request.params.name;
      return new Response(request.params.id);
    },
    "/posts/:post/comments/:comment": {
      GET: async (request, inner) => {
        isTrue<Same<typeof inner, Bun.Server<undefined>>>();
        return new Response(request.params.post + request.params.comment);
      },
      POST: response,
    },
  },
  threads: { min: 0, max: 4 },
});

// @ts-expect-error a handler has to give a Response
serve({ fetch: () => 5 });

// @ts-expect-error neither fetch nor routes
serve({ port: 0 });

// @ts-expect-error unix and hostname exclude each other
serve({ unix: "/x", hostname: "localhost", fetch: () => response });

serve({ unix: "/x", fetch: () => response });
serve({ fetch: () => response, tls: [{ key: "", cert: "", serverName: "a" }], http2: true, http1: false });
serve({
  fetch: () => response,
  error: (error) => new Response(error.message),
  idleTimeout: 0,
  maxRequestBodySize: 10,
  development: { hmr: false },
  reusePort: true,
  ipv6Only: true,
  id: null,
});

// WebSocket data: given as type argument, and by `data`.
serve<{ name: string }>({
  fetch(request, inner) {
    if (inner.upgrade(request, { data: { name: "a" } })) return;
    return response;
  },
  websocket: {
    message(socket, message) {
      isTrue<Same<typeof socket.data, { name: string }>>();
      socket.send(message);
    },
  },
});
const typed: Server<{ id: number }> = serve({
  fetch: () => response,
  websocket: {
    data: {} as { id: number },
    open(socket) {
      isTrue<Same<typeof socket.data.id, number>>();
    },
  },
});
typed.publish("topic", "data");

// The server object.
const stats: ServerStats = server.stats();
const metrics: string = server.metrics();
void metrics;
isTrue<Same<typeof stats.threads.alive, number>>();
isTrue<Same<ReturnType<typeof server.stop>, Promise<void>>>();
const reloaded: Server<undefined> = server.reload({
  fetch: () => response,
  routes: { "/a/:b": (request) => new Response(request.params.b) },
});
void reloaded.stats().dispatchers[0]?.requests;
// @ts-expect-error counters are read-only
stats.requests = 1;

// Where handlers run.
serve({ fetch: () => response, handlers: "pool" });
serve({ fetch: () => response, handlers: "main" });
serve({ fetch: () => response, handlers: new URL("./app.ts", import.meta.url) });
serve({ fetch: () => response, handlers: import.meta.resolve("./app.ts") });
serve({ fetch: () => response, threads: { handlers: "main" } });
// @ts-expect-error a number is no place
serve({ fetch: () => response, handlers: 4 });

// Threads.
serve({
  fetch: () => response,
  threads: {
    dispatchers: 1,
    min: 0,
    max: 8,
    retireAfter: Infinity,
    handlerTimeout: 30_000,
    startTimeout: 30_000,
    maxBacklog: 100,
    balance: "random",
    inline: false,
  },
});
const maybe: number | undefined = [1].at(0);
serve({ fetch: () => response, threads: { max: maybe } });
// @ts-expect-error an option that does not exist
serve({ fetch: () => response, threads: { maximum: 3 } });
// @ts-expect-error a string is not a number
serve({ fetch: () => response, threads: { max: "3" } });
// @ts-expect-error one of two words
serve({ fetch: () => response, threads: { balance: "fair" } });
// @ts-expect-error threads is an object
serve({ fetch: () => response, threads: 4 });
// @ts-expect-error an option that does not exist
serve({ fetch: () => response, thread: {} });

// Limits.
serve({ fetch: () => response, limits: { headTimeout: Infinity, headerCount: 100, whenFull: "wait" } });
serve({ handlers: new URL("./app.ts", import.meta.url), limits: { connections: 10 } });
// @ts-expect-error one of two words
serve({ fetch: () => response, limits: { whenFull: "close" } });
// @ts-expect-error an option that does not exist
serve({ fetch: () => response, limits: { headers: 3 } });
