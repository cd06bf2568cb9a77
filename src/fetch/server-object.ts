/**
 * The Server object that `serve()` returns and handlers get, on the main thread as on handler threads.
 *
 * What it shows and does comes from a `ServerState`, which each kind of thread makes for itself. Members, texts and
 * prototype are those of Bun.serve's (BUN-SERVE.md section 13).
 */
import type { FetchHandler } from "./registration.ts";
import { ServerRequest } from "./server-request.ts";

/** An address as `requestIP` and `address` give it. */
export interface AddressInfo {
  readonly address: string;
  readonly family: "IPv4" | "IPv6";
  readonly port: number;
}

/** What a Server object stands on. */
export interface ServerState {
  /** Port, 0 after `stop`; undefined on a unix socket. */
  readonly port: number | undefined;
  /** Host name as given, "localhost" without one; undefined on a unix socket. */
  readonly hostname: string | undefined;
  readonly url: URL;
  /** What the socket is bound to: an address, or the path. */
  readonly address: AddressInfo | string | null;
  readonly isDevelopment: boolean;
  readonly id: string;
  readonly pendingRequests: number;
  /** The `fetch` handler of this thread, or null. */
  readonly fetch: FetchHandler | null;
  stop(isForced: boolean): Promise<void>;
  ref(): void;
  unref(): void;
  reload(options: unknown): void;
  stats(): object;
  /** Address of the client whose request has its five address words at `index` of `words`. */
  formatPeer(words: Int32Array, index: number): AddressInfo | null;
}

function typeError(message: string, code: string): TypeError {
  return Object.defineProperty(new TypeError(message), "code", { value: code, configurable: true });
}

/** A running server as user code sees it. */
export class HTTPServer {
  readonly #state: ServerState;

  constructor(state: ServerState) {
    this.#state = state;
  }

  get port(): number | undefined {
    return this.#state.port;
  }

  get hostname(): string | undefined {
    return this.#state.hostname;
  }

  get url(): URL {
    return this.#state.url;
  }

  get protocol(): "http" {
    return "http";
  }

  get address(): AddressInfo | string | null {
    return this.#state.address;
  }

  get development(): boolean {
    return this.#state.isDevelopment;
  }

  get id(): string {
    return this.#state.id;
  }

  get pendingRequests(): number {
    return this.#state.pendingRequests;
  }

  get pendingWebSockets(): number {
    return 0;
  }

  get [Symbol.toStringTag](): string {
    return this.#state.isDevelopment ? "DebugHTTPServer" : "HTTPServer";
  }

  /** Calls the `fetch` handler of this thread with a request that comes from no client. */
  async fetch(request: Request | string): Promise<unknown> {
    const handler = this.#state.fetch;
    if (handler === null) throw new Error("fetch() requires the server to have a fetch handler");
    if (request instanceof Request) return handler.call(this, request, undefined);
    if (typeof request !== "string" && !((request as unknown) instanceof URL)) {
      throw typeError(
        `fetch() expects a string, but received ${Object.prototype.toString.call(request).slice(8, -1)}`,
        "ERR_INVALID_ARG_TYPE",
      );
    }
    return handler.call(this, new Request(new URL(String(request), this.#state.url).href), undefined);
  }

  /** Replaces the handlers. */
  reload(options: unknown): this {
    if (arguments.length === 0) {
      throw typeError("Not enough arguments to 'reload'. Expected 1, got 0.", "ERR_MISSING_ARGS");
    }
    this.#state.reload(options);
    return this;
  }

  /**
   * Stops the server: at once with `true`, else after the requests in flight. Resolves when the last client is gone.
   */
  stop(closeActiveConnections?: boolean): Promise<void> {
    return this.#state.stop(Boolean(closeActiveConnections));
  }

  /** Address of the client of a request in flight, or null. */
  requestIP(request: Request): AddressInfo | null {
    if (arguments.length === 0) throw typeError("Missing Request object", "ERR_INVALID_ARG_TYPE");
    const exchange = ServerRequest.exchangeOf(request);
    if (exchange === null || exchange.view === null || exchange.isAborted) return null;
    return this.#state.formatPeer(exchange.view.words, exchange.view.peerIndex);
  }

  /** Sets the idle timeout of a request's client, in seconds, 0 for none. */
  timeout(request: Request, seconds: number): void {
    if (arguments.length < 2) {
      throw typeError(
        `Not enough arguments to 'timeout'. Expected 2, got ${arguments.length}.`,
        "ERR_MISSING_ARGS",
      );
    }
    if (typeof seconds !== "number") throw new Error("timeout() requires a number");
    const exchange = ServerRequest.exchangeOf(request);
    if (exchange === null || exchange.isDone) return;
    const clamped = Math.min(255, Math.max(0, Math.ceil(seconds) || 0));
    exchange.host.sink.setIdleTimeout(exchange.entry, exchange.serial, clamped);
  }

  /** Always false: epollo has no WebSockets yet; a server with `websocket` is the native one. */
  upgrade(request: Request): boolean {
    if (arguments.length === 0) throw typeError("Missing argument", "ERR_INVALID_ARG_TYPE");
    if (!(request instanceof Request)) {
      throw typeError("upgrade requires a Request object", "ERR_INVALID_ARG_TYPE");
    }
    throw typeError(
      'To enable websocket support, set the "websocket" object in Bun.serve({})',
      "ERR_INVALID_ARG_TYPE",
    );
  }

  /** Always 0: there are no WebSockets. */
  publish(topic: string, _data: unknown, _compress = true): number {
    if (arguments.length === 0) throw typeError("Missing argument", "ERR_INVALID_ARG_TYPE");
    if (topic === "") throw new Error("publish requires a topic string");
    return 0;
  }

  /** Always 0: there are no WebSockets. */
  subscriberCount(_topic: string): number {
    return 0;
  }

  /** Lets a listening server keep the process alive, as it does from the start. */
  ref(): this {
    this.#state.ref();
    return this;
  }

  /** Lets the process end although the server listens. */
  unref(): this {
    this.#state.unref();
    return this;
  }

  /** Reads the counters of all threads. */
  stats(): object {
    return this.#state.stats();
  }

  [Symbol.dispose](): void {
    this.#state.stop(true);
  }
}
Object.defineProperty(HTTPServer.prototype, "constructor", {
  value: Object,
  configurable: true,
  writable: true,
});
