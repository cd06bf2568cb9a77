/**
 * The Server object that `serve()` returns and handlers get, on the main thread as on handler threads.
 *
 * What it shows and does comes from a `ServerState`, which each kind of thread makes for itself. Members, texts and
 * prototype are those of Bun.serve's (BUN-SERVE.md section 13; test/fetch/server-object.test.ts asks the real one). The
 * class holds the behaviour; its instances get one of two prototypes that look like Bun's (server-shape.ts).
 */
import { codedTypeError } from "./coded-error.ts";
import type { Exchange } from "./exchange.ts";
import type * as Requests from "./make-request.ts";
import type { FetchHandler } from "./registration.ts";
import { shapePrototype } from "./server-shape.ts";

/** With `require`: the thread that starts a server in pool mode makes no requests, and starts sooner without what does. */
function exchangeOf(request: Request): Exchange | null {
  return (require("./make-request.ts") as typeof Requests).exchangeOf(request);
}

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
  /** Closes the clients that have no request in flight, and tells how many those were. */
  closeIdle(): number;
  ref(): void;
  unref(): void;
  reload(options: unknown): void;
  stats(): object;
  /** The counters as text for Prometheus. */
  metrics(): string;
  /** Address of the client whose request has its five address words at `index` of `words`. */
  formatPeer(words: Int32Array, index: number): AddressInfo | null;
}

function invalidArgument(message: string): TypeError {
  return codedTypeError(message, "ERR_INVALID_ARG_TYPE");
}

function notEnoughArguments(method: string, expected: number, given: number): TypeError {
  return codedTypeError(
    `Not enough arguments to '${method}'. Expected ${expected}, got ${given}.`,
    "ERR_MISSING_ARGS",
  );
}

const MAX_IDLE_SECONDS = 255;

/** A running server as user code sees it. */
export class HTTPServer {
  readonly #state: ServerState;
  #url: URL | null = null;
  #address: AddressInfo | string | null = null;

  constructor(state: ServerState) {
    this.#state = state;
    // biome-ignore lint/correctness/noConstructorReturn: no other way to have two prototypes of one class
    return Object.setPrototypeOf(this, state.isDevelopment ? DEVELOPMENT : PRODUCTION);
  }

  /** Whether a value is a server of this thread. */
  static isServer(value: unknown): value is HTTPServer {
    return typeof value === "object" && value !== null && #state in value;
  }

  get port(): number | undefined {
    return this.#state.port;
  }

  get hostname(): string | undefined {
    return this.#state.hostname;
  }

  /** The same object each time, also after `stop`; with port 0 when it was asked for only then. */
  get url(): URL {
    if (this.#url === null) {
      const { url, port } = this.#state;
      this.#url = new URL(url);
      if (port === 0) this.#url.port = "0";
    }
    return this.#url;
  }

  get protocol(): "http" {
    return "http";
  }

  /** The same object each time, also after `stop`; null when it was asked for only then. */
  get address(): AddressInfo | string | null {
    if (this.#address === null && this.#state.port !== 0) this.#address = this.#state.address;
    return this.#address;
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

  /** Calls the `fetch` handler of this thread with a request that comes from no client; errors are the caller's. */
  async fetch(request: Request | string, init?: RequestInit): Promise<unknown> {
    const handler = this.#state.fetch as ((this: unknown, request: Request) => unknown) | null;
    if (handler === null) throw new Error("fetch() requires the server to have a fetch handler");
    if (arguments.length === 0) throw new Error("fetch() expects a string but received no arguments.");
    const asked = request instanceof Request ? request : this.#requestFrom(request, init);
    const answer = await handler.call(this, asked);
    if (answer === undefined) throw new Error("fetch() returned an empty value");
    return answer;
  }

  #requestFrom(target: unknown, init: RequestInit | undefined): Request {
    if (typeof target !== "string" && !((target as unknown) instanceof String)) {
      throw invalidArgument(`fetch() expects a string, but received ${typeName(target)}`);
    }
    const text = String(target);
    if (text === "") throw new Error("fetch() URL must not be a blank string.");
    const { url } = this.#state;
    // A path, or nothing but a query or a fragment.
    if (/^(?:\/(?!\/)|[?#])/.test(text)) return new Request(new URL(text, url).href, init);
    if (URL.canParse(text)) return new Request(text, init);
    // Bun takes any other text for the url as it is, which the constructor refuses.
    return Object.defineProperty(new Request(url.href, init), "url", { value: text });
  }

  /** Replaces the handlers. */
  reload(options: unknown): this {
    if (arguments.length === 0) throw notEnoughArguments("reload", 1, 0);
    if ((typeof options !== "object" && typeof options !== "function") || options === null) {
      throw invalidArgument("Bun.serve expects an object");
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

  /** Closes the clients that have no request in flight, and tells how many those were. */
  closeIdleConnections(): number {
    return this.#state.closeIdle();
  }

  /** Address of the client of a request in flight, or null. */
  requestIP(request: Request): AddressInfo | null {
    if (arguments.length === 0) throw invalidArgument("Missing Request object");
    if (!(request instanceof Request)) throw invalidArgument("Expected Request object");
    const exchange = exchangeOf(request);
    if (exchange === null || exchange.view === null || exchange.isAborted) return null;
    return this.#state.formatPeer(exchange.view.words, exchange.view.peerIndex);
  }

  /** Sets the idle timeout of a request's client, in seconds, 0 for none. */
  timeout(request: Request, seconds: number): void {
    // As Bun does, whose text then says "got 2".
    const isGiven = request !== undefined && request !== null && arguments.length > 1;
    if (!isGiven) throw notEnoughArguments("timeout", 2, arguments.length);
    if (typeof seconds !== "number") throw new Error("timeout() requires a number");
    if (!(request instanceof Request)) throw invalidArgument("timeout() requires a Request object");
    const exchange = exchangeOf(request);
    if (exchange === null || exchange.isDone) return;
    const clamped = Math.min(MAX_IDLE_SECONDS, Math.max(0, Math.ceil(seconds) || 0));
    exchange.host.sink.setIdleTimeout(exchange.entry, exchange.serial, clamped);
  }

  /** Always an error: epollo has no WebSockets yet; a server with `websocket` is the native one. */
  upgrade(_request: Request): boolean {
    if (arguments.length === 0) throw invalidArgument("Missing argument");
    throw invalidArgument('To enable websocket support, set the "websocket" object in Bun.serve({})');
  }

  /** Always 0: there are no WebSockets. */
  publish(topic: string, _data: unknown, _compress?: boolean): number {
    if (arguments.length === 0) throw invalidArgument("Missing argument");
    if (topic === undefined || topic === null) throw invalidArgument("Expected string");
    void `${topic}`;
    if (arguments.length < 2) throw invalidArgument("Missing argument");
    return 0;
  }

  /** Always 0: there are no WebSockets. */
  subscriberCount(topic: string): number {
    if (arguments.length === 0) throw notEnoughArguments("subscriberCount", 1, 0);
    if (topic === undefined || topic === null) {
      throw invalidArgument("subscriberCount requires a topic name as a string");
    }
    void `${topic}`;
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

  /** The counters of all threads as text for Prometheus. */
  metrics(): string {
    return this.#state.metrics();
  }

  [Symbol.dispose](): void {
    this.#state.stop(true);
  }
}

/** What Bun calls the type of a value that is no string. */
function typeName(value: unknown): string {
  if (value === null) return "Null";
  if (typeof value === "function") return "Object";
  if (typeof value === "bigint") return "BigInt";
  return (typeof value).charAt(0).toUpperCase() + (typeof value).slice(1);
}

/** Where Bun counts parameters otherwise than this class. */
const LENGTHS = { fetch: 1, reload: 2, stop: 1, publish: 3, upgrade: 1 };
const DEVELOPMENT = shapePrototype(HTTPServer.prototype, "DebugHTTPServer", HTTPServer.isServer, LENGTHS);
const PRODUCTION = shapePrototype(HTTPServer.prototype, "HTTPServer", HTTPServer.isServer, LENGTHS);
