/**
 * What survives when `bun --hot` evaluates the program again: the native `Bun.serve`, and the servers by id.
 *
 * Main thread. Modules are evaluated anew, this one too, but `globalThis` stays: it is kept there.
 */
import type { HTTPServer } from "../fetch/server-object.ts";

interface Survivors {
  readonly nativeServe: typeof Bun.serve;
  readonly servers: Map<string, HTTPServer>;
}

const KEY = Symbol.for("epollo.survivors");
const globals = globalThis as unknown as { [KEY]?: Survivors };

globals[KEY] ??= { nativeServe: Bun.serve, servers: new Map() };
const survivors: Survivors = globals[KEY];

/** Bun's own serve, as it was before anybody replaced it. */
export const nativeServe: typeof Bun.serve = survivors.nativeServe;

/** Whether the program is evaluated again when a file of it changes. */
export const isHot: boolean = process.execArgv.includes("--hot");

/** The server that an earlier evaluation made with this id and that still runs, or null. */
export function survivingServer(id: string): HTTPServer | null {
  const server = survivors.servers.get(id);
  if (server === undefined) return null;
  if (server.port !== 0) return server;
  survivors.servers.delete(id);
  return null;
}

/** Keeps a server for later evaluations. */
export function keepServer(id: string, server: HTTPServer): void {
  survivors.servers.set(id, server);
}

/** The id that Bun.serve gives a server without one of its own under `--hot`. */
export function hotId(hostname: string | undefined, port: number, unix: string | undefined): string {
  return unix === undefined ? `[http]-tcp:${hostname ?? "localhost"}:${port}` : `[http]-unix:${unix}`;
}
