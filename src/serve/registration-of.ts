/**
 * What `serve()` and `reload()` are given, as what a thread runs: used by the thread that starts a server and by those that run
 * its handlers.
 */
import type { Registration } from "../fetch/registration.ts";
import type * as Responders from "../fetch/route-responder.ts";
import { Log, threadLog } from "../log/log.ts";
import type * as FileAccesses from "../roles/file-access.ts";
import type { ResolvedOptions } from "./options.ts";
import { type ResolvedRoutes, sentEntries } from "./routes.ts";

/**
 * The handlers of one `serve()` call on this thread.
 *
 * @param findsRoutes whether routes are found here and not by the dispatchers
 */
export function registrationOf(
  resolved: ResolvedOptions,
  server: object,
  findsRoutes: boolean,
): Registration {
  const routes = resolved.resolvedRoutes;
  let late: Responders.RouteResponder | null = null;
  return {
    fetch: resolved.fetch,
    error: resolved.error,
    isDevelopment: resolved.isDevelopment,
    server,
    routes: routes?.handlers ?? [],
    responder: routes === null || !findsRoutes ? null : responderOf(routes),
    ...(routes === null
      ? {}
      : {
          lateResponder: () => {
            late ??= responderOf(routes);
            return late;
          },
        }),
  };
}

/** With `require`, since mostly dispatchers find the routes, and then handler threads start sooner without. */
function responderOf(routes: ResolvedRoutes): Responders.RouteResponder {
  const { RouteResponder } = require("../fetch/route-responder.ts") as typeof Responders;
  const { fileAccess } = require("../roles/file-access.ts") as typeof FileAccesses;
  return new RouteResponder(sentEntries(routes), fileAccess);
}

/** What `reload()` is given, over what the server has; as it is when it is no object. */
export function mergeOptions(current: object, given: unknown): unknown {
  const isObject = (typeof given === "object" || typeof given === "function") && given !== null;
  return isObject ? { ...current, ...given } : given;
}

/** Where a server, or what stands for it, says what it has to say. */
export function logOf({ observe }: ResolvedOptions): Log {
  return observe.log === null ? threadLog() : new Log("main", observe.log);
}
