/**
 * Runs a program that knows nothing of epollo, in a folder of its own in which epollo is installed, as a user would:
 * `bun --preload epollo/auto server.ts`; or without the preload, to see what Bun does.
 */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const ROOT = new URL("../../", import.meta.url).pathname;
const START_MS = 15_000;

/** What to run and how. */
export interface ProgramOptions {
  /** Names of files and what is in them. */
  readonly files: Readonly<Record<string, string>>;
  /** Arguments of bun; default: the preload, and server.ts. */
  readonly arguments?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** What a program that has ended has left. */
export interface Ended {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

/** A program that says where it listens; `await using` ends it. */
export interface RunningProgram extends AsyncDisposable {
  /** Where its files are. */
  readonly folder: string;
  /** The first url it has printed. */
  readonly url: string;
  /** All that it has printed so far. */
  output(): string;
  errors(): string;
  /** The JSON of an answer. */
  askJson(path?: string, init?: RequestInit): Promise<unknown>;
}

/** Arguments with the preload, for server.ts or another file. */
export const PRELOADED: readonly string[] = ["--preload", "epollo/auto"];

function install(options: ProgramOptions): string {
  const folder = mkdtempSync(join(tmpdir(), "epollo-auto-"));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(ROOT, join(folder, "node_modules/epollo"));
  for (const [name, text] of Object.entries(options.files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

function spawn(options: ProgramOptions, folder: string) {
  const {
    NODE_ENV: _,
    BUN_ENV: __,
    BUN_PORT: ___,
    NODE_PORT: ____,
    BUN_OPTIONS: _____,
    ...inherited
  } = process.env;
  return Bun.spawn([process.execPath, ...(options.arguments ?? [...PRELOADED, "server.ts"])], {
    cwd: folder,
    env: { ...inherited, PORT: "0", NO_COLOR: "1", ...options.environment },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
}

/** Runs a program to its end. */
export async function runProgram(options: ProgramOptions): Promise<Ended> {
  const folder = install(options);
  const child = spawn(options, folder);
  const timer = setTimeout(() => child.kill("SIGKILL"), START_MS);
  try {
    const [output, errors, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    return { code, output, errors };
  } finally {
    clearTimeout(timer);
    rmSync(folder, { recursive: true });
  }
}

/** Starts a program and waits for the url in what it prints. Fails with all of that if it ends before. */
export async function startProgram(options: ProgramOptions): Promise<RunningProgram> {
  const folder = install(options);
  const child = spawn(options, folder);
  let output = "";
  let errors = "";
  const started = Promise.withResolvers<string>();
  started.promise.catch(() => {});
  const timer = setTimeout(() => child.kill("SIGKILL"), START_MS);
  const outputEnd = readText(child.stdout, (text) => {
    output += text;
    const url = /https?:\/\/[^\s"]+(?=\s)/.exec(output)?.[0];
    if (url !== undefined) started.resolve(url);
  });
  const errorsEnd = readText(child.stderr, (text) => {
    errors += text;
  });
  const end = async (): Promise<void> => {
    clearTimeout(timer);
    child.kill("SIGTERM");
    const isGone = await Promise.race([child.exited.then(() => true), Bun.sleep(15_000)]);
    if (isGone !== true) {
      child.kill("SIGKILL");
      await child.exited;
    }
    await Promise.all([outputEnd, errorsEnd]);
    rmSync(folder, { recursive: true, force: true });
    if (isGone !== true) throw new Error(`the program did not end on SIGTERM: ${errors}`);
  };
  void Promise.all([child.exited, outputEnd, errorsEnd]).then(([code]) => {
    started.reject(new Error(`the program ended with ${code}: ${output}${errors}`));
  });
  try {
    const url = await started.promise;
    clearTimeout(timer);
    return {
      folder,
      url,
      output: () => output,
      errors: () => errors,
      askJson: async (path = "", init) => (await fetch(new URL(path, url), init)).json(),
      [Symbol.asyncDispose]: end,
    };
  } catch (error) {
    await end().catch(() => {});
    throw error;
  }
}

async function readText(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  for await (const bytes of stream) take(decoder.decode(bytes, { stream: true }));
}
