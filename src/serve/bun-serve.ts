/**
 * Puts epollo in the place of `Bun.serve`.
 *
 * Runs on the main thread before the program, and again on each handler thread, where Bun.serve is the native one at
 * first: a program evaluated there must register its handlers, not listen. `Bun.serve` is writable (BUN-SERVE.md section
 * 2.1), and every way to import it looks at the `Bun` object, so one assignment is enough.
 */
import { handlerThreadContext } from "../fetch/registration.ts";
import { installResponseNotes } from "../fetch/response-notes.ts";
import { preloadOnHandlerThreads } from "../roles/thread.ts";
import "./bundled-thread.ts";
import { readAutoOptions } from "./auto-options.ts";
import { atCaller } from "./caller.ts";
import { type OptionEnvironment, readEnvironment } from "./environment.ts";
import { nativeServe } from "./hot.ts";
import { serveOptions } from "./serve.ts";

/**
 * Replaces `Bun.serve` on this thread, and on the handler threads that this thread's servers will have.
 *
 * @param module URL of the module whose evaluation calls this: handler threads evaluate it first
 * @throws the errors of `readAutoOptions`
 */
export function replaceBunServe(module: string): void {
  const surroundings = readEnvironment();
  const environment: OptionEnvironment = {
    ...surroundings,
    ...readAutoOptions(process.env, surroundings.host),
  };
  preloadOnHandlerThreads(module);
  // Before the program: what takes hold of `Response` while it is loaded gets the one that notes streams.
  if (surroundings.platform === "linux") installResponseNotes();

  // Bun's has this name and takes one parameter.
  function serve(options: unknown): unknown {
    if (!isNodeServer(options)) {
      try {
        return serveOptions(options, environment, true);
      } catch (error) {
        throw atCaller(error, serve);
      }
    }
    return handlerThreadContext() === null ? nativeServe(options) : standInForNodeServer(options);
  }
  Bun.serve = serve as typeof Bun.serve;
}

type NativeOptions = Parameters<typeof Bun.serve>[0];

/** Whether the options come from node:http, which has a server of its own kind behind Bun.serve. */
function isNodeServer(options: unknown): options is NativeOptions {
  return typeof (options as { onNodeHTTPRequest?: unknown } | null)?.onNodeHTTPRequest === "function";
}

/**
 * Gives node:http the native server that it insists on, and lets it listen for no longer than it takes to say so: the
 * program's server listens on the main thread, and its port is taken when the program is evaluated again.
 */
function standInForNodeServer(options: NativeOptions): unknown {
  const standIn = nativeServe({
    ...options,
    hostname: "127.0.0.1",
    port: 0,
    unix: undefined,
  } as NativeOptions);
  standIn.unref();
  setImmediate(() => standIn.stop(true));
  return standIn;
}
