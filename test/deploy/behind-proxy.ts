/**
 * A proxy with its configuration of deploy/ in front of two processes of epollo, under load, for the tests beside this file.
 * The ports in the configuration are replaced by free ones, everything else is as it is there.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runSteadyClient, type SteadyCounts, steadyCounts } from "../../bench/support/steady-client.ts";
import { openListener } from "../../src/net/listener.ts";
import { exchange } from "../support/exchange.ts";
import { eventually } from "../support/process-info.ts";
import { type RunningServer, startInChild } from "../support/servers.ts";
import { readText } from "../support/source-files.ts";

/** A free port of 127.0.0.1; somebody else may take it meanwhile. */
export function freePort(): number {
  const listener = openListener({ hostname: "127.0.0.1", port: 0, reusePort: false, ipv6Only: false });
  listener.close();
  return listener.port;
}

/** A proxy and the two processes behind it. */
export class BehindProxy implements AsyncDisposable {
  /** Where clients connect. */
  readonly port: number = freePort();
  readonly #options: Record<string, unknown>;
  readonly #ports: readonly number[] = [freePort(), freePort()];
  readonly #folder: string = mkdtempSync(join(tmpdir(), "epollo-proxy-"));
  readonly #servers: RunningServer[] = [];
  #proxy: Bun.Subprocess | null = null;

  /** @param options of both processes */
  constructor(options: Record<string, unknown>) {
    this.#options = options;
  }

  /** Starts all three; `command` gives what starts the proxy with a configuration. */
  async start(configuration: string, command: (path: string, folder: string) => string[]): Promise<void> {
    for (const port of this.#ports)
      this.#servers.push(await startInChild("pool", { ...this.#options, port }));
    const path = join(this.#folder, "proxy.conf");
    const ports: Record<string, number> = { 8080: this.port, 3001: this.#ports[0]!, 3002: this.#ports[1]! };
    const text = readText(configuration).replace(
      /127\.0\.0\.1:(\d+)/g,
      (_, port) => `127.0.0.1:${ports[port]}`,
    );
    writeFileSync(path, text);
    this.#proxy = Bun.spawn(command(path, this.#folder), { stdout: "ignore", stderr: "inherit" });
    await eventually(
      "an answer through the proxy",
      () =>
        exchange(this.port, "/hello").then(
          ({ status }) => status,
          () => 0,
        ),
      (status) => status === 200,
      10_000,
    );
  }

  /** Replaces each process once while clients ask, the second when the first gets requests again; gives what they have seen. */
  async replaceUnderLoad(): Promise<SteadyCounts> {
    const counts = steadyCounts();
    let isOver = false;
    const plain = {
      port: this.port,
      target: "/hello",
      body: "hello",
      requestsPerConnection: 500,
      pauseMs: 0,
    };
    const kinds = [plain, { ...plain, requestsPerConnection: 1 }, { ...plain, pauseMs: 10 }];
    const slow = { ...plain, target: "/slow?ms=50", body: "slow" };
    const load = Promise.all(
      [...kinds, ...kinds, slow].map((kind) => runSteadyClient(kind, counts, () => isOver)),
    );
    for (const index of [0, 1]) {
      const old = this.#servers[index]!;
      process.kill(old.pid, "SIGTERM");
      const code = await old.exited;
      if (code !== 0) throw new Error(`the process has ended with ${code}: ${old.errorOutput()}`);
      const next = await startInChild("pool", { ...this.#options, port: this.#ports[index]! });
      this.#servers[index] = next;
      // The proxy has to see that it is back before the other one goes: it asks for health now and then, so some are not enough.
      await eventually(
        "the new process to get its share",
        async () => (await next.stats())?.requests ?? 0,
        (requests) => requests > 100,
        15_000,
      );
    }
    isOver = true;
    await load;
    return counts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#proxy?.kill("SIGTERM");
    await this.#proxy?.exited;
    for (const server of this.#servers) await server[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true });
  }
}
