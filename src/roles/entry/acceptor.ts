/** Entry point of the acceptor's Worker. */
import { workerData } from "node:worker_threads";
import { requestShortSlice } from "../../../ffi/scheduling.ts";
import { Acceptor, type AcceptorSettings } from "../acceptor.ts";
import { openThreadLog } from "../thread-log.ts";

requestShortSlice();
openThreadLog(workerData);
new Acceptor(workerData as AcceptorSettings).run();
process.exit(0);
