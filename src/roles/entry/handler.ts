/** Entry point of a handler thread's Worker. */
import { workerData } from "node:worker_threads";
import { requestShortSlice } from "../../../ffi/scheduling.ts";
import { type HandlerThreadSettings, runHandlerThread } from "../handler-thread.ts";
import { openThreadLog } from "../thread-log.ts";

requestShortSlice();
openThreadLog(workerData);
// Not awaited: in a bundle, what it waits for is the evaluation of which this is a part.
void runHandlerThread(workerData as HandlerThreadSettings);
