/**
 * A raw TCP client for black-box tests: it sends exactly the bytes it is given, in exactly the pieces it is
 * told, and reads answers with a strict HTTP/1.1 response parser of its own (./response-parser.ts).
 *
 * Runs on the test's thread. Knows nothing of the server under test, and nothing of `fetch`, which repairs,
 * pools and retries where a test wants to see what is on the wire.
 *
 * Theory of operation: everything received is kept in one growing buffer; readers look at it, and when it does
 * not hold what they need they wait for the next event of the socket (bytes, FIN, RST) or for the deadline. A
 * deadline is a failure whose message shows what had been received, so that a hanging test explains itself.
 */
import type { Socket } from "bun";
import { parseResponse, type RawResponse } from "./response-parser.ts";

/** How the peer ended the connection: not yet, in order (FIN), or by reset (RST). */
export type Ending = "open" | "fin" | "reset";

/** Where to connect. `unix` wins over host and port; a leading NUL byte makes it an abstract name. */
export interface Target {
  readonly port?: number;
  readonly hostname?: string;
  readonly unix?: string;
}

/** How `send` cuts its bytes: after every byte, at the given offsets, or into pieces of one size. */
export type Splits = "bytes" | readonly number[] | { readonly every: number };

// Below the 30 s that `npm test` gives a test, so that what is reported is what had been received.
const DEFAULT_TIMEOUT_MS = 20_000;

/** One connection of a test. Close it with `close()`, `reset()` or `await using`. */
export class RawClient {
  readonly timeoutMs: number;
  #socket: Socket<undefined> | null = null;
  #received: Buffer = Buffer.allocUnsafe(4096);
  #start = 0;
  #end = 0;
  #ending: Ending = "open";
  #isClosed = false;
  #unsent: Buffer = Buffer.alloc(0);
  #wakes: (() => void)[] = [];

  private constructor(timeoutMs: number) {
    this.timeoutMs = timeoutMs;
  }

  /** Connects to a port of 127.0.0.1 or to another target. `timeoutMs` (default 20,000) bounds every later wait. */
  static async connect(target: number | Target, timeoutMs: number = DEFAULT_TIMEOUT_MS): Promise<RawClient> {
    const client = new RawClient(timeoutMs);
    const where: Target = typeof target === "number" ? { port: target } : target;
    const socket = {
      data: (_: Socket<undefined>, bytes: Buffer) => client.#append(bytes),
      drain: () => client.#flush(),
      end: () => client.#finish("fin"),
      close: (_: Socket<undefined>, error?: Error) => {
        client.#isClosed = true;
        client.#finish(error === undefined || error === null ? "fin" : "reset");
      },
      error: () => client.#finish("reset"),
    };
    client.#socket =
      where.unix !== undefined
        ? await Bun.connect<undefined>({ unix: where.unix, allowHalfOpen: true, socket } as never)
        : await Bun.connect<undefined>({
            hostname: where.hostname ?? "127.0.0.1",
            port: where.port ?? 0,
            allowHalfOpen: true,
            socket,
          });
    client.#socket.setNoDelay(true);
    return client;
  }

  /** How the peer ended the connection, as far as seen. */
  get ending(): Ending {
    return this.#ending;
  }

  /** Bytes received and not read yet. */
  get unread(): Buffer {
    return this.#received.subarray(this.#start, this.#end);
  }

  /** The port of this end of the connection. */
  get localPort(): number {
    return this.#socket!.localPort;
  }

  /**
   * Sends bytes (a string is latin-1), cut into pieces that leave in separate calls `delayMs` (default: one turn
   * of the event loop) apart. Resolves when all of it is with the kernel, or when the connection is gone. With
   * `untilAnswered` it stops at the first byte of an answer, as a client does that does not want to be reset.
   */
  async send(
    data: string | Uint8Array,
    options: { splits?: Splits; delayMs?: number; untilAnswered?: boolean } = {},
  ): Promise<void> {
    const bytes = typeof data === "string" ? Buffer.from(data, "latin1") : Buffer.from(data);
    for (const piece of cut(bytes, options.splits)) {
      if (this.#isClosed || (options.untilAnswered && (this.unread.length > 0 || this.#ending !== "open")))
        return;
      this.#unsent = this.#unsent.length === 0 ? piece : Buffer.concat([this.#unsent, piece]);
      this.#flush();
      while (this.#unsent.length > 0 && !this.#isClosed)
        await this.#change("the kernel to take the bytes sent");
      if (options.splits === undefined) continue;
      if (options.delayMs) await Bun.sleep(options.delayMs);
      else await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  /** Queues bytes without waiting for the kernel to take them, for peers that do not read. */
  push(data: Uint8Array): void {
    this.#unsent = Buffer.concat([this.#unsent, data]);
    this.#flush();
  }

  /**
   * Reads one response, whole. `method` "HEAD" and "CONNECT" change how the body is framed. 1xx answers are
   * responses of their own: read again for the final one. Throws on a malformed response, a cut body, a timeout.
   */
  async readResponse(
    options: { method?: string; timeoutMs?: number; acceptsReset?: boolean } = {},
  ): Promise<RawResponse> {
    const deadline = Date.now() + (options.timeoutMs ?? this.timeoutMs);
    for (;;) {
      const parsed = parseResponse(
        this.unread,
        options.method ?? "GET",
        this.#ending === "fin" || (options.acceptsReset === true && this.#ending === "reset"),
      );
      if (parsed !== null) {
        this.#start += parsed.byteLength;
        return parsed;
      }
      if (this.#ending !== "open")
        throw new Error(`connection ended (${this.#ending}) before a whole response: ${this.#describe()}`);
      await this.#change("a whole response", deadline);
    }
  }

  /** Reads all answers until the peer closes; with `method` for all of them. Throws on anything left over. */
  async readResponsesUntilClose(
    options: { method?: string; acceptsReset?: boolean } = {},
  ): Promise<RawResponse[]> {
    const responses: RawResponse[] = [];
    await this.#waitForEnding();
    while (this.unread.length > 0) responses.push(await this.readResponse(options));
    return responses;
  }

  /** Reads everything up to FIN or RST (see `ending` for which). */
  async readUntilClose(): Promise<Buffer> {
    await this.#waitForEnding();
    const bytes = Buffer.from(this.unread);
    this.#start = this.#end;
    return bytes;
  }

  /** Reads exactly so many bytes. Throws when the connection ends before. */
  async readExactly(byteLength: number): Promise<Buffer> {
    const deadline = Date.now() + this.timeoutMs;
    while (this.#end - this.#start < byteLength) {
      if (this.#ending !== "open")
        throw new Error(`connection ended before ${byteLength} bytes: ${this.#describe()}`);
      await this.#change(`${byteLength} bytes`, deadline);
    }
    const bytes = Buffer.from(this.#received.subarray(this.#start, this.#start + byteLength));
    this.#start += byteLength;
    return bytes;
  }

  /** Sends FIN and keeps reading: the peer sees the end of the input, and may still answer. */
  halfClose(): void {
    this.#socket!.shutdown();
  }

  /** Stops reading from the socket, so that the peer's send buffer fills. */
  pause(): void {
    this.#socket!.pause();
  }

  /** Reads from the socket again. */
  resume(): void {
    this.#socket!.resume();
  }

  /** Sends RST: the connection is gone at once for both ends. */
  reset(): void {
    this.#isClosed = true;
    this.#socket!.terminate();
  }

  /** Closes in order and forgets what is unread. */
  close(): void {
    this.#isClosed = true;
    this.#socket!.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  async #waitForEnding(): Promise<void> {
    const deadline = Date.now() + this.timeoutMs;
    while (this.#ending === "open") await this.#change("the peer to close", deadline);
  }

  #flush(): void {
    if (this.#unsent.length > 0 && this.#socket !== null) {
      const written = this.#socket.write(this.#unsent);
      if (written > 0) this.#unsent = this.#unsent.subarray(written);
    }
    this.#wake();
  }

  #append(bytes: Buffer): void {
    if (this.#end + bytes.length > this.#received.length) {
      const unread = this.#end - this.#start;
      const grown = Buffer.allocUnsafe(Math.max(4096, 2 * (unread + bytes.length)));
      this.#received.copy(grown, 0, this.#start, this.#end);
      this.#received = grown;
      this.#start = 0;
      this.#end = unread;
    }
    bytes.copy(this.#received, this.#end);
    this.#end += bytes.length;
    this.#wake();
  }

  #finish(ending: Ending): void {
    if (this.#ending === "open" || ending === "reset") this.#ending = ending;
    this.#wake();
  }

  #wake(): void {
    const wakes = this.#wakes;
    if (wakes.length === 0) return;
    this.#wakes = [];
    for (const wake of wakes) wake();
  }

  #change(what: string, deadline: number = Date.now() + this.timeoutMs): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`timed out waiting for ${what}: ${this.#describe()}`)),
        Math.max(0, deadline - Date.now()),
      );
      this.#wakes.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #describe(): string {
    const unread = this.unread;
    const shown = JSON.stringify(unread.subarray(0, 500).toString("latin1"));
    return `received ${unread.length} unread bytes (${this.#ending}): ${shown}${unread.length > 500 ? "…" : ""}`;
  }
}

function cut(bytes: Buffer, splits: Splits | undefined): Buffer[] {
  if (splits === undefined || bytes.length === 0) return [bytes];
  const offsets: number[] = [];
  if (Array.isArray(splits)) offsets.push(...splits);
  else {
    const every = splits === "bytes" ? 1 : (splits as { every: number }).every;
    for (let offset = every; offset < bytes.length; offset += every) offsets.push(offset);
  }
  const pieces: Buffer[] = [];
  let from = 0;
  for (const offset of [...offsets, bytes.length]) {
    if (offset > from) pieces.push(bytes.subarray(from, offset));
    from = offset;
  }
  return pieces;
}
