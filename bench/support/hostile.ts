/**
 * Clients that mean no good, thousands of them, and the probes that say whether others are served meanwhile.
 *
 * Runs on the drill's main thread.
 */
import type { Socket } from "bun";
import { eventually, socketCount } from "../../test/support/process-info.ts";
import type { DrillRun } from "./drill.ts";
import { type ProcessSample, sampleProcess } from "./drill-server.ts";
import { startProber } from "./prober.ts";

/** One hostile connection: sends what it is told, counts what it gets and keeps none of it. */
export class HostileClient {
  #socket: Socket<undefined> | null = null;
  #received = 0;
  #first = "";
  #isOver = false;
  #unsent: Buffer | null = null;

  /** Connects. A client that is not to read is paused at once. */
  static async connect(port: number, reads = true): Promise<HostileClient> {
    const client = new HostileClient();
    const over = (): void => {
      client.#isOver = true;
      client.#socket = null;
    };
    client.#socket = await Bun.connect<undefined>({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: (_, bytes) => {
          client.#received += bytes.length;
          if (client.#first === "") client.#first = bytes.toString("latin1", 0, 12);
        },
        drain: () => client.#flush(),
        close: over,
        end: over,
        error: over,
      },
    });
    if (!reads) client.#socket?.pause();
    return client;
  }

  /** Whether the server has ended the connection. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The status of the first answer, 0 without one. */
  get status(): number {
    return Number(this.#first.slice(9, 12));
  }

  /** Bytes that have come. */
  get received(): number {
    return this.#received;
  }

  /** Sends bytes (latin-1); what the kernel does not take is sent when it does. */
  send(bytes: string | Buffer): void {
    const all = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes;
    this.#unsent = this.#unsent === null ? all : Buffer.concat([this.#unsent, all]);
    this.#flush();
  }

  #flush(): void {
    const { length } = this.#unsent ?? "";
    if (this.#unsent === null || this.#socket === null) return;
    const sent = this.#socket.write(this.#unsent);
    this.#unsent = sent >= length ? null : this.#unsent.subarray(Math.max(0, sent));
  }

  /** Ends its half in order. */
  end(): void {
    this.#socket?.end();
  }

  /** Resets the connection. */
  reset(): void {
    this.#socket?.terminate();
  }
}

/** Connects many clients, so many at once. */
export async function connectMany(
  run: DrillRun,
  port: number,
  count: number,
  reads = true,
): Promise<HostileClient[]> {
  const clients: HostileClient[] = [];
  run.atEnd(() => {
    for (const client of clients) client.reset();
  });
  const atOnce = 100;
  for (let index = 0; index < count; index += atOnce) {
    const batch = Array.from({ length: Math.min(atOnce, count - index) }, () =>
      HostileClient.connect(port, reads),
    );
    clients.push(...(await Promise.all(batch)));
  }
  return clients;
}

/** Runs `attack` while others ask for /hello, 50 times a second, and checks that each of them is answered. */
export async function besideProbes(
  run: DrillRun,
  port: number,
  name: string,
  attack: () => Promise<void>,
): Promise<void> {
  const prober = await startProber(port, "/hello", 50);
  try {
    await attack();
  } finally {
    const { sent, bad, p50Ms, p99Ms } = await prober.stop();
    run.check(`${name}: of ${sent} other requests not served`, bad, "0", bad === 0);
    run.figure(`${name}: ms to other answers, p50`, p50Ms);
    run.figure(`${name}: ms to other answers, p99`, p99Ms);
  }
}

/** Checks that the server has no socket more than before. */
export async function checkGone(run: DrillRun, name: string, pid: number, before: number): Promise<void> {
  const left = await eventually(
    "sockets to be closed",
    () => socketCount(pid),
    (count) => count <= before,
  ).catch(() => socketCount(pid));
  run.check(`${name}: sockets left over`, left - before, "0", left <= before);
}

/** MiB that a process has grown since a sample. */
export function grownMiB(pid: number, before: ProcessSample): number {
  return (sampleProcess(pid).residentBytes - before.residentBytes) / 2 ** 20;
}
