/**
 * The app that the HTTP benchmarks serve: the same `fetch` under epollo and Bun.serve, and the same work in
 * ./node-http.mjs. It uses nothing of either server.
 *
 * `/cpu` does a fixed amount of work, BENCH_CPU_ROUNDS rounds of integer arithmetic, instead of waiting for a clock:
 * a clock would count the time in which the thread was not running, and so favour servers with many threads.
 */

const defaultRounds = Number(process.env.BENCH_CPU_ROUNDS ?? 1_000_000);

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

/** Answers `/` (text), `/json`, `/echo` (the body back) and `/cpu` (work). */
export function fetch(request: Request): Response | Promise<Response> {
  const url = request.url;
  const path = url.slice(url.indexOf("/", 8));
  if (path === "/") return new Response("Hello, World!");
  if (path === "/json") return Response.json({ message: "Hello, World!", id: 42, tags: ["a", "b"] });
  if (path === "/echo") return echo(request);
  if (path === "/cpu") return new Response(String(compute(defaultRounds)));
  return new Response("not found", { status: 404 });
}

async function echo(request: Request): Promise<Response> {
  return new Response(await request.bytes());
}
