/**
 * Starts the servers that a benchmark compares, each in a process of its own, and stops them again.
 *
 * Runs on the benchmark's main thread. A peer that does not start (epollo while it is being rebuilt, Node where it
 * is not installed) is reported and left out, so that the others can still be measured.
 */
import type { Subprocess } from "bun";
import { compute } from "../servers/app.ts";

/** How to start a peer. */
export interface PeerKind {
  readonly name: string;
  readonly command: readonly string[];
}

/** A running peer. */
export interface Peer {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

const script = (name: string): string => new URL(`../servers/${name}`, import.meta.url).pathname;
const underBun = (name: string): string[] => [process.execPath, "run", script(name)];

/** All peers, in the order of the table; the ratios refer to "bun-serve". */
export const PEERS: readonly PeerKind[] = [
  { name: "bun-serve", command: underBun("bun-serve.ts") },
  { name: "bun-workers", command: underBun("bun-workers.ts") },
  { name: "epollo-pool", command: underBun("epollo-pool.ts") },
  { name: "epollo-main", command: underBun("epollo-main.ts") },
  { name: "node-http", command: ["node", script("node-http.mjs")] },
];

/** The name of the peer that ratios refer to. */
export const BASELINE = "bun-serve";

/** Finds how many rounds of the work of `/cpu` take so many milliseconds here, on an otherwise idle core. */
export function calibrateRounds(milliseconds: number): number {
  compute(50_000_000);
  const rounds = 100_000_000;
  let bestMs = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 3; attempt++) {
    const start = performance.now();
    compute(rounds);
    bestMs = Math.min(bestMs, performance.now() - start);
  }
  return Math.round((rounds / bestMs) * milliseconds);
}

/** Starts a peer; null, with a note on standard error, when it ends or says nothing within 10 s. */
export async function startPeer(kind: PeerKind, environment: Record<string, string>): Promise<Peer | null> {
  let child: Subprocess<"pipe", "pipe", "pipe">;
  try {
    child = Bun.spawn(kind.command as string[], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
      env: { ...process.env, NODE_ENV: "production", ...environment },
    });
  } catch (error) {
    console.error(`${kind.name}: left out, not started: ${error}`);
    return null;
  }
  const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
  let text = "";
  for await (const bytes of child.stdout) {
    text += new TextDecoder().decode(bytes);
    if (text.includes("\n")) break;
  }
  clearTimeout(timer);
  const newline = text.indexOf("\n");
  if (newline < 0) {
    const errors = await new Response(child.stderr).text();
    console.error(`${kind.name}: left out, ended with ${await child.exited}: ${errors.slice(0, 300)}`);
    return null;
  }
  return {
    name: kind.name,
    port: (JSON.parse(text.slice(0, newline)) as { port: number }).port,
    pid: child.pid,
    stop: async () => {
      child.stdin.end();
      const late = setTimeout(() => child.kill("SIGKILL"), 2000);
      await child.exited;
      clearTimeout(late);
    },
  };
}

/** Starts all peers whose names are asked for (all when none is). */
export async function startPeers(
  names: readonly string[],
  environment: Record<string, string>,
): Promise<Peer[]> {
  const peers: Peer[] = [];
  for (const kind of PEERS) {
    if (names.length > 0 && !names.includes(kind.name)) continue;
    const peer = await startPeer(kind, environment);
    if (peer !== null) peers.push(peer);
  }
  return peers;
}
