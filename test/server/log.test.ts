/** The log hook: what any thread has to say arrives on the main thread as a record, and is not printed. */
import { afterEach, expect, test } from "bun:test";
import type { LogRecord } from "../../src/index.ts";
import { type RunningServer, startServer, stopAll } from "../support/servers.ts";

afterEach(stopAll);

type Called = LogRecord & { readonly calledOn: number };

/** The records that the hook of a child process has had, of one event; waits until there are `count`. */
async function recordsOf(server: RunningServer, event: string, count: number): Promise<Called[]> {
  for (let attempt = 0; ; attempt++) {
    const lines = server.errorOutput().split("\n").slice(0, -1);
    const found = lines.map((line) => JSON.parse(line) as Called).filter((record) => record.event === event);
    if (found.length >= count || attempt === 400) return found;
    await Bun.sleep(10);
  }
}

test("pool mode: mistakes of handlers and of threads, with where they were made", async () => {
  await using server = await startServer("pool", { entry: "log-entry.ts", threads: { inline: false } });
  expect((await fetch(`${server.url}throw`)).status).toBe(500);
  expect((await fetch(`${server.url}garbage`, { method: "POST" })).status).toBe(200);
  const [failed] = await recordsOf(server, "handler-error", 1);
  expect(failed).toMatchObject({
    level: "error",
    message: "GET - /throw failed",
    method: "GET",
    path: "/throw",
    calledOn: 0,
  });
  expect(String(failed!.error)).toContain("Error: ");
  expect(failed!.thread).toMatch(/^handler \d+$/);
  expect(failed!.time).toBeWithin(Date.now() - 60_000, Date.now() + 1000);
  const [garbage] = await recordsOf(server, "no-response", 1);
  expect(garbage).toMatchObject({ method: "POST", path: "/garbage", calledOn: 0 });
  await fetch(`${server.url}later`);
  const [outside] = await recordsOf(server, "thread-error", 1);
  expect(outside).toMatchObject({ level: "error", calledOn: 0 });
  expect(outside!.thread).toMatch(/^handler \d+$/);
});

test("pool mode: a stream that fails on a dispatcher or a handler thread", async () => {
  await using server = await startServer("pool", { entry: "log-entry.ts" });
  await fetch(`${server.url}stream-error`)
    .then((response) => response.text())
    .catch(() => {});
  const [failed] = await recordsOf(server, "stream-error", 1);
  expect(failed!.thread).toMatch(/^(handler|dispatcher) \d+$/);
});

test("main mode: each server has its own hook", async () => {
  const { serve } = await import("../../src/index.ts");
  const records: LogRecord[][] = [[], []];
  const servers = records.map((own) =>
    serve({
      port: 0,
      handlers: "main",
      observe: { log: (record) => void own.push(record) },
      fetch: (request) => {
        if (request.url.endsWith("/stream")) {
          const pull = (): never => {
            throw new Error("in the stream");
          };
          return new Response(new ReadableStream({ pull }));
        }
        throw new Error(new URL(request.url).pathname);
      },
    }),
  );
  try {
    for (const [index, server] of servers.entries()) {
      await fetch(`${server.url}${index}`);
      await fetch(`${server.url}stream`)
        .then((response) => response.text())
        .catch(() => {});
    }
    for (const [index, own] of records.entries()) {
      // A client whose kept connection is reset may ask once more.
      expect(own.slice(0, 2).map(({ event, thread }) => [event, thread])).toEqual([
        ["handler-error", "main"],
        ["stream-error", "main"],
      ]);
      expect((own[0]!.error as Error).message).toBe(`/${index}`);
      expect((own[1]!.error as Error).message).toBe("in the stream");
    }
  } finally {
    await Promise.all(servers.map((server) => server.stop(true)));
  }
});

test("module mode: a module that cannot be loaded", async () => {
  const { serve } = await import("../../src/index.ts");
  const gate = Promise.withResolvers<LogRecord>();
  const server = serve({
    port: 0,
    handlers: new URL("../fixtures/no-such-module.ts", import.meta.url),
    threads: { inline: false },
    observe: { log: (record) => gate.resolve(record) },
  });
  try {
    const record = await gate.promise;
    expect(record).toMatchObject({ level: "error", event: "thread-start-failed", thread: "main", slot: 0 });
    expect(String((record.error as Error)?.message ?? record.error)).toContain("no-such-module");
  } finally {
    await server.stop(true);
  }
});
