/**
 * Starts ./program.ts, and compares answers of two servers.
 */

/** The frameworks: the files of ./apps. */
export const FRAMEWORKS = ["hono", "elysia", "h3"] as const;

/** A server of an app; `await using` ends it. */
export interface Started extends AsyncDisposable {
  readonly url: string;
  /** What was printed to standard error. */
  errors(): string;
}

/** Starts an app under epollo in a child process. */
export async function startFramework(framework: string, mode: "main" | "pool"): Promise<Started> {
  const child = Bun.spawn([process.execPath, "run", new URL("./program.ts", import.meta.url).pathname], {
    env: { ...process.env, NODE_ENV: "production", FRAMEWORK: framework, MODE: mode },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  });
  let errors = "";
  const errorsEnd = (async () => {
    const decoder = new TextDecoder();
    for await (const bytes of child.stderr) errors += decoder.decode(bytes, { stream: true });
  })();
  const end = async (): Promise<void> => {
    child.stdin.end();
    const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
    await Promise.all([child.exited, errorsEnd]);
    clearTimeout(timer);
  };
  const reader = child.stdout.getReader();
  const decoder = new TextDecoder();
  for (let output = ""; ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    output += decoder.decode(value, { stream: true });
    const url = /^listening on (http:\S+)$/m.exec(output)?.[1];
    if (url !== undefined) return { url, errors: () => errors, [Symbol.asyncDispose]: end };
  }
  await end();
  throw new Error(`${framework} did not start: ${errors}`);
}

/** All of an answer that is the same from any server: status, body, and the fields that the app made. */
export async function answerOf(url: string, init: RequestInit = {}): Promise<unknown> {
  const response = await fetch(url, init);
  const fields = Object.fromEntries(response.headers);
  delete fields.date;
  // Bun's server and epollo frame a stream alike, but keep-alive has no fixed place.
  delete fields.connection;
  return { status: response.status, statusText: response.statusText, fields, body: await response.text() };
}
