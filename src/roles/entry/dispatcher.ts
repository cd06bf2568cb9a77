/** Entry point of a dispatcher's Worker. */
import { requestShortSlice } from "../../../ffi/scheduling.ts";
import { Dispatcher } from "../dispatcher.ts";
import type { DispatcherSettings } from "../dispatcher-settings.ts";
import { holdDescriptorsAs } from "../held-descriptors.ts";
import { ledgerOf } from "../server-memory.ts";
import { openThreadLog } from "../thread-log.ts";
import { whenTold } from "../thread-settings.ts";

requestShortSlice();
whenTold((settings: DispatcherSettings) => {
  openThreadLog(settings);
  holdDescriptorsAs(ledgerOf(settings.memory), settings.index + 1);
  new Dispatcher(settings).run();
});
