/** Entry point of a dispatcher's Worker. */
import { workerData } from "node:worker_threads";
import { Dispatcher, type DispatcherSettings } from "../dispatcher.ts";

new Dispatcher(workerData as DispatcherSettings).run();
process.exit(0);
