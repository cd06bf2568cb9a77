import { expect, test } from "bun:test";
import { GRACE_MS } from "../../src/roles/thread-guard.ts";

const program = new URL("./thread-guard-worker.ts", import.meta.url).pathname;

/** What the guarded thread and its end report when it is told to do these things at once. */
async function run(...commands: string[]): Promise<{ events: string[]; errors: string }> {
  const child = Bun.spawn([process.execPath, "run", program, ...commands], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const isOver = await Promise.race([child.exited.then(() => true), Bun.sleep(20_000)]);
  if (isOver !== true) child.kill("SIGKILL");
  const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  expect([isOver, errors]).toEqual([true, errors]);
  return { events: output.trim().split("\n"), errors };
}

test.each(["throw", "reject"])(
  "after a %s outside of a request it works on, and ends with 1",
  async (what) => {
    const { events, errors } = await run(what, "ping");
    expect(events).toEqual(["ready", "retired", "pong", "end 1"]);
    expect(errors).toContain("error: outside of a request");
    expect(errors).toContain(
      "epollo: this error was thrown outside of a request; its handler thread is replaced",
    );
  },
);

test("process.exit unwinds its caller, and the thread ends later with that code", async () => {
  const { events, errors } = await run("7", "ping");
  expect(events).toEqual([
    "ready",
    "retired",
    "true process.exit(7) was called on a handler thread: only this thread ends",
    "pong",
    "end 7",
  ]);
  expect(errors).toBe("");
});

test("the first reason counts, retiring is asked for once", async () => {
  const { events } = await run("3", "throw", "4");
  expect(events.filter((event) => event === "retired").length).toBe(1);
  expect(events.at(-1)).toBe("end 3");
});

test("open requests have some seconds", () => {
  expect(GRACE_MS).toBeGreaterThanOrEqual(1000);
});
