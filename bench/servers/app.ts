/**
 * The app that the HTTP benchmarks serve: the same `fetch` and `routes` under epollo, Bun.serve and Deno.serve, and the
 * same work in ./node-app.mjs. It uses nothing of any server.
 *
 * `/cpu/20` does a fixed amount of work, that of 20 ms on an idle core by BENCH_CPU_ROUNDS_PER_MS, instead of waiting
 * for a clock: a clock would count the time in which the thread was not running, and so favour servers with many threads.
 * `/mixed` is one kind of request whose cost depends on the query alone: no router can tell the dear ones from the cheap.
 */

const roundsPerMs = Number(process.env.BENCH_CPU_ROUNDS_PER_MS ?? 1_000_000);

/** Computes for a fixed number of rounds; about 1 ns each. Returns a number, so that the loop is not removed. */
export function compute(rounds: number): number {
  let state = 0x9e3779b9 | 0;
  for (let round = 0; round < rounds; round++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
  }
  return state;
}

const TEXT = "Hello, World!";
/** Made by the benchmark. */
const FILE = process.env.BENCH_FILE ?? "";
const SIZES: Readonly<Record<string, number>> = { "1k": 1024, "100k": 102_400, "10m": 10_485_760 };
const bodies: Record<string, Uint8Array<ArrayBuffer>> = {};

function bodyOf(name: string): Uint8Array<ArrayBuffer> | null {
  const length = SIZES[name];
  if (length === undefined) return null;
  bodies[name] ??= new Uint8Array(length).fill(98);
  return bodies[name];
}

/**
 * Answers `/file` (a file of 10 MB), `/` (text), `/json`, `/users/<id>` (the id), `/static` (text), `/bytes/<size>`, `/echo` (the body back),
 * `/wait/<ms>`, `/cpu/<ms>` and `/mixed` (20 ms of work with a query, text without).
 */
export function fetch(request: Request): Response | Promise<Response> {
  const url = request.url;
  const target = url.slice(url.indexOf("/", 8));
  if (target === "/") return new Response(TEXT);
  if (target === "/json") return Response.json({ message: TEXT, id: 42, tags: ["a", "b"] });
  if (target === "/echo") return echo(request);
  if (target === "/file") return new Response(Bun.file(FILE));
  if (target === "/mixed") return new Response(TEXT);
  if (target === "/mixed?slow") return new Response(work(20));
  const slash = target.indexOf("/", 1);
  const last = target.slice(slash + 1);
  switch (target.slice(0, slash + 1)) {
    case "/users/":
      return new Response(last);
    case "/cpu/":
      return new Response(work(Number(last)));
    case "/wait/":
      return wait(Number(last));
    case "/bytes/": {
      const body = bodyOf(last);
      if (body !== null) return new Response(body);
    }
  }
  if (target === "/static") return new Response(TEXT);
  return new Response("not found", { status: 404 });
}

/** What the servers that have routes get beside `fetch` where BENCH_APP is "routes": a parameter, and a static Response. */
export const routes: {
  "/users/:id": (request: { readonly params: { readonly id: string } }) => Response;
  "/static": Response;
} = {
  "/users/:id": (request) => new Response(request.params.id),
  "/static": new Response(TEXT),
};

function work(milliseconds: number): string {
  return String(compute(Math.round(roundsPerMs * milliseconds)));
}

async function echo(request: Request): Promise<Response> {
  return new Response(await request.bytes());
}

async function wait(milliseconds: number): Promise<Response> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  return new Response(TEXT);
}
