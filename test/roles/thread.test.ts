import { expect, test } from "bun:test";

const program = new URL("./thread-program.ts", import.meta.url).pathname;

/** By then it has ended, or never does. */
const END_MS = 20_000;

/** What the program prints; it must end by itself although its thread may live. */
async function run(entry: string, what: string): Promise<string[]> {
  const child = Bun.spawn([process.execPath, "run", program, entry, what], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const isOver = await Promise.race([child.exited.then(() => true), Bun.sleep(END_MS)]);
  if (isOver !== true) child.kill("SIGKILL");
  const output = await child.stdout.text();
  expect(isOver).toBe(true);
  return output.trim().split("\n");
}

test.each(["acceptor", "dispatcher", "handler"])(
  "the end of the %s's thread is reported once, with the error that ended it",
  async (entry) => {
    const output = (await run(entry, "useless")).join("\n");
    expect(output).toStartWith("end 1 ");
    expect(output).toContain("undefined is not an object");
    expect(output).toEndWith("ended: true");
    expect(output.match(/^end /gm)?.length).toBe(1);
  },
  2 * END_MS,
);

test("a thread that lives does not keep the process alive", async () => {
  expect(await run("handler", "stay")).toEqual(["ended: false"]);
}, 40_000);

test("one that was prepared is used, and others that were are ended", async () => {
  expect(await run("handler", "prepared")).toEqual(["workers: 2, ended: 1", "ended: false"]);
});

test("one that is terminated is reported without an error", async () => {
  const [alive, end, ended, ...rest] = await run("handler", "terminate");
  expect([alive, ended, rest]).toEqual(["ended: false", "ended: true", []]);
  expect(end).toMatch(/^end \d+ null$/);
}, 40_000);
