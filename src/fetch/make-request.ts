/**
 * Makes the Request of an exchange: a light one for GET, else a native one.
 *
 * Lives on the thread that runs the handler.
 */
import { TASK_HAS_BODY, TASK_STREAMS_BODY, type TaskView } from "../channel/task-record.ts";
import { METHODS } from "../http/method.ts";
import type { Exchange } from "./exchange.ts";
import { IncomingBody } from "./incoming-body.ts";
import { LightRequest, LightRoutedRequest } from "./light-request.ts";
import type { RouteHandler } from "./registration.ts";
import { requestUrl, URL_KNOWN, URL_TO_PARSE } from "./request-url.ts";
import { nativeRequestOf, PLACEHOLDER_URL, ServerRequest } from "./server-request.ts";

const METHOD_GET = METHODS.indexOf("GET");
const METHOD_HEAD = METHODS.indexOf("HEAD");

/** A request as user code sees it: a light one has the same members. */
export type HandlerRequest = ServerRequest;

/** The exchange of a request, or null for any other object. */
export function exchangeOf(request: unknown): Exchange | null {
  return LightRequest.exchangeOf(request) ?? ServerRequest.exchangeOf(request);
}

/** Makes the Request of an exchange whose record `view` points at. */
export function makeRequest(
  exchange: Exchange,
  view: TaskView,
  route: RouteHandler | null = null,
): HandlerRequest {
  const { method } = view;
  const { kind, text, target } = requestUrl(view);
  exchange.method = method;
  exchange.route = route;
  if (route !== null) exchange.target = target;
  const init = bodyInit(exchange, view, method);
  if (kind === URL_TO_PARSE) {
    try {
      return nativeRequestOf(exchange, text, init);
    } catch {
      // Not a url after all: the target is shown as it came.
    }
  }
  // Bun does not ask a Request of another class for its method in `new Request(request, init)`: one of GET need not be asked.
  if (kind === URL_KNOWN && method === METHOD_GET) {
    exchange.url = text;
    const light = route === null ? new LightRequest(exchange) : new LightRoutedRequest(exchange);
    return light as unknown as HandlerRequest;
  }
  exchange.isUrlOdd = kind !== URL_KNOWN;
  exchange.url = kind === URL_KNOWN ? text : target;
  return nativeRequestOf(exchange, PLACEHOLDER_URL, init);
}

function bodyInit(exchange: Exchange, view: TaskView, method: number): RequestInit | undefined {
  if (method === METHOD_GET || method === METHOD_HEAD || exchange.body !== null) return undefined;
  if ((view.flags & TASK_STREAMS_BODY) !== 0) {
    exchange.body = new IncomingBody(exchange.host.sink, exchange.entry, exchange.serial, view.contentLength);
    return undefined;
  }
  const length = view.bodyBytes;
  if (length === 0) {
    // A chunked body that turned out empty is still a body.
    return (view.flags & TASK_HAS_BODY) === 0 ? undefined : { method: "POST", body: new Blob([]).stream() };
  }
  const bytes = new Uint8Array(length);
  view.bytes.copy(bytes, 0, view.bodyStart, view.bodyStart + length);
  return { method: "POST", body: bytes };
}
