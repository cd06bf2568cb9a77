/**
 * EPOLLO_HANDLERS, EPOLLO_DISPATCHERS, EPOLLO_MIN_HANDLERS and EPOLLO_MAX_HANDLERS: where a program's handlers run, and
 * on how many threads.
 */
import { describe, expect, test } from "bun:test";
import { runProgram, startProgram } from "./program.ts";

const PROGRAM = {
  "server.ts": `
    const name = Math.random();
    const server = Bun.serve({
      hostname: "127.0.0.1",
      async fetch(request, server) {
        if (request.url.endsWith("/wait")) await Bun.sleep(5);
        if (request.url.endsWith("/work")) Bun.sleepSync(30);
        return Response.json([Bun.isMainThread, name]);
      },
    });
    if (Bun.isMainThread) {
      console.log(server.url + " ");
      setInterval(() => {
        const { dispatchers, threads } = server.stats();
        console.log("stats " + JSON.stringify([dispatchers.length, threads.alive, threads.spawned]));
      }, 50);
    }`,
};

const lastStats = (output: string): unknown =>
  JSON.parse(
    output
      .match(/stats (\[.*\])/g)!
      .at(-1)!
      .slice(6),
  );

async function statsOf(
  environment: Record<string, string>,
): Promise<{ stats: unknown; isMain: Set<unknown> }> {
  await using program = await startProgram({ files: PROGRAM, environment });
  const answers = await Promise.all(Array.from({ length: 20 }, () => program.askJson("/work")));
  await Bun.sleep(200);
  return {
    stats: lastStats(program.output()),
    isMain: new Set((answers as [boolean, number][]).map(([isMain]) => isMain)),
  };
}

describe("where handlers run", () => {
  test.each([{}, { EPOLLO_HANDLERS: "main" }, { EPOLLO_HANDLERS: "" }])(
    "%p: on the main thread",
    async (given) => {
      const { stats, isMain } = await statsOf({ EPOLLO_DISPATCHERS: "1", ...given } as Record<
        string,
        string
      >);
      expect([isMain, stats]).toEqual([new Set([true]), [1, 1, 0]]);
    },
  );

  test("pool: on handler threads", async () => {
    const { isMain } = await statsOf({ EPOLLO_HANDLERS: "pool" });
    expect(isMain).toEqual(new Set([false]));
  });
});

describe("how many threads", () => {
  const pool = { EPOLLO_HANDLERS: "pool" };
  test("dispatchers, and the maximum of handler threads", async () => {
    const { stats } = await statsOf({ ...pool, EPOLLO_DISPATCHERS: "3", EPOLLO_MAX_HANDLERS: "1" });
    expect(stats).toEqual([3, 1, 1]);
  });

  test("the minimum, and no more than the maximum", async () => {
    const given = { ...pool, EPOLLO_DISPATCHERS: "1", EPOLLO_MIN_HANDLERS: "2", EPOLLO_MAX_HANDLERS: "2" };
    expect((await statsOf(given)).stats).toEqual([1, 2, 2]);
  });

  test("an option of the program counts more", async () => {
    const files = {
      "server.ts": PROGRAM["server.ts"].replace(
        'hostname: "127.0.0.1",',
        'hostname: "127.0.0.1", handlers: "pool", threads: { dispatchers: 1, max: 1 },',
      ),
    };
    const environment = { EPOLLO_HANDLERS: "main", EPOLLO_DISPATCHERS: "3", EPOLLO_MIN_HANDLERS: "4" };
    await using program = await startProgram({ files, environment });
    expect(((await program.askJson()) as [boolean])[0]).toBe(false);
    await Bun.sleep(150);
    expect(lastStats(program.output())).toEqual([1, 1, 1]);
  });
});

test.each([
  ["EPOLLO_HANDLERS", "threads"],
  ["EPOLLO_DISPATCHERS", "0"],
  ["EPOLLO_MIN_HANDLERS", "two"],
  ["EPOLLO_MAX_HANDLERS", "257"],
])("%s=%s stops the program before it starts, and says why", async (name, value) => {
  const { code, output, errors } = await runProgram({ files: PROGRAM, environment: { [name]: value } });
  expect([code, output]).toEqual([1, ""]);
  expect(errors).toMatch(new RegExp(`(?:Type|Range)Error: ${name} must be `));
});
