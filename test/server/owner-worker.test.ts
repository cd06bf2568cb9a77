/** A server whose `serve()` was called on a Worker, which is terminated: no code of the server runs there any more. */
import { afterEach, describe, expect, test } from "bun:test";
import { isBunTarget } from "../support/target.ts";

const MODULE = new URL("../fixtures/gated-module.ts", import.meta.url).href;
/** Bun has two names for it. */
const REFUSED = /^(ConnectionRefused|ECONNREFUSED)$/;
const workers: Worker[] = [];
afterEach(() => {
  for (const worker of workers.splice(0)) worker.terminate();
});

async function serveOnWorker(options: object): Promise<{ port: number; worker: Worker }> {
  const worker = new Worker(new URL("../fixtures/owner-worker.ts", import.meta.url).href);
  workers.push(worker);
  const { port, error } = await new Promise<{ port: number; error?: string }>((resolve, reject) => {
    worker.addEventListener("message", ({ data }) => {
      if (data.isReady) worker.postMessage(options);
      else resolve(data);
    });
    worker.addEventListener("error", reject);
  });
  if (error !== undefined) throw new Error(error);
  return { port, worker };
}

async function terminate(worker: Worker): Promise<void> {
  const closed = new Promise((resolve) => worker.addEventListener("close", resolve));
  worker.terminate();
  await closed;
}

async function statusOf(port: number): Promise<string> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/`, { keepalive: false })).statusText;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

/** Asks until the connection is refused: Bun frees what a thread had soon after it has ended, not before. */
async function refusal(port: number): Promise<string> {
  let status = "";
  for (let tries = 0; tries < 100 && !REFUSED.test(status); tries++) {
    status = await statusOf(port);
    await Bun.sleep(10);
  }
  return status;
}

describe.each(isBunTarget ? ["main"] : ["main", "module"])("handlers: %s", (mode) => {
  const handlers = mode === "module" ? MODULE : mode;

  test("its port is free after that, and connections are refused", async () => {
    const { port, worker } = await serveOnWorker({ port: 0, handlers });
    expect(await statusOf(port)).toBe("OK");
    await terminate(worker);
    expect(await refusal(port)).toMatch(REFUSED);
    await serveOnWorker({ port, handlers });
    expect(await statusOf(port)).toBe("OK");
  });

  test("other servers stay", async () => {
    const first = await serveOnWorker({ port: 0, handlers });
    const second = await serveOnWorker({ port: 0, handlers });
    await terminate(first.worker);
    expect(await refusal(first.port)).toMatch(REFUSED);
    expect(await statusOf(second.port)).toBe("OK");
  });
});
