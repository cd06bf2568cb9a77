/** Entry point of the acceptor's Worker. */
import { requestShortSlice } from "../../../ffi/scheduling.ts";
import { Acceptor, type AcceptorSettings } from "../acceptor.ts";
import { ACCEPTOR_OWNER, holdDescriptorsAs } from "../held-descriptors.ts";
import { ledgerOf } from "../server-memory.ts";
import { openThreadLog } from "../thread-log.ts";
import { whenTold } from "../thread-settings.ts";

requestShortSlice();
whenTold((settings: AcceptorSettings) => {
  openThreadLog(settings);
  holdDescriptorsAs(ledgerOf(settings.memory), ACCEPTOR_OWNER);
  new Acceptor(settings).run();
  process.exit(0);
});
