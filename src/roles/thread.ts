/**
 * Starts the Worker of a role and reports its end, once, with the error that ended it if there was one.
 *
 * Runs on the thread that called `serve()`. In a bundle the entry files are not where they were, and copies of them
 * would have module state of their own: there every Worker starts from the bundle itself, and finds its role in
 * `workerData.epolloEntry` (serve/bundled-thread.ts).
 */

/** The roles that have an entry point in `entry/`. */
export type ThreadEntry = "acceptor" | "dispatcher" | "handler";

/** A started thread. */
export interface Thread {
  readonly worker: Worker;
  /** Whether it has ended. */
  readonly isEnded: boolean;
}

const ENTRIES: Readonly<Record<ThreadEntry, URL>> = {
  acceptor: new URL("./entry/acceptor.ts", import.meta.url),
  dispatcher: new URL("./entry/dispatcher.ts", import.meta.url),
  handler: new URL("./entry/handler.ts", import.meta.url),
};

const readUrl = (): string => import.meta.url;

// In a bundle of format cjs (`--bytecode` makes such) the url is a text from the time of the build, and wrong.
const isUrlFixed = !readUrl.toString().includes("import.meta");

/** Whether epollo was bundled: this module is then in a file of another name. */
export const isBundled: boolean = isUrlFixed || !readUrl().endsWith("/src/roles/thread.ts");

const bundle = isUrlFixed ? Bun.main : readUrl();

const handlerPreloads: string[] = [];

/** Has every handler thread that is started from now on evaluate a module, given by its URL, before anything else. */
export function preloadOnHandlerThreads(module: string): void {
  if (!handlerPreloads.includes(module)) handlerPreloads.push(module);
}

/**
 * Starts a thread. It does not keep the process alive.
 *
 * @param settings what the thread finds in `workerData`
 * @param onEnd called once with the exit code and the error, null without one
 * @param onMessage called with what it posts
 */
export function startThread(
  entry: ThreadEntry,
  settings: object,
  onEnd: (code: number, error: unknown) => void,
  onMessage?: (data: unknown) => void,
): Thread {
  const worker = new Worker(isBundled ? bundle : ENTRIES[entry].href, {
    name: `epollo ${entry}`,
    workerData: isBundled ? { ...settings, epolloEntry: entry } : settings,
    ref: false,
    // In a bundle they are evaluated with the rest of it.
    preload: entry === "handler" && !isBundled ? handlerPreloads : [],
  } as WorkerOptions);
  const thread = { worker, isEnded: false };
  let failure: unknown = null;
  worker.addEventListener("error", (event) => {
    event.preventDefault?.();
    failure = (event as ErrorEvent).error ?? (event as ErrorEvent).message;
  });
  worker.addEventListener("close", (event) => {
    if (thread.isEnded) return;
    thread.isEnded = true;
    onEnd((event as unknown as { code: number }).code, failure);
  });
  if (onMessage !== undefined) worker.addEventListener("message", (event) => onMessage(event.data));
  worker.unref();
  return thread;
}
