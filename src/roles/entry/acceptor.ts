/** Entry point of the acceptor's Worker. */
import { workerData } from "node:worker_threads";
import { Acceptor, type AcceptorSettings } from "../acceptor.ts";

new Acceptor(workerData as AcceptorSettings).run();
process.exit(0);
