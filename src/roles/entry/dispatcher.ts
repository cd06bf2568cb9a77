/** Entry point of a dispatcher's Worker. */
import { workerData } from "node:worker_threads";
import { requestShortSlice } from "../../../ffi/scheduling.ts";
import { Dispatcher } from "../dispatcher.ts";
import type { DispatcherSettings } from "../dispatcher-settings.ts";
import { holdDescriptorsAs } from "../held-descriptors.ts";
import { ledgerOf } from "../server-memory.ts";
import { openThreadLog } from "../thread-log.ts";

requestShortSlice();
openThreadLog(workerData);
const settings = workerData as DispatcherSettings;
holdDescriptorsAs(ledgerOf(settings.memory), settings.index + 1);
new Dispatcher(settings).run();
