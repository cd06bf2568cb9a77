/** Entry point of a dispatcher's Worker. */
import { workerData } from "node:worker_threads";
import { requestShortSlice } from "../../../ffi/scheduling.ts";
import { Dispatcher } from "../dispatcher.ts";
import type { DispatcherSettings } from "../dispatcher-settings.ts";
import { openThreadLog } from "../thread-log.ts";

requestShortSlice();
openThreadLog(workerData);
new Dispatcher(workerData as DispatcherSettings).run();
