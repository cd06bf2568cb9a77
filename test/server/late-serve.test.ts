/** Programs that call `serve()` after their module was evaluated, or not at all on handler threads. Not for Bun.serve. */
import { describe, expect, test } from "bun:test";
import { isBunTarget } from "../support/target.ts";

const program = new URL("../fixtures/late-entry.ts", import.meta.url).pathname;

/** Where the handler of the program runs, and what it has printed to standard error. */
async function run(way: string): Promise<{ where: string; said: string }> {
  const child = Bun.spawn([process.execPath, program], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, EPOLLO_LATE: way },
  });
  try {
    const { value } = await child.stdout.getReader().read();
    const where = await (await fetch(new TextDecoder().decode(value).trim())).text();
    child.kill("SIGKILL");
    return { where, said: await child.stderr.text() };
  } finally {
    child.kill("SIGKILL");
    await child.exited;
  }
}

describe.skipIf(isBunTarget)("serve() is called", () => {
  test.concurrent.each(["timer", "promise", "await"])(
    "late, %s: handler threads wait for it",
    async (way) => {
      expect(await run(way)).toEqual({ where: "thread", said: "" });
    },
  );

  test.concurrent("on the main thread only: handlers run there, and it is said", async () => {
    const { where, said } = await run("main only");
    expect(where).toBe("main");
    expect(said).toContain("made no serve() call when a handler thread ran it");
    expect(said).toContain("import.meta.main");
  });
});
