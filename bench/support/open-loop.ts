/**
 * Load at a given rate, whatever the server does with it: a closed loop, as wrk's, slows down with the server and never
 * overloads it. Each connection has one request at a time; the rate is kept up as long as some connection is free.
 *
 * Runs on the drill's main thread. Answers must have a Content-Length.
 */
import type { Socket } from "bun";

/** What became of requests with one status. */
export interface StatusCount {
  count: number;
  /** Milliseconds from sending to the end of the answer, one for each request. */
  readonly milliseconds: number[];
}

/** What a load has seen. */
export interface OpenLoopResult {
  readonly seconds: number;
  readonly sent: number;
  /** Requests that were due and had no free connection. */
  readonly notSent: number;
  readonly byStatus: ReadonlyMap<number, StatusCount>;
  /** Connections that the server closed or reset. */
  readonly closed: number;
}

interface Connection {
  socket: Socket<Connection> | null;
  sentMs: number;
  input: string;
}

/** Connections to a server over which requests are sent at a rate. */
export class OpenLoop {
  readonly #request: Buffer;
  readonly #free: Connection[] = [];
  readonly #all: Connection[] = [];
  #byStatus = new Map<number, StatusCount>();
  #closed = 0;

  private constructor(request: string) {
    this.#request = Buffer.from(request, "latin1");
  }

  /** Opens so many connections for one kind of request. */
  static async open(port: number, connections: number, request: string): Promise<OpenLoop> {
    const loop = new OpenLoop(request);
    for (let index = 0; index < connections; index++) await loop.#connect(port);
    return loop;
  }

  async #connect(port: number): Promise<void> {
    const connection: Connection = { socket: null, sentMs: 0, input: "" };
    connection.socket = await Bun.connect<Connection>({
      hostname: "127.0.0.1",
      port,
      data: connection,
      socket: {
        data: (_: Socket<Connection>, bytes: Buffer) => this.#data(connection, bytes),
        close: () => {
          this.#closed++;
          connection.socket = null;
        },
        error: () => {},
      },
    } as never);
    this.#all.push(connection);
    this.#free.push(connection);
  }

  /**
   * Sends so many requests a second for a while, and gives what came within it, or, with `until`, until that is true, and
   * gives what came within 5 s after it too.
   */
  async run(perSecond: number, until: number | (() => boolean)): Promise<OpenLoopResult> {
    const isOver = (elapsed: number): boolean =>
      typeof until === "number" ? elapsed >= until * 1000 : until();
    this.#byStatus = new Map();
    this.#closed = 0;
    const start = performance.now();
    let sent = 0;
    let notSent = 0;
    for (;;) {
      const elapsed = performance.now() - start;
      if (isOver(elapsed)) break;
      for (const due = (elapsed / 1000) * perSecond; sent + notSent < due; ) {
        if (this.#sendOne()) sent++;
        else notSent++;
      }
      await Bun.sleep(1);
    }
    const elapsedSeconds = (performance.now() - start) / 1000;
    const byStatus = this.#byStatus;
    if (typeof until === "number") this.#byStatus = new Map();
    await this.#settled();
    return { seconds: elapsedSeconds, sent, notSent, byStatus, closed: this.#closed };
  }

  /** Sends one request on each free connection, and waits for the answers: then each is one for the server too. */
  async askOnEach(): Promise<void> {
    while (this.#sendOne());
    await this.#settled();
    this.#byStatus = new Map();
  }

  /** Waits until no connection has a request under way, 5 s at most. */
  async #settled(): Promise<void> {
    for (let wait = 0; wait < 500 && this.#free.length + this.#closed < this.#all.length; wait++) {
      await Bun.sleep(10);
    }
  }

  #sendOne(): boolean {
    for (let connection = this.#free.pop(); connection !== undefined; connection = this.#free.pop()) {
      if (connection.socket === null) continue;
      connection.sentMs = performance.now();
      connection.socket.write(this.#request);
      return true;
    }
    return false;
  }

  #data(connection: Connection, bytes: Buffer): void {
    connection.input += bytes.toString("latin1");
    const { input } = connection;
    const headEnd = input.indexOf("\r\n\r\n");
    if (headEnd < 0) return;
    const length = Number(/content-length: (\d+)/i.exec(input)?.[1] ?? 0);
    if (input.length < headEnd + 4 + length) return;
    connection.input = "";
    const status = Number(input.slice(9, 12));
    let entry = this.#byStatus.get(status);
    if (entry === undefined) {
      entry = { count: 0, milliseconds: [] };
      this.#byStatus.set(status, entry);
    }
    entry.count++;
    entry.milliseconds.push(performance.now() - connection.sentMs);
    this.#free.unshift(connection);
  }

  /** Closes all connections. */
  close(): void {
    for (const { socket } of this.#all) socket?.terminate();
  }
}

/** The value below which a share of the values lies, 0 without any. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
