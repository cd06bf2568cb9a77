/**
 * Starts the Worker of a role and reports its end, once, with the error that ended it if there was one.
 *
 * Runs on the thread that called `serve()`. In a bundle the entry files are not where they were, and copies of them
 * would have module state of their own: there every Worker starts from the bundle itself, and finds its role in
 * `workerData.epolloEntry` (serve/bundled-thread.ts).
 */

import type { Log } from "../log/log.ts";
import { unpackRecord } from "../log/posted-record.ts";
import { hasDescriptors } from "../net/descriptors.ts";

/** The roles that have an entry point in `entry/`. */
export type ThreadEntry = "acceptor" | "dispatcher" | "handler";

/** A started thread. */
export interface Thread {
  /** Null when it could not be started: its end is reported soon. */
  readonly worker: Worker | null;
  /** Whether it has ended. */
  readonly isEnded: boolean;
}

const ENTRIES: Readonly<Record<ThreadEntry, URL>> = {
  acceptor: new URL("./entry/acceptor.ts", import.meta.url),
  dispatcher: new URL("./entry/dispatcher.ts", import.meta.url),
  handler: new URL("./entry/handler.ts", import.meta.url),
};

/** Descriptors that a thread needs to start, with some to spare: Bun ends the process when it finds none. */
const THREAD_DESCRIPTORS = 8;

let bundle: string | null = null;

/** Has all threads start from a bundle, given by its URL, that tells them apart by `workerData.epolloEntry`. */
export function startThreadsFrom(url: string): void {
  bundle = url;
}

/** Whether threads start from a bundle. */
export function isBundled(): boolean {
  return bundle !== null;
}

const handlerPreloads: string[] = [];

/** Has every thread that runs handlers and is started from now on evaluate a module, given by its URL, before anything else. */
export function preloadOnHandlerThreads(module: string): void {
  if (!handlerPreloads.includes(module)) handlerPreloads.push(module);
}

/** Workers that load their modules, and will be told later what to do; by their names. */
const prepared = new Map<string, Worker>();

/**
 * Has the Workers of a server that is about to be made load their modules meanwhile: the main thread still has to load its
 * own for that. `startThread` takes them by their names; `dropPrepared` ends those that were not taken.
 */
export function prepareThreads(threads: readonly (readonly [entry: ThreadEntry, name: string])[]): void {
  // A bundle's threads must know at once what they are, and which threads need preloads is not known here.
  if (bundle !== null || handlerPreloads.length > 0) return;
  if (!hasDescriptors(THREAD_DESCRIPTORS * threads.length)) return;
  for (const [entry, name] of threads)
    prepared.set(name, openWorker(entry, { epolloLog: { thread: name } }, []));
}

/** Ends the Workers that were prepared and not taken. */
export function dropPrepared(): void {
  for (const worker of prepared.values()) worker.terminate();
  prepared.clear();
}

function openWorker(entry: ThreadEntry, workerData: object, preload: string[]): Worker {
  return new Worker(bundle ?? ENTRIES[entry].href, {
    name: `epollo ${entry}`,
    workerData,
    ref: false,
    preload,
  } as WorkerOptions);
}

/**
 * Starts a thread, unless the process is out of descriptors. It does not keep the process alive.
 *
 * @param log of the server: gets the records of the thread's own log, `name` being its name there
 * @param settings what the thread is told (`thread-settings.ts`)
 * @param onEnd called once with the exit code and the error, null without one
 * @param onMessage called with what it posts
 */
export function startThread(
  entry: ThreadEntry,
  name: string,
  log: Log,
  settings: object,
  onEnd: (code: number, error: unknown) => void,
  onMessage?: (data: unknown) => void,
): Thread {
  const waiting = prepared.get(name);
  prepared.delete(name);
  if (waiting === undefined && !hasDescriptors(THREAD_DESCRIPTORS)) return withoutThread(onEnd);
  const runsHandlers = entry === "handler" || (settings as { hosting?: unknown }).hosting != null;
  const epolloLog = { thread: name, isPosted: log.hasHook };
  const workerData = bundle === null ? { epolloLog } : { ...settings, epolloLog, epolloEntry: entry };
  // In a bundle they are evaluated with the rest of it.
  const preload = runsHandlers && bundle === null ? handlerPreloads : [];
  const worker = waiting ?? openWorker(entry, workerData, preload);
  if (bundle === null) worker.postMessage({ ...settings, epolloLog });
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
  if (onMessage !== undefined || log.hasHook) {
    worker.addEventListener("message", (event) => {
      const record = unpackRecord(event.data);
      if (record === null) onMessage?.(event.data);
      else log.take(record);
    });
  }
  worker.unref();
  return thread;
}

/** What stands for a thread that cannot be started; its end is reported as that of any other. */
function withoutThread(onEnd: (code: number, error: unknown) => void): Thread {
  const thread = { worker: null, isEnded: false };
  setImmediate(() => {
    thread.isEnded = true;
    onEnd(1, "the process is out of descriptors (RLIMIT_NOFILE)");
  });
  return thread;
}
