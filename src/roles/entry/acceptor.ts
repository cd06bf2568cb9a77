/** Entry point of the acceptor's Worker. */
import { workerData } from "node:worker_threads";
import { requestShortSlice } from "../../../ffi/scheduling.ts";
import { Acceptor, type AcceptorSettings } from "../acceptor.ts";

requestShortSlice();
new Acceptor(workerData as AcceptorSettings).run();
process.exit(0);
