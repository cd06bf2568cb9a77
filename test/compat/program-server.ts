/**
 * Starts programs of ./programs in child processes, one for each program and target, and keeps them for all cases.
 */
import type { Subprocess } from "bun";

/** Who serves a program: the real Bun.serve, or epollo with the handlers on the main thread or in the pool. */
export type Target = "bun" | "main" | "pool";

/** The targets that are compared with "bun". EPOLLO_MODES=main narrows them. */
export const OURS: readonly Target[] = (["main", "pool"] as const).filter(
  (target) => process.env.EPOLLO_MODES?.split(",").includes(target) ?? true,
);

interface Reply {
  readonly id: number;
  readonly value: unknown;
}

/** A running program. */
export class ProgramServer implements AsyncDisposable {
  readonly port: number;
  readonly #child: Subprocess<"pipe", "pipe", "pipe">;
  readonly #waiters: Map<number, (reply: Reply) => void>;
  readonly #errors: Promise<string>;
  #nextId = 1;

  private constructor(
    port: number,
    child: Subprocess<"pipe", "pipe", "pipe">,
    waiters: Map<number, (reply: Reply) => void>,
    errors: Promise<string>,
  ) {
    this.port = port;
    this.#child = child;
    this.#waiters = waiters;
    this.#errors = errors;
  }

  /** Starts a program; resolves when it listens. Throws with its standard error when it does not. */
  static async start(program: string, target: Target): Promise<ProgramServer> {
    const entry = new URL("./program-entry.ts", import.meta.url).pathname;
    const child = Bun.spawn([process.execPath, "run", entry], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
      env: {
        ...process.env,
        NODE_ENV: "development",
        EPOLLO_COMPAT_PROGRAM: program,
        EPOLLO_COMPAT_TARGET: target,
      },
    });
    const waiters = new Map<number, (reply: Reply) => void>();
    const started = new Promise<Reply>((resolve) => waiters.set(0, resolve));
    void readReplies(child.stdout, waiters);
    const errors = child.stderr.text();
    const first = await Promise.race([started, child.exited]);
    if (typeof first === "number") throw new Error(`${program} under ${target}: ${await errors}`);
    return new ProgramServer(first.value as number, child, waiters, errors);
  }

  /** Runs a probe of the program on the main thread of its process and returns its description. */
  async ask(name: string): Promise<unknown> {
    const id = this.#nextId++;
    const replied = new Promise<Reply>((resolve) => this.#waiters.set(id, resolve));
    this.#child.stdin.write(`${JSON.stringify({ id, name })}\n`);
    await this.#child.stdin.flush();
    const reply = await Promise.race([replied, this.#child.exited]);
    if (typeof reply === "number") throw new Error(`the program ended with ${reply}: ${await this.#errors}`);
    return reply.value;
  }

  /** Ends the process. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin.end();
    if ((await Promise.race([this.#child.exited, Bun.sleep(2000)])) === undefined)
      this.#child.kill("SIGKILL");
    await this.#child.exited;
  }
}

async function readReplies(
  stream: ReadableStream<Uint8Array>,
  waiters: Map<number, (reply: Reply) => void>,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      // What a program prints itself is not for us.
      if (!line.startsWith('{"id":')) continue;
      const reply = JSON.parse(line) as Reply;
      waiters.get(reply.id)?.(reply);
      waiters.delete(reply.id);
    }
  }
}

const running = new Map<string, Promise<ProgramServer>>();

/** Gives the server of a program, started when it is first asked for. */
export function programServer(program: string, target: Target): Promise<ProgramServer> {
  const key = `${program} ${target}`;
  let server = running.get(key);
  if (server === undefined) {
    server = ProgramServer.start(program, target);
    running.set(key, server);
  }
  return server;
}

/** Ends all programs: for `afterAll`. */
export async function stopPrograms(): Promise<void> {
  const started = [...running.values()];
  running.clear();
  await Promise.all(started.map(async (server) => (await server)[Symbol.asyncDispose]()));
}
