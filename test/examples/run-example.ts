/**
 * Runs an example as a user would: `bun run examples/<name>.ts` in a process of its own, on a free port.
 */
import { expect } from "bun:test";

const ROOT = new URL("../../", import.meta.url).pathname;
const START_MS = 15_000;

/** A running example; `await using` ends it. */
export interface RunningExample extends AsyncDisposable {
  /** Where it says that it listens, with a slash at the end. */
  readonly url: string;
  readonly pid: number;
}

/** Starts an example and waits for the line with its address. Fails with all that it wrote if it ends before. */
export async function runExample(name: string): Promise<RunningExample> {
  const { NODE_ENV: _, BUN_PORT: __, ...environment } = process.env;
  const child = Bun.spawn([process.execPath, "run", `examples/${name}.ts`], {
    cwd: ROOT,
    env: { ...environment, PORT: "0" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const errors = new Response(child.stderr).text();
  const end = async (): Promise<void> => {
    child.kill("SIGTERM");
    const isGone = await Promise.race([child.exited.then(() => true), Bun.sleep(15_000)]);
    if (isGone !== true) {
      child.kill("SIGKILL");
      await child.exited;
      throw new Error(`${name} did not end on SIGTERM`);
    }
    // Nothing that an example is used for may make it complain.
    expect(await errors).toBe("");
  };
  const timer = setTimeout(() => child.kill("SIGKILL"), START_MS);
  let output = "";
  const decoder = new TextDecoder();
  for await (const bytes of child.stdout) {
    output += decoder.decode(bytes, { stream: true });
    const url = /^listening on (http:\S+)$/m.exec(output)?.[1];
    if (url === undefined) continue;
    clearTimeout(timer);
    return { url, pid: child.pid, [Symbol.asyncDispose]: end };
  }
  clearTimeout(timer);
  throw new Error(`${name} ended with ${await child.exited}: ${output}${await errors}`);
}

/** The answer to one request: status, text and Content-Type. */
export async function ask(
  url: string,
  init?: RequestInit,
): Promise<{ status: number; text: string; type: string | null }> {
  const response = await fetch(url, init);
  return {
    status: response.status,
    text: await response.text(),
    type: response.headers.get("content-type"),
  };
}
