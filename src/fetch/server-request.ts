/**
 * The Request that a handler gets: a subclass of the native one that makes what it shows when it is asked for.
 *
 * Lives on the thread that runs the handler. Building native Headers, a signal and a method eagerly costs more than the
 * rest of a trivial request (1.2 us against 0.13 us). The getters below stand in for them. Bun reads a Request
 * subclass through its getters wherever it takes one (`fetch(request)`, `new Request(request)`), so nobody can tell.
 *
 * The head's bytes belong to the exchange: headers first touched after the answer was sent are gone, as with Bun.serve.
 */

import type { TaskView } from "../channel/task-record.ts";
import { METHODS } from "../http/method.ts";
import { decodeFieldName, decodeFieldValue, FIELD_NUMBERS } from "../http/request-head.ts";
import { cookiesOf, paramsOf, type RouteParams } from "./bun-request.ts";
import { dressAsNative, INSPECT } from "./delegate.ts";
import type { Exchange } from "./exchange.ts";
import type { IncomingBody } from "./incoming-body.ts";
import { routePath } from "./router.ts";

/** Whether somebody has read of a stream. Missing from Bun's types, and loaded when it is asked for: that takes 5 ms. */
function isDisturbed(stream: ReadableStream): boolean {
  return (require("node:stream") as { isDisturbed(stream: ReadableStream): boolean }).isDisturbed(stream);
}
/** What the native constructor gets where the url is known, or is none: always the same string, which it parses quickly. */
export const PLACEHOLDER_URL: string = "http://localhost/";

/** The members of the native class that are overridden, as an interface: the types have them as properties. */
interface NativeRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly signal: AbortSignal;
  readonly body: ReadableStream<Uint8Array> | null;
  readonly bodyUsed: boolean;
  clone(): Request;
  text(): Promise<string>;
  json(): Promise<unknown>;
  bytes(): Promise<Uint8Array>;
  arrayBuffer(): Promise<ArrayBuffer>;
  formData(): Promise<FormData>;
  blob(): Promise<Blob>;
}
const Native = Request as unknown as new (url: string, init?: RequestInit) => NativeRequest;

/** A request as user code sees it; `instanceof Request`. */
export class ServerRequest extends Native {
  // The only field: each further one costs a native object memory of its own. The rest is kept in the exchange.
  readonly #exchange: Exchange;

  constructor(exchange: Exchange, url: string, init?: RequestInit) {
    super(url, init);
    this.#exchange = exchange;
  }

  override get method(): string {
    return METHODS[this.#exchange.method]!;
  }

  override get url(): string {
    return this.#exchange.url ?? super.url;
  }

  override get headers(): Headers {
    const headers = super.headers;
    const exchange = this.#exchange;
    if (!exchange.areHeadersMade) {
      exchange.areHeadersMade = true;
      const { view } = exchange;
      if (view !== null) appendFields(headers, view);
    }
    return headers;
  }

  override get signal(): AbortSignal {
    return this.#exchange.signal;
  }

  // A body that is still arriving is not the native object's: it is put together here, or streamed.

  override get body(): ReadableStream<Uint8Array> | null {
    const upload = this.#upload;
    if (upload === null) return super.body;
    upload.shown ??= upload.isCollected ? lockedStream() : upload.stream;
    return upload.shown;
  }

  override get bodyUsed(): boolean {
    const upload = this.#upload;
    if (upload === null) return super.bodyUsed;
    const { shown } = upload;
    return upload.isCollected || (shown !== null && (shown.locked || isDisturbed(shown)));
  }

  override text(): Promise<string> {
    return this.#upload === null ? super.text() : this.#collected().then((body) => body.text());
  }

  override json(): Promise<unknown> {
    return this.#upload === null ? super.json() : this.#collected().then((body) => body.json());
  }

  override bytes(): Promise<Uint8Array> {
    return this.#upload === null ? super.bytes() : this.#collect();
  }

  override arrayBuffer(): Promise<ArrayBuffer> {
    return this.#upload === null ? super.arrayBuffer() : this.#collected().then((body) => body.arrayBuffer());
  }

  // These two look at the type of the body, the native ones at the native fields for it.
  override formData(): Promise<FormData> {
    const { headers } = this;
    return this.#upload === null
      ? super.formData()
      : this.#collected(headers).then((body) => body.formData() as Promise<FormData>);
  }

  override blob(): Promise<Blob> {
    const { headers } = this;
    return this.#upload === null ? super.blob() : this.#collected(headers).then((body) => body.blob());
  }

  async #collected(headers?: Headers): Promise<Response> {
    const type = headers?.get("content-type");
    return new Response(await this.#collect(), type == null ? {} : { headers: { "content-type": type } });
  }

  #collect(): Promise<Uint8Array> {
    if (this.bodyUsed) return Promise.reject(bodyUsed());
    const upload = this.#upload as IncomingBody;
    if (upload.shown !== null) return new Response(upload.shown).bytes();
    upload.isCollected = true;
    return upload.collect();
  }

  get #upload(): IncomingBody | null {
    return this.#exchange.body;
  }

  override clone(): Request {
    const headers = this.headers;
    const upload = this.#upload;
    if (upload !== null) {
      if (this.bodyUsed) throw bodyUsed();
      const [mine, copied] = (this.body as ReadableStream<Uint8Array>).tee();
      upload.shown = mine;
      return this.#copy(headers, copied);
    }
    return this.#copy(headers, super.clone().body);
  }

  #copy(headers: Headers, body: ReadableStream<Uint8Array> | null): Request {
    return new Request(this.#exchange.isUrlOdd ? PLACEHOLDER_URL : this.url, {
      method: this.method,
      headers,
      body,
      signal: this.signal,
    });
  }

  /** The exchange of a request, or null for any other object. */
  static exchangeOf(request: unknown): Exchange | null {
    return typeof request === "object" && request !== null && #exchange in request ? request.#exchange : null;
  }
}
dressAsNative(ServerRequest.prototype, Request.prototype);
// The native object may know neither url, method nor headers.
Object.defineProperty(ServerRequest.prototype, INSPECT, {
  value(this: ServerRequest): unknown {
    const exchange = ServerRequest.exchangeOf(this);
    if (exchange === null) return {};
    const { method, headers } = this;
    return new Request(exchange.isUrlOdd ? PLACEHOLDER_URL : this.url, { method, headers });
  },
  configurable: true,
  writable: true,
});

/** The parameters of a request that came by a route. */
export function paramsOfExchange(exchange: Exchange): RouteParams {
  exchange.params ??= paramsOf(exchange.route!, routePath(exchange.target));
  return exchange.params;
}

/** A request that came by a route: it has `params` and `cookies` as well. */
export class RoutedRequest extends ServerRequest {
  /** The values of the route's parameters by name. */
  get params(): RouteParams {
    return paramsOfExchange(ServerRequest.exchangeOf(this)!);
  }

  /** The cookies of the request; what is set here goes into the answer. */
  get cookies(): Bun.CookieMap {
    const exchange = ServerRequest.exchangeOf(this)!;
    exchange.cookies ??= cookiesOf(this.headers.get("cookie"));
    return exchange.cookies;
  }

  get [Symbol.toStringTag](): string {
    return "BunRequest";
  }

  override clone(): Request {
    const { params } = this;
    const cookies = (): Bun.CookieMap => this.cookies;
    return Object.defineProperties(super.clone(), { params: { value: params }, cookies: { get: cookies } });
  }
}
dressAsNative(RoutedRequest.prototype, Request.prototype);

/** Makes the native Request of an exchange, by its route or without one. Throws where the url is none. */
export function nativeRequestOf(exchange: Exchange, url: string, init?: RequestInit): ServerRequest {
  return exchange.route === null
    ? new ServerRequest(exchange, url, init)
    : new RoutedRequest(exchange, url, init);
}

function bodyUsed(): TypeError {
  return Object.defineProperty(new TypeError("Body already used"), "code", {
    value: "ERR_BODY_ALREADY_USED",
  });
}

/** What `body` is after the whole of it was read: a stream that somebody has locked. */
function lockedStream(): ReadableStream<Uint8Array> {
  const stream = new ReadableStream<Uint8Array>();
  stream.getReader();
  return stream;
}

function appendFields(headers: Headers, view: TaskView): void {
  const table = view.fieldTable;
  const head = view.headStart;
  for (let i = 0; i < view.headerCount; i++) {
    const row = table + i * FIELD_NUMBERS;
    headers.append(
      decodeFieldName(view.bytes, head, view.words, row),
      decodeFieldValue(view.bytes, head, view.words, row),
    );
  }
}
