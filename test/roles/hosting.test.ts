/** A dispatcher that loads the user's module, and a module that never gets done there: requests go to handler threads, and none is lost for long. */
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Server, serve } from "../../src/index.ts";
import type { LogRecord } from "../../src/log/log.ts";
import { exchange } from "../support/exchange.ts";
import { eventually } from "../support/process-info.ts";

const folder = mkdtempSync(join(tmpdir(), "epollo-hosting-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let server: Server | null = null;
const log: LogRecord[] = [];
afterEach(async () => {
  await server?.stop(true);
  server = null;
});

/** Starts a server whose module does something of its own on dispatchers. */
function start(name: string, onDispatcher: string): string {
  log.length = 0;
  const module = join(folder, `${name}.ts`);
  writeFileSync(
    module,
    `import { workerData } from "node:worker_threads";
    const isDispatcher = workerData.epolloLog.thread.startsWith("dispatcher");
    if (isDispatcher) { ${onDispatcher} }
    export default { fetch: () => new Response(isDispatcher ? "dispatcher" : "handler") };`,
  );
  server = serve({
    port: 0,
    hostname: "127.0.0.1",
    handlers: module,
    threads: { dispatchers: 1, min: 1, max: 2, startTimeout: 400, inline: true, handlerTimeout: 100 },
    observe: { log: (record: LogRecord) => void log.push(record) },
  } as never) as unknown as Server;
  return module;
}
const ask = async (): Promise<string> => (await exchange(server!.port!, "/")).text;
const logged = (event: string): LogRecord[] => log.filter((record) => record.event === event);

async function untilInline(): Promise<void> {
  await eventually("requests to run on the dispatcher", ask, (text) => text === "dispatcher", 10_000);
}

describe("a module that a dispatcher loads", () => {
  test("may take longer than handlerTimeout", async () => {
    start("slow", "const end = Date.now() + 200; while (Date.now() < end);");
    await untilInline();
    expect(log).toEqual([]);
  });

  test("awaits for ever: it is given up, the dispatcher and its clients go on", async () => {
    const module = start("await", "await new Promise(() => {});");
    await eventually(
      "it to be given up",
      async () => [await ask(), logged("hosting-failed").length].join(),
      (found) => found === "handler,1",
    );
    expect(logged("hosting-failed")[0]!.message).toContain(
      `has not loaded the handlers of file://${module} within threads.startTimeout, 400 ms`,
    );
    for (let round = 0; round < 50; round++) expect(await ask()).toBe("handler");
    expect(logged("thread-restarted")).toEqual([]);
  });

  test("is used when it gets done after all", async () => {
    start("late", "await Bun.sleep(800);");
    await untilInline();
    expect(logged("hosting-failed").length).toBe(1);
  });

  test("loops for ever: the dispatcher is ended, and its successor serves", async () => {
    const module = start("loop", "for (;;);");
    await eventually(
      "it to be ended",
      async () => {
        await exchange(server!.port!, "/").catch(() => {});
        return logged("thread-restarted").length;
      },
      (count) => count === 1,
    );
    expect(logged("dispatcher-hangs")[0]!.message).toContain(`hangs in file://${module}, which it loads`);
    for (let round = 0; round < 50; round++) expect(await ask()).toBe("handler");
  }, 30_000);
});
