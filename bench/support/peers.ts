/**
 * Starts the servers that a benchmark compares, each in a process of its own, and stops them again.
 *
 * Runs on the benchmark's main thread. A peer that is not installed, or does not start, is reported and left out, so
 * that the others can still be measured. A floor is compiled into a temporary folder the first time it is wanted.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import type { Feature } from "../scenarios.ts";
import { compute } from "../servers/app.ts";

/** How to start a peer, and what it can do. */
export interface PeerKind {
  readonly name: string;
  /** Command line; null when the peer is not installed here. */
  command(): string[] | null;
  /** Why `command` may give null. */
  readonly needs: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly features: readonly Feature[];
  /** Whether one thread answers all requests. */
  readonly isSingle: boolean;
}

/** A running peer. */
export interface Peer {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  readonly isSingle: boolean;
  stop(): Promise<void>;
}

const ALL: readonly Feature[] = [
  "text",
  "json",
  "params",
  "static",
  "bytes",
  "file",
  "echo",
  "slow",
  "process",
];
const SERVING: readonly Feature[] = ALL.filter((feature) => feature !== "process");
/** `Bun.file` is Bun's. */
const ELSEWHERE: readonly Feature[] = ALL.filter((feature) => feature !== "file");
/** Answers that are short and always the same. */
const SMALL: readonly Feature[] = ["text", "json", "params", "static"];

/** The send buffer of epollo's clients that get files (`src/roles/file-sender.ts`). */
const NEAR_BUFFER_BYTES = "200000";
const cores = String(availableParallelism());
const script = (name: string): string => new URL(`../servers/${name}`, import.meta.url).pathname;
const underBun = (name: string) => (): string[] => [process.execPath, "run", script(name)];
const under =
  (program: string, ...rest: readonly string[]) =>
  (): string[] | null =>
    Bun.which(program) === null ? null : [program, ...rest];

const compiled = new Map<string, string | null>();

/** Compiles a program of bench/servers; null without a compiler. */
function compile(name: string): string | null {
  const former = compiled.get(name);
  if (former !== undefined) return former;
  compiled.set(name, null);
  const compiler = Bun.which("cc") ?? Bun.which("gcc");
  if (compiler === null) return null;
  const folder = mkdtempSync(join(tmpdir(), "epollo-floor-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const program = join(folder, name);
  const run = Bun.spawnSync([compiler, "-O2", "-pthread", "-o", program, script(`${name}.c`)]);
  if (run.success) compiled.set(name, program);
  else console.error(`${name}.c does not compile: ${run.stderr.toString().slice(0, 500)}`);
  return compiled.get(name)!;
}

const inC =
  (name: string, ...rest: readonly string[]) =>
  (): string[] | null => {
    const program = compile(name);
    return program === null ? null : [program, ...rest];
  };

const kind = (name: string, command: PeerKind["command"], given: Partial<PeerKind> = {}): PeerKind => ({
  name,
  command,
  needs: "",
  environment: {},
  features: ALL,
  isSingle: false,
  ...given,
});

/** All peers, in the order of the tables; the ratios refer to "bun-serve". */
export const PEERS: readonly PeerKind[] = [
  kind("bun-serve", underBun("bun-serve.ts"), { isSingle: true }),
  kind("bun-workers", underBun("bun-workers.ts"), { features: SERVING }),
  kind("bun-processes", underBun("bun-processes.ts"), { features: SERVING }),
  kind("epollo-pool", underBun("epollo-pool.ts")),
  kind("epollo-pool-only", underBun("epollo-pool.ts"), { environment: { BENCH_INLINE: "0" } }),
  kind("epollo-main", underBun("epollo-main.ts")),
  kind("node-http", under("node", script("node-http.mjs")), {
    needs: "node",
    isSingle: true,
    features: ELSEWHERE,
  }),
  kind("node-cluster", under("node", script("node-cluster.mjs")), {
    needs: "node",
    features: ELSEWHERE.filter((feature) => feature !== "process"),
  }),
  kind("deno-serve", under("deno", "run", "--allow-all", script("deno-serve.mjs")), {
    needs: "deno",
    isSingle: true,
    features: ELSEWHERE,
  }),
  kind("nginx", () => (Bun.which("nginx") === null ? null : underBun("nginx.ts")()), {
    needs: "nginx",
    features: ["text", "json", "static", "bytes"],
  }),
  kind("floor", inC("floor", "1"), {
    needs: "a C compiler",
    features: [...SMALL, "process"],
    isSingle: true,
  }),
  kind("floor-threads", inC("floor", cores), { needs: "a C compiler", features: SMALL }),
  kind("floor-file", inC("floor-file", "1"), { needs: "a C compiler", features: ["file"], isSingle: true }),
  kind("floor-file-short", inC("floor-file", "1", NEAR_BUFFER_BYTES), {
    needs: "a C compiler",
    features: ["file"],
    isSingle: true,
  }),
  kind("floor-main", inC("floor-pool", "main"), { needs: "a C compiler", features: ["text", "slow"] }),
  kind("floor-pool", inC("floor-pool", "pool", cores), { needs: "a C compiler", features: ["slow"] }),
];

/** The name of the peer that ratios refer to. */
export const BASELINE = "bun-serve";

/** Finds how many rounds of the work of `/cpu` take a millisecond here, on an otherwise idle core. */
export function calibrateRoundsPerMs(): number {
  compute(50_000_000);
  const rounds = 100_000_000;
  let bestMs = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 3; attempt++) {
    const start = performance.now();
    compute(rounds);
    bestMs = Math.min(bestMs, performance.now() - start);
  }
  return Math.round(rounds / bestMs);
}

/**
 * Finds the peers that are asked for (all when none is) and installed here; says which are not.
 *
 * @throws RangeError for a name that is no peer's
 */
export function findPeers(names: readonly string[]): PeerKind[] {
  const unknown = names.filter((name) => !PEERS.some((peer) => peer.name === name));
  if (unknown.length > 0)
    throw new RangeError(`--peer ${unknown.join(",")}: use ${PEERS.map((peer) => peer.name).join(", ")}`);
  const wanted = PEERS.filter(({ name }) => names.length === 0 || names.includes(name));
  return wanted.filter(({ name, command, needs }) => {
    const isInstalled = command() !== null;
    if (!isInstalled) console.error(`${name}: left out, ${needs} is not installed`);
    return isInstalled;
  });
}

/** Starts the process of a peer. `cpuList` is where it may run, as taskset takes it. */
export function spawnPeer(
  kind: PeerKind,
  environment: Readonly<Record<string, string>>,
  cpuList: string | null,
): Subprocess<"pipe", "pipe", "pipe"> {
  const command = kind.command() ?? [];
  return Bun.spawn(cpuList === null ? command : ["taskset", "-c", cpuList, ...command], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, NODE_ENV: "production", ...environment, ...kind.environment },
  });
}

/** Ends a peer's process: by the end of its standard input, and by force after 5 s. */
export async function endPeer(child: Subprocess<"pipe", "pipe", "pipe">): Promise<void> {
  child.stdin.end();
  const late = setTimeout(() => child.kill("SIGKILL"), 5000);
  await child.exited;
  clearTimeout(late);
}

/** Starts a peer; null, with a note on standard error, when it ends or says nothing within 10 s. */
export async function startPeer(
  kind: PeerKind,
  environment: Readonly<Record<string, string>>,
  cpuList: string | null = null,
): Promise<Peer | null> {
  const child = spawnPeer(kind, environment, cpuList);
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
    isSingle: kind.isSingle,
    stop: () => endPeer(child),
  };
}
