/** The Server object that handlers get: the same on handler threads as on the thread that called `serve()`. */
import { afterEach, describe, expect, test } from "bun:test";
import { eventually } from "../support/process-info.ts";
import type { Stats } from "../support/servers.ts";
import { MODES } from "../support/servers.ts";
import { isBunTarget } from "../support/target.ts";

const program = new URL("../fixtures/server-facts.ts", import.meta.url).pathname;
let child: Bun.Subprocess<"ignore", "pipe", "inherit"> | null = null;
let output: ReadableStreamDefaultReader<Uint8Array> | null = null;

afterEach(async () => {
  child?.kill("SIGKILL");
  await child?.exited;
});

async function line(): Promise<string> {
  const { value } = await output!.read();
  return new TextDecoder().decode(value).trimEnd();
}

/** Starts the program; gives what its main thread sees of the server. */
async function start(mode: string): Promise<Record<string, unknown> & { url: string }> {
  child = Bun.spawn([process.execPath, program], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
    env: { ...process.env, EPOLLO_TEST_MODE: mode },
  });
  output = child.stdout.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  return JSON.parse(await line());
}

describe.each(MODES.filter((mode) => mode !== "module"))("%s", (mode) => {
  test("shows what the main thread sees", async () => {
    const facts = await start(mode);
    const get = async (path: string): Promise<unknown> => (await fetch(`${facts.url}${path}`)).json();
    expect(await get("facts")).toEqual(facts);
    expect(await get("pending")).toBe(1);
    expect(await (await fetch(`${facts.url}fetch`)).text()).toBe("hello");
    expect(await get("ip")).toMatchObject({ address: "127.0.0.1", family: "IPv4" });
  });

  test.skipIf(isBunTarget)("reads the counters of the whole server", async () => {
    const { url } = await start(mode);
    await Promise.all(Array.from({ length: 20 }, async () => (await fetch(`${url}hello`)).text()));
    const stats = (await (await fetch(`${url}stats`)).json()) as Stats & { dispatchers: object[] };
    expect(stats.requests).toBeGreaterThanOrEqual(21);
    expect(stats.inFlight).toBe(1);
    expect(stats.connections).toBeGreaterThan(0);
    expect(stats.threads.spawned).toBe(mode === "main" ? 0 : 2);
    expect(stats.dispatchers.length).toBeGreaterThan(0);
  });

  test("the state of a module is one for each thread that runs handlers", async () => {
    const { url } = await start(mode);
    const counts = new Map<number, number[]>();
    const ask = async (): Promise<void> => {
      const { thread, count } = (await (await fetch(`${url}count`)).json()) as Record<string, number>;
      counts.set(thread!, [...(counts.get(thread!) ?? []), count!]);
    };
    await eventually(
      "each thread to count",
      async () => {
        await Promise.all([ask(), ask(), ask(), ask()]);
        return counts.size;
      },
      (size) => size === (mode === "pool" && !isBunTarget ? 2 : 1),
    );
    for (const seen of counts.values()) {
      const sorted = seen.toSorted((a, b) => a - b);
      expect(sorted).toEqual(sorted.map((_, index) => index + 1));
    }
  });

  test("unref() lets the process end", async () => {
    const { url } = await start(mode);
    expect(await (await fetch(`${url}unref`)).text()).toBe("unreferenced");
    expect(await child!.exited).toBe(0);
  });

  test("stop() stops the whole server; its promise waits for the requests in flight", async () => {
    const { url } = await start(mode);
    expect(await (await fetch(`${url}stop`)).text()).toBe("stopping");
    expect(await line()).toBe("stopped 0 0");
    expect(await child!.exited).toBe(0);
    expect(fetch(`${url}hello`)).rejects.toThrow();
  });
});
