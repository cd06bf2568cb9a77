/**
 * A client that notices every request that is lost: one connection at a time, one request at a time, for drills that stop and
 * replace servers under it.
 *
 * A connection that ends between two requests, or whose answer says `Connection: close`, is followed by the next one. All
 * else that is no whole, right answer is an error: a connection that is refused, reset, or closed before its answer is
 * complete, another status or body, and no answer for TIMEOUT_SECONDS.
 */
import type { Socket } from "bun";

const TIMEOUT_SECONDS = 10;
const NO_ANSWER = `no answer for ${TIMEOUT_SECONDS} s`;

/** What clients have seen, added up. */
export interface SteadyCounts {
  /** Right answers. */
  answers: number;
  /** Connections made. */
  connections: number;
  /** What went wrong, and how often. */
  readonly errors: Map<string, number>;
  /** The longest that a request took, its connection included, in ms. */
  slowestMs: number;
}

/** What one client does. */
export interface SteadyOptions {
  /** Whom it asks: a port of 127.0.0.1. */
  readonly port: number;
  /** Target of its requests. */
  readonly target: string;
  /** The body that it expects. */
  readonly body: string;
  /** Requests of one connection; then it is closed and another one opened. */
  readonly requestsPerConnection: number;
  /** How long it waits after an answer, in ms. */
  readonly pauseMs: number;
}

/** Makes counts that are zero. */
export function steadyCounts(): SteadyCounts {
  return { answers: 0, connections: 0, errors: new Map(), slowestMs: 0 };
}

/** Asks until `isOver`, and counts. */
export async function runSteadyClient(
  options: SteadyOptions,
  counts: SteadyCounts,
  isOver: () => boolean,
): Promise<void> {
  while (!isOver()) {
    const start = performance.now();
    try {
      await oneConnection(options, counts, isOver, start);
    } catch (error) {
      const text = (error as Error).message;
      counts.errors.set(text, (counts.errors.get(text) ?? 0) + 1);
      // A server that is not there is asked again, not stormed.
      await Bun.sleep(5);
    }
  }
}

async function oneConnection(
  options: SteadyOptions,
  counts: SteadyCounts,
  isOver: () => boolean,
  openedMs: number,
): Promise<void> {
  const { port, target, body, requestsPerConnection, pauseMs } = options;
  const request = `GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`;
  const connection = new Connection(port);
  try {
    await connection.opened;
    counts.connections++;
    let start = openedMs;
    for (let count = 0; count < requestsPerConnection && !isOver(); count++) {
      if (connection.isEnded) return;
      const answer = await connection.ask(request, body.length);
      if (answer.body !== body || answer.status !== 200)
        throw new Error(`status ${answer.status}, body ${answer.body}`);
      counts.answers++;
      counts.slowestMs = Math.max(counts.slowestMs, performance.now() - start);
      if (answer.closes) return;
      if (pauseMs > 0) await Bun.sleep(pauseMs);
      start = performance.now();
    }
  } finally {
    connection.close();
  }
}

interface SteadyAnswer {
  readonly status: number;
  readonly closes: boolean;
  readonly body: string;
}

/** One connection with at most one request on its way. */
class Connection {
  /** Resolves when it is made. */
  readonly opened: Promise<void>;
  /** Whether the server has ended it. */
  isEnded = false;
  #socket: Socket | null = null;
  #received = "";
  #waiting: { resolve(answer: SteadyAnswer): void; reject(error: Error): void } | null = null;
  #bodyLength = 0;

  constructor(port: number) {
    const opened = Promise.withResolvers<void>();
    this.opened = opened.promise;
    const failed = (text: string): void => {
      clearTimeout(opening);
      this.isEnded = true;
      const error = new Error(text);
      opened.reject(error);
      this.#waiting?.reject(error);
      this.#waiting = null;
    };
    // Of the kernel's own accord it is asked again for minutes.
    const opening = setTimeout(() => failed(NO_ANSWER), TIMEOUT_SECONDS * 1000);
    const codeOf = (error: Error): string => (error as NodeJS.ErrnoException).code ?? error.message;
    Bun.connect({
      port,
      hostname: "127.0.0.1",
      socket: {
        open: (socket) => {
          clearTimeout(opening);
          this.#socket = socket;
          opened.resolve();
        },
        data: (_, bytes) => this.#take(bytes),
        end: () => failed("closed before the answer"),
        close: (_, error) => failed(error instanceof Error ? codeOf(error) : "closed before the answer"),
        error: (_, error) => failed(codeOf(error)),
        connectError: (_, error) => failed(codeOf(error)),
        timeout: () => failed(NO_ANSWER),
      },
    }).catch((error: Error) => failed(codeOf(error)));
  }

  ask(request: string, bodyLength: number): Promise<SteadyAnswer> {
    this.#bodyLength = bodyLength;
    this.#received = "";
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      // It counts from here on, whatever comes meanwhile.
      this.#socket?.timeout(TIMEOUT_SECONDS);
      // A short request goes whole, or the connection is over.
      this.#socket?.write(request);
    });
  }

  #take(bytes: Buffer): void {
    this.#received += bytes.toString("latin1");
    const headEnd = this.#received.indexOf("\r\n\r\n");
    if (headEnd < 0) return;
    const head = this.#received.slice(0, headEnd).toLowerCase();
    const length = Number(/\ncontent-length: (\d+)/.exec(head)?.[1] ?? this.#bodyLength);
    const body = this.#received.slice(headEnd + 4);
    if (body.length < length) return;
    this.#waiting?.resolve({
      status: Number(head.slice(9, 12)),
      closes: head.includes("\nconnection: close"),
      body,
    });
    this.#waiting = null;
  }

  close(): void {
    this.#socket?.end();
  }
}
