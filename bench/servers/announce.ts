/**
 * What all servers of the benchmark share: the options that the benchmark sets by environment variables, and the line on
 * standard output that says where the server listens. A server ends when its standard input does, so that none
 * outlives the benchmark (../support/peers.ts).
 *
 *   BENCH_PORT     where to listen; default any free port
 *   BENCH_APP      "routes": `routes` beside `fetch`; default `fetch` alone, so that no router stands before `/`
 *   BENCH_INLINE   "0": epollo runs no handler on a dispatcher
 *   BENCH_MIN      epollo: handler threads kept when idle
 */
import { fetch, routes } from "./app.ts";

/** The port to listen on; 0 for any. */
export const port: number = Number(process.env.BENCH_PORT ?? 0);

/** What each server gets: address, no idle timeout, and the app. */
export const options: {
  port: number;
  hostname: string;
  idleTimeout: number;
  development: false;
  fetch: typeof fetch;
  routes?: typeof routes;
} = {
  port,
  hostname: "127.0.0.1",
  idleTimeout: 0,
  development: false,
  fetch,
  ...(process.env.BENCH_APP === "routes" ? { routes } : {}),
};

/** epollo's `threads` as the environment asks for them. */
export const threads: { inline?: boolean; min?: number } = {
  ...(process.env.BENCH_INLINE === "0" ? { inline: false } : {}),
  ...(process.env.BENCH_MIN === undefined ? {} : { min: Number(process.env.BENCH_MIN) }),
};

/**
 * Prints the port, and ends the process at the end of standard input. Called on the main thread; on handler threads,
 * which evaluate the entry module again, it does nothing.
 */
export function announce(port: number | undefined): void {
  if (!Bun.isMainThread) return;
  console.log(JSON.stringify({ port }));
  process.stdin.resume();
  process.stdin.on("end", () => process.exit(0));
}
