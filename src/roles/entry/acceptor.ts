/** Entry point of the acceptor's Worker. */
import { workerData } from "node:worker_threads";
import { requestShortSlice } from "../../../ffi/scheduling.ts";
import { Acceptor, type AcceptorSettings } from "../acceptor.ts";
import { ACCEPTOR_OWNER, holdDescriptorsAs } from "../held-descriptors.ts";
import { ledgerOf } from "../server-memory.ts";
import { openThreadLog } from "../thread-log.ts";

requestShortSlice();
openThreadLog(workerData);
const settings = workerData as AcceptorSettings;
holdDescriptorsAs(ledgerOf(settings.memory), ACCEPTOR_OWNER);
new Acceptor(settings).run();
process.exit(0);
