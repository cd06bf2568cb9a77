/**
 * The handler runtime: builds the Request, calls the handler, sends what it returns.
 *
 * One module for every host: it runs on a handler thread, on the main thread, or in a dispatcher, and knows none of
 * them. What happens with values that are no Response and with errors is BUN-SERVE.md sections 8.5 and 9.
 */
import { drainMicrotasks } from "bun:jsc";
import type { TaskView } from "../channel/task-record.ts";
import { type Log, threadLog } from "../log/log.ts";
import { sendResponse, sendText } from "./answer.ts";
import { errorPage } from "./error-page.ts";
import type { Exchange } from "./exchange.ts";
import { type HandlerRequest, makeRequest } from "./make-request.ts";
import type { Registration } from "./registration.ts";
import { installRequestTakers } from "./request-takers.ts";
import { ROUTE_ANSWERED, ROUTE_FETCH, ROUTE_UNKNOWN } from "./route-target.ts";

/** Runs the handlers of one server on one thread. */
export class HandlerRuntime {
  #registration: Registration;
  /** Of the server, or of this thread. */
  readonly log: Log;
  /** Errors that reached no `error` handler, for the counters. */
  failures = 0;

  constructor(registration: Registration, log: Log = threadLog()) {
    this.log = log;
    this.#registration = registration;
    installRequestTakers();
  }

  /** Uses other handlers from the next request on. */
  replace(registration: Registration): void {
    this.#registration = registration;
  }

  /**
   * Answers one request. Returns when the handler has returned; the exchange is done then, or it is kept and done later.
   *
   * @param view the request's record; its memory may be used again after the call
   */
  run(exchange: Exchange, view: TaskView): void {
    const registration = this.#registration;
    let request: HandlerRequest | null = null;
    try {
      const route = routeOf(registration, exchange, view);
      if (route === ROUTE_ANSWERED) return;
      const handler = route === 0 ? null : registration.routes[route - 1]!;
      const run = handler === null ? registration.fetch : handler.run;
      if (run === null) {
        sendText(exchange, 404, "", "");
        return;
      }
      request = makeRequest(exchange, view, handler);
      const result = run.call(registration.server, request as unknown as Request, registration.server);
      this.#settle(exchange, request, result);
    } catch (error) {
      this.#fail(exchange, request, error);
    }
    if (!exchange.isDone) exchange.keep();
  }

  #settle(exchange: Exchange, request: HandlerRequest, result: unknown): void {
    if (result instanceof Response) {
      this.#send(exchange, request, result);
      return;
    }
    if (!(result instanceof Promise)) {
      this.#settleValue(exchange, request, result);
      return;
    }
    // Handlers that are async but wait for nothing are settled by now or after their microtasks.
    if (Bun.peek.status(result) === "pending") drainMicrotasks();
    if (Bun.peek.status(result) === "fulfilled") {
      this.#settleValue(exchange, request, Bun.peek(result));
      return;
    }
    result.then(
      (value) => this.#settleValue(exchange, request, value),
      (error) => this.#fail(exchange, request, error),
    );
  }

  #settleValue(exchange: Exchange, request: HandlerRequest, value: unknown): void {
    if (value instanceof Response) {
      this.#send(exchange, request, value);
      return;
    }
    if (exchange.isDone) return;
    if (value instanceof Error) {
      this.#fail(exchange, request, value);
      return;
    }
    const message = `Expected a Response object, but received '${Bun.inspect(value)}'`;
    this.log.error("no-response", message, placeOf(request), [[`error: ${message}`]]);
    if (this.#registration.isDevelopment) {
      sendText(
        exchange,
        200,
        "text/plain;charset=utf-8",
        "Welcome to Bun! To get started, return a Response object.",
      );
    } else sendText(exchange, 204, "", "");
  }

  #send(exchange: Exchange, request: HandlerRequest, response: Response): void {
    sendResponse(exchange, response, (error) => this.#fail(exchange, request, error));
  }

  #fail(exchange: Exchange, request: HandlerRequest | null, error: unknown): void {
    if (exchange.isDone) return;
    const handler = this.#registration.error;
    if (handler === null) {
      this.#sendFailure(exchange, request, [error]);
      return;
    }
    const giveUp = (second: unknown): void => this.#sendFailure(exchange, request, [second, error]);
    const accept = (value: unknown): void => {
      if (value instanceof Response) sendResponse(exchange, value, giveUp);
      else this.#sendFailure(exchange, request, [error]);
    };
    try {
      const result = handler.call(this.#registration.server, error);
      if (result instanceof Promise) result.then(accept, giveUp);
      else accept(result);
    } catch (second) {
      giveUp(second);
    }
  }

  #sendFailure(exchange: Exchange, request: HandlerRequest | null, errors: readonly unknown[]): void {
    this.failures++;
    const { isDevelopment } = this.#registration;
    const place = placeOf(request);
    const title = request === null ? "a request failed" : `${place.method} - ${place.path} failed`;
    const lines: unknown[][] = errors.map((error) => [error]);
    if (isDevelopment && !exchange.isDone) lines.push([title]);
    const fields =
      errors.length > 1 ? { ...place, error: errors[0], errors } : { ...place, error: errors[0] };
    this.log.error("handler-error", title, fields, lines);
    if (exchange.isDone) return;
    // The page is the server's own: what the handler had set for its answer does not belong to it.
    exchange.cookies = null;
    if (!isDevelopment) {
      sendText(exchange, 500, "text/plain", "Something went wrong!");
      return;
    }
    sendText(exchange, 500, "text/html;charset=utf-8", errorPage(title, errors));
  }
}

/** 1 + the number of the handler of a request, ROUTE_FETCH, or ROUTE_ANSWERED. */
function routeOf(registration: Registration, exchange: Exchange, view: TaskView): number {
  const { responder } = registration;
  if (responder !== null) return responder.route(exchange, view);
  if (view.route !== ROUTE_UNKNOWN) return view.route;
  return registration.lateResponder?.().route(exchange, view) ?? ROUTE_FETCH;
}

/** Which request it was, as fields of a log record. */
function placeOf(request: HandlerRequest | null): { method?: string; path?: string } {
  return request === null ? {} : { method: request.method, path: pathOf(request.url) };
}

function pathOf(url: string): string {
  return URL.parse(url)?.pathname ?? url;
}
