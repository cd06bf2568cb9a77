/**
 * Keeps one request's mistake from becoming the others': what happens on a handler thread when user code throws outside
 * of a request or asks the process to exit.
 *
 * Left alone, both end the Worker at once, and with it every other request that is open there. Here the thread stops
 * taking tasks instead, lets what is open finish for GRACE_MS, and only then ends; the supervisor starts another. A
 * dispatcher that hosts handlers stays and runs none any more.
 */
import { threadLog } from "../log/log.ts";

/** Time for open requests to finish, in ms. */
export const GRACE_MS = 5000;

/** Thrown to unwind a handler that called `process.exit`; it must not be caught. */
export class ThreadExit extends Error {
  constructor(code: number) {
    super(`process.exit(${code}) was called on a handler thread: only this thread ends`);
    this.name = "ThreadExit";
  }
}

/** What the guard does to the thread. */
export interface GuardedThread {
  /** Takes no further tasks, and ends when nothing is open unless it is kept. Called once. */
  retire(): void;
  /** Whether the thread goes on without handlers: a dispatcher that hosted some. */
  readonly isKept?: boolean;
}

const endThread = process.exit.bind(process);

/** Ends this thread now. */
export function exitThread(code: number): never {
  return endThread(code);
}

/** Watches this thread from now on. */
export function guardThread(thread: GuardedThread): void {
  let isEnding = false;
  const end = (code: number): void => {
    if (isEnding) return;
    isEnding = true;
    thread.retire();
    if (thread.isKept !== true) setTimeout(() => exitThread(code), GRACE_MS);
  };
  const onError = (error: unknown): void => {
    if (error instanceof ThreadExit) return;
    const message =
      thread.isKept === true
        ? "this error was thrown outside of a request; its dispatcher leaves requests to handler threads from now on"
        : "this error was thrown outside of a request; its handler thread is replaced";
    threadLog().error("thread-error", message, { error }, [[error], [`epollo: ${message}`]]);
    end(1);
  };
  process.on("uncaughtException", onError);
  process.on("unhandledRejection", onError);
  process.exit = (code?: number | string | null): never => {
    const status = Number(code ?? process.exitCode ?? 0);
    end(status);
    throw new ThreadExit(status);
  };
}
