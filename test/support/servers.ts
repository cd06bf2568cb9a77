/**
 * Starts the fixture app (../fixtures/app.ts) in each of the three modes and stops it again.
 *
 * - main: `serve()` in the test's process with `handlers: "main"`;
 * - module: `serve()` in the test's process with `handlers: <URL of ../fixtures/app-module.ts>`;
 * - pool: a child process that runs ../fixtures/app-entry.ts, since pool mode needs an entry module of its own.
 *
 * The child is spoken to by lines of JSON on its standard input and output (see ../fixtures/control.ts).
 */
import type { Subprocess } from "bun";
import { error, fetch } from "../fixtures/app.ts";
import { forgetNotes } from "./journal.ts";
import { isBunTarget, serve } from "./target.ts";

/** Where the handlers run. */
export type Mode = "main" | "pool" | "module";

/** All modes, for `describe.each`; EPOLLO_MODES=main,pool narrows it. */
export const MODES: readonly Mode[] = (process.env.EPOLLO_MODES?.split(",") as Mode[] | undefined) ?? [
  "main",
  "pool",
  "module",
];

/** The counters tests look at; a server has more. */
export interface Stats {
  readonly inFlight: number;
  readonly connections: number;
  readonly backlog: number;
  readonly requests: number;
  readonly requestsInline: number;
  readonly handlerTimeouts: number;
  /** Parts of answers in shared memory. */
  readonly blocks: number;
  readonly connectionsRefused: number;
  readonly threads: {
    readonly spawned: number;
    readonly retired: number;
    readonly killed: number;
    readonly alive: number;
    readonly starting: number;
  };
  readonly handlers: readonly { readonly state: string }[];
}

/** Options that can travel to a child process. `hasErrorHandler` registers the app's `error` handler too. */
export interface StartOptions {
  /** Path of the entry module of a child process, from ../fixtures; default app-entry.ts. */
  readonly entry?: string;
  readonly hasErrorHandler?: boolean;
  /** Bytes of `/fixed`, a static route of app-entry.ts; without it there is none. */
  readonly fixedBytes?: number;
  readonly environment?: Readonly<Record<string, string>>;
  /** Put before the command of a child process: `prlimit --nofile=64`. It must end up as the program it starts. */
  readonly prefix?: readonly string[];
  readonly [option: string]: unknown;
}

/** A started server; `await using` stops it. */
export interface RunningServer extends AsyncDisposable {
  readonly mode: Mode;
  readonly port: number;
  readonly url: string;
  /** The process the server lives in. */
  readonly pid: number;
  /** The counters, or null where the target has none (Bun.serve). */
  stats(): Promise<Stats | null>;
  /** `server.pendingRequests`. */
  pendingRequests(): Promise<number>;
  /** Calls `server.reload({})`: in pool mode all handler threads are replaced. */
  reload(): Promise<void>;
  /** Calls `server.stop(isForced)`; resolves when its promise does. A second call of the same kind is harmless. */
  stop(isForced?: boolean): Promise<void>;
  /** What a child process has written to standard error so far ("" in the other modes). */
  errorOutput(): string;
  /** Resolves with the exit code of the child process; never in the other modes. */
  readonly exited: Promise<number>;
}

const running = new Set<RunningServer>();

/** Starts the app in a mode on a free port of 127.0.0.1 unless the options say otherwise. */
export async function startServer(mode: Mode, options: StartOptions = {}): Promise<RunningServer> {
  const server = mode === "pool" ? await startChild(mode, options) : await startHere(mode, options);
  running.add(server);
  return server;
}

/**
 * Starts the app in a child process in any mode: for what would end the test's own process (`process.exit` in a
 * handler of main mode), and for counting descriptors and threads of a process that holds nothing else.
 */
export async function startInChild(mode: Mode, options: StartOptions = {}): Promise<RunningServer> {
  const server = await startChild(mode, options);
  running.add(server);
  return server;
}

/** Starts a server in the test's process with handlers from the test's own closures (main mode). */
export function startClosure(options: Record<string, unknown>): RunningServer {
  const server = wrap("main", serve({ port: 0, hostname: "127.0.0.1", handlers: "main", ...options }));
  running.add(server);
  return server;
}

/** Stops all servers that are still running: for `afterAll` and `afterEach`. */
export async function stopAll(): Promise<void> {
  await Promise.all([...running].map((server) => server[Symbol.asyncDispose]()));
  forgetNotes();
}

async function startHere(mode: Mode, options: StartOptions): Promise<RunningServer> {
  const { hasErrorHandler, environment: _, prefix: __, ...rest } = options;
  const base = { port: 0, ...(rest.unix === undefined ? { hostname: "127.0.0.1" } : {}), ...rest };
  if (rest.unix !== undefined) delete (base as { port?: number }).port;
  if (mode === "main" || isBunTarget) {
    const handlers = hasErrorHandler ? { fetch, error } : { fetch };
    return wrap(mode, serve({ ...base, ...handlers, handlers: "main" }));
  }
  const module = hasErrorHandler ? "app-module-with-error.ts" : "app-module.ts";
  return wrap(mode, serve({ ...base, handlers: new URL(`../fixtures/${module}`, import.meta.url) }));
}

function wrap(mode: Mode, server: Bun.Server<undefined>): RunningServer {
  const port = server.port ?? 0;
  const wrapped: RunningServer = {
    mode,
    port,
    url: server.url.href,
    pid: process.pid,
    stats: async () => ("stats" in server ? (server.stats as () => Stats)() : null),
    pendingRequests: async () => server.pendingRequests,
    reload: async () => {
      server.reload({} as never);
    },
    stop: async (isForced = false) => {
      await server.stop(isForced);
    },
    errorOutput: () => "",
    exited: new Promise(() => {}),
    [Symbol.asyncDispose]: async () => {
      running.delete(wrapped);
      await server.stop(true);
    },
  };
  return wrapped;
}

interface Reply {
  readonly id?: number;
  readonly port?: number;
  readonly url?: string;
  readonly value?: unknown;
  readonly error?: string;
}

async function startChild(mode: Mode, options: StartOptions): Promise<RunningServer> {
  const { environment, entry: entryPath = "app-entry.ts", prefix = [], ...rest } = options;
  const entry = new URL(entryPath, new URL("../fixtures/", import.meta.url)).pathname;
  const child: Subprocess<"pipe", "pipe", "pipe"> = Bun.spawn([...prefix, process.execPath, "run", entry], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    env: {
      ...process.env,
      ...environment,
      NODE_ENV: environment?.NODE_ENV ?? "development",
      EPOLLO_TEST_MODE: mode,
      EPOLLO_TEST_OPTIONS: JSON.stringify(rest),
    },
  });
  let errors = "";
  const errorsEnd = readText(child.stderr, (text) => {
    errors += text;
  });
  const pending = new Map<number, { resolve(reply: Reply): void; reject(error: Error): void }>();
  const started = Promise.withResolvers<Reply>();
  pending.set(0, started);
  const linesEnd = readLines(child.stdout, (line) => {
    if (!line.startsWith('{"id":')) return;
    const reply = JSON.parse(line) as Reply;
    pending.get(reply.id!)?.resolve(reply);
    pending.delete(reply.id!);
  });
  void Promise.all([child.exited, linesEnd, errorsEnd]).then(([code]) => {
    for (const waiter of pending.values())
      waiter.reject(new Error(`the server's process ended with ${code}: ${errors}`));
    pending.clear();
  });
  const { port, url, error: failure } = await started.promise;
  if (failure !== undefined) {
    await child.exited;
    throw Object.assign(new Error(failure), { errorOutput: errors });
  }
  let nextId = 1;
  const ask = async (command: string): Promise<unknown> => {
    const id = nextId++;
    const waiter = Promise.withResolvers<Reply>();
    pending.set(id, waiter);
    child.stdin.write(JSON.stringify({ id, command }) + "\n");
    await child.stdin.flush();
    return (await waiter.promise).value;
  };
  const server: RunningServer = {
    mode,
    port: port ?? 0,
    url: url ?? "",
    pid: child.pid,
    stats: async () => (await ask("stats")) as Stats | null,
    pendingRequests: async () => (await ask("pendingRequests")) as number,
    reload: async () => {
      await ask("reload");
    },
    stop: async (isForced = false) => {
      await ask(isForced ? "stopForced" : "stop");
    },
    errorOutput: () => errors,
    exited: child.exited,
    [Symbol.asyncDispose]: async () => {
      running.delete(server);
      if (child.exitCode === null) {
        await Promise.race([ask("stopForced").catch(() => {}), Bun.sleep(3000)]);
        child.stdin.end();
      }
      const isGone = await Promise.race([child.exited.then(() => true), Bun.sleep(15_000)]);
      if (isGone !== true) {
        child.kill("SIGKILL");
        await child.exited;
        throw new Error(`the server's process did not end by itself: ${errors}`);
      }
    },
  };
  return server;
}

async function readText(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  for await (const bytes of stream) take(decoder.decode(bytes, { stream: true }));
}

async function readLines(stream: ReadableStream<Uint8Array>, take: (line: string) => void): Promise<void> {
  let rest = "";
  await readText(stream, (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) take(line);
  });
}
