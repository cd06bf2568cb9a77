/**
 * Starts a Worker of a stress test and watches its end.
 *
 * Runs on the test's thread. Every Worker started here ends by itself or by `terminate`; the test awaits `ended`, so no
 * thread is left behind. Knows nothing of what the Workers do.
 */
import { Worker } from "node:worker_threads";

/** A running Worker, its only message and its end. */
export interface WorkerRun<Message> {
  readonly worker: Worker;
  /** The first message. Rejects when the Worker fails or ends without one. */
  readonly message: Promise<Message>;
  /** Settles when the thread is gone. Never rejects. */
  readonly ended: Promise<void>;
}

/** Starts the entry file `name` of this folder with `workerData`. */
export function runWorker<Message>(name: string, workerData: unknown): WorkerRun<Message> {
  const worker = new Worker(new URL(name, import.meta.url), { workerData });
  const message = Promise.withResolvers<Message>();
  const ended = Promise.withResolvers<void>();
  // A Worker that is killed on purpose gives no message: not an unhandled rejection.
  message.promise.catch(() => {});
  worker.once("message", message.resolve);
  worker.once("error", message.reject);
  worker.once("exit", (code) => {
    message.reject(new Error(`${name} ended with ${code} and said nothing`));
    ended.resolve();
  });
  return { worker, message: message.promise, ended: ended.promise };
}
