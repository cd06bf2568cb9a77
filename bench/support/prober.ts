/**
 * Asks a server for one path at a rate, in a process of its own, whose event loop no attack delays:
 * `bun run prober.ts <port> <path> <requests a second>`. Prints a line when it is ready; at the end of standard input
 * prints what became of the requests (`ProbeResult`), as JSON.
 */
import { OpenLoop, quantile } from "./open-loop.ts";

/** What became of the requests of a prober. */
export interface ProbeResult {
  readonly sent: number;
  /** Answered with 200. */
  readonly good: number;
  /** Answered with anything else, or not within 5 s. */
  readonly bad: number;
  /** Not sent, since all connections waited for an answer. */
  readonly notSent: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** A prober that runs. */
export interface Prober {
  /** Ends it. */
  stop(): Promise<ProbeResult>;
}

/** Starts a prober. @throws Error when it does not come up */
export async function startProber(port: number, path: string, perSecond: number): Promise<Prober> {
  const child = Bun.spawn(
    [process.execPath, "run", import.meta.path, String(port), path, String(perSecond)],
    {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    },
  );
  const output = child.stdout.getReader();
  const first = await output.read();
  if (first.value === undefined) throw new Error(`the prober ended with ${await child.exited}`);
  return {
    stop: async () => {
      child.stdin.end();
      let text = "";
      for (let read = await output.read(); read.value !== undefined; read = await output.read()) {
        text += Buffer.from(read.value).toString();
      }
      await child.exited;
      return JSON.parse(text) as ProbeResult;
    },
  };
}

async function main(): Promise<void> {
  const [port, path, perSecond] = process.argv.slice(2);
  const loop = await OpenLoop.open(Number(port), 8, `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  // A connection is one for the server when its first bytes have come (TCP_DEFER_ACCEPT).
  await loop.askOnEach();
  let isOver = false;
  process.stdin.resume();
  process.stdin.on("end", () => {
    isOver = true;
  });
  console.log("ready");
  const { byStatus, sent, notSent } = await loop.run(Number(perSecond), () => isOver);
  const milliseconds = byStatus.get(200)?.milliseconds ?? [];
  const good = milliseconds.length;
  const p50Ms = quantile(milliseconds, 0.5);
  const p99Ms = quantile(milliseconds, 0.99);
  console.log(JSON.stringify({ sent, good, bad: sent - good, notSent, p50Ms, p99Ms } satisfies ProbeResult));
  process.exit(0);
}

if (import.meta.main) await main();
