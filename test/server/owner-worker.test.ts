/** Servers whose `serve()` was called on a Worker, which is terminated: no code of them runs there any more. */
import { expect, test } from "bun:test";
import { isBunTarget } from "../support/target.ts";

const PROGRAM = new URL("../fixtures/owner-worker.ts", import.meta.url).pathname;
const MODULE = new URL("../fixtures/gated-module.ts", import.meta.url).href;

test.each(isBunTarget ? ["main"] : ["main", MODULE])(
  "its address is free after that, connections are refused, other servers stay: handlers %s",
  async (EPOLLO_TEST_HANDLERS) => {
    const child = Bun.spawn([process.execPath, PROGRAM], {
      env: { ...process.env, EPOLLO_TEST_HANDLERS },
      stdout: "pipe",
      stderr: "pipe",
      timeout: 20_000,
    });
    const [output, errors] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    expect([output.trim(), errors]).toEqual([
      JSON.stringify({
        before: ["OK", "OK"],
        refused: true,
        other: "OK",
        again: "OK",
        files: [true, false, true],
      }),
      "",
    ]);
    expect(await child.exited).toBe(0);
  },
  30_000,
);
