/**
 * The Request of a request without a body: an ordinary object that makes the native one when it is needed.
 *
 * Lives on the thread that runs the handler. A native Request takes memory of the allocator's, which is cold by then, and a
 * turn of the collector to give it back: 0.4 us of a trivial request that takes 2 in user space. Most handlers only look at
 * the url, the method and parameters, which are there without it. All else is asked of a `ServerRequest` of the
 * same exchange, made the first time.
 *
 * It is `instanceof Request`. Whatever takes a Request in JavaScript reads it by its members (`fetch(request)` and
 * `new Request(request)` do the same to any subclass); what reads the native object itself (`Bun.write`, `Bun.spawn`) wants
 * its body, and one with a body is native from the beginning (`make-request.ts`).
 */
import { METHODS } from "../http/method.ts";
import type { RouteParams } from "./bun-request.ts";
import type { Exchange } from "./exchange.ts";
import {
  INSPECT,
  listMembers,
  PLACEHOLDER_URL,
  paramsOfExchange,
  RoutedRequest,
  ServerRequest,
} from "./server-request.ts";

/** A request without a body as user code sees it; `instanceof Request`. */
export class LightRequest {
  readonly #exchange: Exchange;

  /** @param exchange that of a request whose url is known and that has no body */
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
    exchange.native ??=
      exchange.route === null
        ? new ServerRequest(exchange, PLACEHOLDER_URL)
        : new RoutedRequest(exchange, PLACEHOLDER_URL);
    return exchange.native as ServerRequest;
  }

  /** The exchange of a light request, or null for any other object. */
  static exchangeOf(request: unknown): Exchange | null {
    return typeof request === "object" && request !== null && #exchange in request ? request.#exchange : null;
  }
}
/** Has members of a class's instances asked of the native request, but for those that are there without it. */
function delegate(prototype: object, names: readonly PropertyKey[]): void {
  for (const name of names) {
    if (Object.hasOwn(prototype, name)) continue;
    // All is decided by whether the native class has a method or a getter there.
    const isMethod = typeof Object.getOwnPropertyDescriptor(Request.prototype, name)?.value === "function";
    const get = function (this: LightRequest): unknown {
      return Reflect.get(LightRequest.nativeOf(this), name);
    };
    const value = function (this: LightRequest, ...given: unknown[]): unknown {
      return Reflect.apply(get.call(this) as () => unknown, LightRequest.nativeOf(this), given);
    };
    const how = isMethod || name === INSPECT ? { value, writable: true } : { get };
    Object.defineProperty(prototype, name, { ...how, enumerable: name !== INSPECT, configurable: true });
  }
}

Object.setPrototypeOf(LightRequest, Request);
Object.setPrototypeOf(LightRequest.prototype, Request.prototype);
Object.defineProperty(LightRequest, "name", { value: "Request" });
listMembers(LightRequest.prototype);
delegate(LightRequest.prototype, [...Object.getOwnPropertyNames(Request.prototype), INSPECT]);

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
Object.defineProperty(LightRoutedRequest, "name", { value: "Request" });
