/** Entry point of a handler thread's Worker. */
import { workerData } from "node:worker_threads";
import { type HandlerThreadSettings, runHandlerThread } from "../handler-thread.ts";

await runHandlerThread(workerData as HandlerThreadSettings);
