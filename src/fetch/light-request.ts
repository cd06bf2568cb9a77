/**
 * The Request of a GET: an ordinary object that makes the native one when it is needed.
 *
 * Lives on the thread that runs the handler. A native Request takes memory of the allocator's, which is cold by then, and a
 * turn of the collector to give it back: 0.4 us of a trivial request that takes 2 in user space. Most handlers only look at
 * the url, the method and parameters, which are there without it. All else is asked of a `ServerRequest` of the
 * same exchange, made the first time.
 *
 * It is `instanceof Request`. What takes a Request in JavaScript reads it by its members: `fetch(request)` and
 * `new Request(request)` do the same to any subclass. What reads the native object itself wants its body, as a rule, and a GET has
 * none; `FileSystemRouter.match` wants its url (`request-takers.ts`). The rest is in docs/compatibility.md.
 */
import { METHODS } from "../http/method.ts";
import type { RouteParams } from "./bun-request.ts";
import { delegate, dressAsNative, INSPECT } from "./delegate.ts";
import type { Exchange } from "./exchange.ts";
import {
  nativeRequestOf,
  PLACEHOLDER_URL,
  paramsOfExchange,
  type RoutedRequest,
  type ServerRequest,
} from "./server-request.ts";

/** A GET as user code sees it; `instanceof Request`. */
export class LightRequest {
  readonly #exchange: Exchange;

  /** @param exchange that of a GET whose url is known */
  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** The method. */
  get method(): string {
    return METHODS[this.#exchange.method]!;
  }

  /** The absolute url. */
  get url(): string {
    return this.#exchange.url as string;
  }

  /** Aborts when the client leaves. */
  get signal(): AbortSignal {
    return this.#exchange.signal;
  }

  /** The native request of the same exchange. */
  static nativeOf(request: LightRequest): ServerRequest {
    const exchange = request.#exchange;
    exchange.native ??= nativeRequestOf(exchange, PLACEHOLDER_URL);
    return exchange.native as ServerRequest;
  }

  /** The exchange of a light request, or null for any other object. */
  static exchangeOf(request: unknown): Exchange | null {
    return typeof request === "object" && request !== null && #exchange in request ? request.#exchange : null;
  }
}

/** Members of the native class. */
const NATIVE_NAMES: readonly PropertyKey[] = [
  ...["arrayBuffer", "blob", "body", "bodyUsed", "bytes", "cache", "clone", "credentials", "destination"],
  ...["formData", "headers", "integrity", "json", "mode", "redirect", "referrer", "referrerPolicy", "text"],
  ...["textStream", INSPECT],
];

Object.setPrototypeOf(LightRequest, Request);
Object.setPrototypeOf(LightRequest.prototype, Request.prototype);
dressAsNative(LightRequest.prototype, Request.prototype);
delegate(LightRequest.prototype, Request.prototype, NATIVE_NAMES, LightRequest.nativeOf);

/** One that came by a route. */
export class LightRoutedRequest extends LightRequest {
  /** The values of the route's parameters by name. */
  get params(): RouteParams {
    return paramsOfExchange(LightRequest.exchangeOf(this)!);
  }

  /** The cookies of the request; what is set here goes into the answer. */
  get cookies(): Bun.CookieMap {
    return (LightRequest.nativeOf(this) as RoutedRequest).cookies;
  }

  get [Symbol.toStringTag](): string {
    return "BunRequest";
  }
}
dressAsNative(LightRoutedRequest.prototype, Request.prototype);
