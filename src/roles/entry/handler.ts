/** Entry point of a handler thread's Worker. */
import { workerData } from "node:worker_threads";
import { requestShortSlice } from "../../../ffi/scheduling.ts";
import { type HandlerThreadSettings, runHandlerThread } from "../handler-thread.ts";

requestShortSlice();
await runHandlerThread(workerData as HandlerThreadSettings);
