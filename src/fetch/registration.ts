/**
 * What user code gave to `serve()`: the functions that answer requests. It stays on the thread that called it.
 *
 * A handler thread evaluates the program's entry module again; there the `serve()` call that its server was made by, the
 * n-th, registers its functions here instead of listening. The handler role reads them when the module has run.
 */

import type { RouteResponder } from "./route-responder.ts";

/** The handler of `fetch`. */
export type FetchHandler = (this: unknown, request: Request, server: unknown) => unknown;

/** The handler of `error`. */
export type ErrorHandler = (this: unknown, error: unknown) => unknown;

/** A function that answers a route. */
export interface RouteHandler {
  /** Called with the request and the server, the server being `this`. */
  readonly run: FetchHandler;
  /** Names of the route's parameters, as `paramsOf` of bun-request.ts takes them. */
  readonly names: readonly string[];
  /** Which segments of the path are parameters. */
  readonly segments: readonly number[];
}

/** The functions one server runs on this thread. */
export interface Registration {
  /** Answers requests that no route takes; null: they get 404. */
  readonly fetch: FetchHandler | null;
  /** The functions of `routes`, by number. */
  readonly routes: readonly RouteHandler[];
  /** Finds routes on this thread; null where the dispatchers do, or there are none. */
  readonly responder: RouteResponder | null;
  /** The same for requests that come without a route although there are some: the dispatchers know others since a reload. */
  readonly lateResponder?: () => RouteResponder;
  /** Answers in place of a handler that failed. */
  readonly error: ErrorHandler | null;
  /** Whether errors are shown to clients. */
  readonly isDevelopment: boolean;
  /** `this` and second argument of the handlers. */
  readonly server: object;
  /** Throws for what `server.reload()` does not take; for threads that reload by loading the module anew. */
  readonly checkReload?: (options: unknown) => void;
}

/** What a handler thread expects of the module it evaluates. */
export interface ThreadContext {
  /** Which `serve()` call, counted from 0, is the one of this thread's server. */
  readonly serverIndex: number;
  /** The server as this thread sees it. */
  readonly server: object;
  /** Whether errors are shown to clients. */
  readonly isDevelopment: boolean;
  /** Whether routes are found on this thread, because the dispatchers do not know them. */
  readonly findsRoutes: boolean;
  /** `serve()` calls so far. */
  calls: number;
  /** What the expected call gave, once it was made. */
  registration: Registration | null;
  /** Called when it is made. */
  onRegistered: (() => void) | null;
}

let context: ThreadContext | null = null;

/** Says that this thread is a handler thread; before user code is loaded. */
export function enterHandlerThread(threadContext: ThreadContext): void {
  context = threadContext;
}

/** This thread's context, or null when it is no handler thread. */
export function handlerThreadContext(): ThreadContext | null {
  return context;
}

let registrar: ((exported: unknown) => void) | null = null;

/**
 * Says how a default export of options is registered on a handler thread: as a `serve()` call would. Set by the module
 * that has `serve()`, when it is loaded.
 */
export function setRegistrar(register: (exported: unknown) => void): void {
  registrar = register;
}

/**
 * Registers a default export, which a module of handlers has, or a program that Bun serves by itself.
 *
 * @throws TypeError when it holds no options that `serve()` takes
 */
export function registerExport(exported: unknown): void {
  try {
    registrar?.(exported);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TypeError(`a module of handlers must export the options of serve() by default: ${reason}`, {
      cause: error,
    });
  }
}

/** Whether `setRegistrar` was called on this thread. */
export function hasRegistrar(): boolean {
  return registrar !== null;
}
