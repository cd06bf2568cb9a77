/**
 * `serve()`: starts a server, or, on a handler thread, registers the handlers of the one it belongs to.
 *
 * What starts a server (`listen.ts`, `start.ts`, and with it half of the package) is loaded when one is started: every handler thread
 * loads this module, and starts none.
 */
import { handlerThreadContext, setRegistrar, type ThreadContext } from "../fetch/registration.ts";
import { installResponseNotes } from "../fetch/response-notes.ts";
import type { HTTPServer } from "../fetch/server-object.ts";
import { dropPrepared, prepareThreads } from "../roles/thread.ts";
import { needsBunVersion, sayOnce } from "./entry.ts";
import { type OptionEnvironment, readEnvironment } from "./environment.ts";
import { hotId, isHot, keepServer, nativeServe, survivingServer } from "./hot.ts";
import type * as Listen from "./listen.ts";
import { type ResolvedOptions, resolveOptions } from "./options.ts";
import { logOf, mergeOptions, registrationOf } from "./registration-of.ts";
import type * as Start from "./start.ts";

let servers = 0;

setRegistrar((exported) => serveOptions(exported));
// Before the program makes its first Response: routes may be made of some.
if (process.platform === "linux") installResponseNotes();

/**
 * Starts a server with checked options.
 *
 * @param options as given by the user; passed on as they are when Bun.serve has to serve them
 * @param environment defaults of this process
 * @param isUnaware whether the program knows nothing of epollo; then it is not told who serves
 * @throws the errors of `resolveOptions` and `openListener`
 */
export function serveOptions(
  options: unknown,
  environment: OptionEnvironment = readEnvironment(),
  isUnaware = false,
): unknown {
  const context = handlerThreadContext();
  const resolved = resolveOptions(options, environment);
  if (context !== null) return registerHere(context, resolved, options);
  const index = servers++;
  if (resolved.needsNative !== null) {
    if (environment.platform !== "linux") {
      sayOnce("native", `${resolved.needsNative}; Bun.serve is used instead`, logOf(resolved));
    } else if (!isUnaware) {
      const message = `${resolved.needsNative}: the native Bun.serve serves, on one thread`;
      sayOnce("native", message, logOf(resolved));
    }
    if (resolved.ignored.length > 0) {
      const message = `without effect, since the native Bun.serve serves (${resolved.needsNative}): ${resolved.ignored.join(", ")}`;
      sayOnce("native", message, logOf(resolved));
    }
    return nativeServe(options as Parameters<typeof Bun.serve>[0]);
  }
  needsBunVersion();
  const id = isHot ? hotIdOf(options, resolved) : "";
  if (id === "") return startServer(resolved, index);
  const survivor = survivingServer(id);
  if (survivor !== null) {
    survivor.reload(options);
    return survivor;
  }
  const server = startServer({ ...resolved, id }, index);
  keepServer(id, server);
  return server;
}

/** With `require`, for the sake of the threads that start no server. */
function startServer(resolved: ResolvedOptions, index: number): HTTPServer {
  // The threads that the first answer needs; they load their modules while this thread loads its own.
  prepareThreads([
    ...(resolved.mode === "main" || resolved.threads.min === 0 ? [] : [["handler", "handler 0"] as const]),
    ["dispatcher", "dispatcher 0"],
  ]);
  try {
    const listener = (require("./listen.ts") as typeof Listen).listenerOf(resolved);
    try {
      return (require("./start.ts") as typeof Start).startOn(listener, resolved, index, import.meta.url);
    } catch (error) {
      listener.close();
      throw error;
    }
  } finally {
    dropPrepared();
  }
}

/** The id by which a server is found again under `--hot`; "" when it is not to be. */
function hotIdOf(options: unknown, resolved: ResolvedOptions): string {
  const given = (options as { id?: unknown }).id;
  if (given === null || given === "") return "";
  return resolved.id || hotId(resolved.hostname, resolved.port, resolved.unix);
}

function registerHere(context: ThreadContext, resolved: ResolvedOptions, options: unknown): unknown {
  const isMine = context.calls++ === context.serverIndex;
  if (isMine && (resolved.fetch !== null || resolved.resolvedRoutes !== null)) {
    // Whether errors are shown is the server's to say: a module of handlers has no such option of its own.
    const { isDevelopment } = context;
    context.registration = {
      ...registrationOf({ ...resolved, isDevelopment }, context.server, context.findsRoutes),
      checkReload: (given) => void resolveOptions(mergeOptions(options as object, given), readEnvironment()),
    };
    context.onRegistered?.();
  }
  return context.server;
}
