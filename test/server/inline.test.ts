/**
 * Inline placement on whole servers: short requests run on dispatch threads, slow ones delay nobody for long, and user
 * code there keeps its event loop. Not for Bun.serve.
 */
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Server, serve } from "../../src/index.ts";
import { cpuTicks, eventually } from "../support/process-info.ts";
import { isBunTarget } from "../support/target.ts";

const folder = mkdtempSync(join(tmpdir(), "epollo-inline-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const module = join(folder, "module.ts");
writeFileSync(
  module,
  `import { writeFileSync } from "node:fs";
  let count = 0;
  export default {
    async fetch(request, server) {
      const url = new URL(request.url);
      const { pathname, searchParams } = url;
      count++;
      switch (pathname) {
        case "/cost": {
          const end = performance.now() + Number(searchParams.get("ms") ?? 0);
          while (performance.now() < end);
          return new Response("cost");
        }
        case "/wait":
          if (searchParams.has("ms")) await Bun.sleep(Number(searchParams.get("ms")));
          return new Response("waited");
        case "/later":
          if (searchParams.has("file")) setTimeout(() => writeFileSync(searchParams.get("file"), "later"), 30);
          return new Response("later");
        case "/fetch":
          if (searchParams.has("url")) fetch(searchParams.get("url")).then((answer) => answer.text()).then((text) => writeFileSync(searchParams.get("file"), text));
          return new Response("fetching");
        case "/exit":
          if (searchParams.has("now")) process.exit(3);
          return new Response("exiting");
        case "/stop":
          if (searchParams.has("now")) server.stop();
          return new Response("stopping");
        case "/idle":
          return new Response(searchParams.has("now") ? String(server.closeIdleConnections()) : "idle");
        case "/body":
          return new Response(await request.text());
      }
      return new Response("hello");
    },
  };`,
);

let server: Server | null = null;
afterEach(async () => {
  await server?.stop(true);
  server = null;
});

function start(threads: object = {}): Server {
  server = serve({ port: 0, hostname: "127.0.0.1", handlers: module, threads } as never) as unknown as Server;
  return server;
}
const textOf = async (path: string, init?: RequestInit): Promise<string> =>
  (await fetch(`${server!.url}${path}`, init)).text();
const inlineRuns = (): number => server!.stats().requestsInline;

/** Asks until the requests run inline. */
async function warm(path: string, init?: RequestInit): Promise<void> {
  await eventually(
    `${path} to run inline`,
    async () => {
      const before = inlineRuns();
      for (let request = 0; request < 10; request++) await textOf(path, init);
      return inlineRuns() - before;
    },
    (count) => count === 10,
  );
}

describe.skipIf(isBunTarget)("placement", () => {
  test("a kind of short requests comes to run inline", async () => {
    start();
    await warm("hello");
    const { dispatchers, promotions } = server!.stats();
    expect(dispatchers[0]!.requestsInline).toBeGreaterThan(9);
    expect([promotions > 0, dispatchers[0]!.promotions]).toEqual([true, promotions]);
    await warm("body", { method: "POST", body: "x".repeat(100) });
    expect(await textOf("body", { method: "POST", body: "y".repeat(50_000) })).toBe("y".repeat(50_000));
  });

  test("long bodies and answers do too, and arrive whole", async () => {
    start();
    const body = Buffer.alloc(1_000_000, "0123456789abcdef-").toString();
    await eventually(
      "a long body to be handled inline",
      async () => {
        // Short ones first: where memory is slow, long ones alone take many tries to be quick often enough.
        for (let request = 0; request < 20; request++)
          await textOf("body", { method: "POST", body: "short" });
        const before = inlineRuns();
        expect(await textOf("body", { method: "POST", body })).toBe(body);
        return inlineRuns() - before;
      },
      (count) => count > 0,
    );
  });

  test.each([
    ["inline: false", { inline: false }],
    ["max: 1", { max: 1 }],
    ['balance: "random"', { balance: "random" }],
  ])("%s: none does", async (_name, threads) => {
    start(threads);
    for (let request = 0; request < 100; request++) await textOf("hello");
    expect(inlineRuns()).toBe(0);
  });

  test("inline: true with max: 1: they do", async () => {
    start({ max: 1, inline: true });
    await warm("hello");
  });

  test("a cost that depends on the query, each time another: after a few slow runs those stay in the pool", async () => {
    start();
    await warm("cost");
    let number = 0;
    const slowInline = async (): Promise<number> => {
      const before = inlineRuns();
      expect(await textOf(`cost?ms=8&n=${number++}`)).toBe("cost");
      return inlineRuns() - before;
    };
    for (let round = 0; round < 12; round++) {
      await slowInline();
      for (let request = 0; request < 40; request++) await textOf("cost");
    }
    for (let round = 0; round < 4; round++) {
      expect(await slowInline()).toBe(0);
      for (let request = 0; request < 20; request++) await textOf("cost");
    }
  });

  test("a query that was slow is a kind of its own: it stays in the pool, the others come back", async () => {
    start();
    for (let time = 0; time < 3; time++) {
      await warm("cost");
      await textOf("cost?ms=8");
    }
    await warm("cost");
    const before = inlineRuns();
    for (let request = 0; request < 20; request++) expect(await textOf("cost?ms=8")).toBe("cost");
    expect(inlineRuns() - before).toBe(0);
    await warm("cost");
  });

  test("one that waits is answered all the same, and its kind goes back to the pool", async () => {
    start();
    // A pause of the machine may send the kind back before: then once more.
    let ranAfter = -1;
    for (let attempt = 0; attempt < 5 && ranAfter !== 0; attempt++) {
      await warm("wait");
      expect(await textOf("wait?ms=30")).toBe("waited");
      const before = inlineRuns();
      await textOf("wait");
      ranAfter = inlineRuns() - before;
    }
    expect(ranAfter).toBe(0);
    await eventually(
      "nothing to be pending",
      async () => server!.pendingRequests,
      (count) => count === 0,
    );
  });
});

describe.skipIf(isBunTarget)("user code on a dispatch thread", () => {
  test("has its timers while the server is idle", async () => {
    start();
    await warm("later");
    const file = join(folder, "later");
    await textOf(`later?file=${file}`);
    await eventually(
      "the timer",
      async () => existsSync(file) && readFileSync(file, "utf8"),
      (text) => text === "later",
    );
  });

  test("has its sockets", async () => {
    using other = Bun.serve({ port: 0, fetch: () => new Response("fetched") });
    start();
    await warm("fetch");
    const file = join(folder, "fetched");
    await textOf(`fetch?file=${file}&url=${other.url}`);
    await eventually(
      "the answer",
      async () => existsSync(file) && readFileSync(file, "utf8"),
      (text) => text === "fetched",
    );
  });

  test("keeps the thread when there is no client and no timer", async () => {
    start();
    await warm("hello");
    await fetch(`${server!.url}hello`, { headers: { connection: "close" } });
    server!.closeIdleConnections();
    await Bun.sleep(100);
    expect(await textOf("hello")).toBe("hello");
  });

  test("costs nothing when it has nothing to do", async () => {
    start();
    await warm("hello");
    // The collector of the test's own thread is in the same process, and has work now and then: not in each of the stretches.
    const ticks: number[] = [];
    while (ticks.length < 3 && !ticks.some((count) => count <= 3)) {
      await Bun.sleep(300);
      const before = cpuTicks();
      await Bun.sleep(2000);
      ticks.push(cpuTicks() - before);
    }
    expect(Math.min(...ticks)).toBeLessThanOrEqual(3);
  }, 20_000);

  test("may fail outside of a request: the server goes on, without it on that thread", async () => {
    // In a process of its own: an uncaught error anywhere is one of the test's.
    const program = new URL("../fixtures/inline-failing.ts", import.meta.url).pathname;
    const child = Bun.spawn([process.execPath, "run", program], { stdout: "pipe", stderr: "pipe" });
    const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    const seen = JSON.parse(output) as { before: number; after: number; right: number };
    expect(seen).toEqual({ before: seen.before, after: seen.before, right: 20 });
    expect(seen.before).toBeGreaterThanOrEqual(20);
    expect(errors).toContain("outside of a request");
    expect(errors).toContain("leaves requests to handler threads from now on");
  }, 30_000);

  test("may not end the thread by process.exit()", async () => {
    start();
    await warm("exit");
    expect((await fetch(`${server!.url}exit?now`)).status).toBe(500);
    for (let request = 0; request < 20; request++) expect(await textOf("hello")).toBe("hello");
  });

  test("may close idle connections and stop the server", async () => {
    const running = start();
    await warm("idle");
    await warm("stop");
    expect(Number(await textOf("idle?now", { headers: { connection: "close" } }))).toBeGreaterThanOrEqual(0);
    expect(await textOf("stop?now")).toBe("stopping");
    await running.stop();
    expect(fetch(`${running.url}hello`)).rejects.toThrow();
  });

  test("runs no more after a reload, which may have changed it", async () => {
    start();
    await warm("hello");
    server!.reload({ handlers: module } as never);
    const before = inlineRuns();
    for (let request = 0; request < 20; request++) expect(await textOf("hello")).toBe("hello");
    expect(inlineRuns()).toBe(before);
  });
});
