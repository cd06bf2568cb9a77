/** A dispatcher that closes its idle clients when it is woken: the other thread of close-idle.test.ts. */
import { parentPort, workerData } from "node:worker_threads";
import { Poller } from "../../src/net/poller.ts";
import { ControlBlock } from "../../src/shm/control-block.ts";

const { memory, count, index, clients, wakerFd } = workerData as {
  memory: SharedArrayBuffer;
  count: number;
  index: number;
  clients: number;
  wakerFd: number;
};
const control = new ControlBlock(memory, count, 1);
const poller = new Poller();
poller.registerReadable(wakerFd, 0, 0);
parentPort?.postMessage("waiting");
// Woken by nothing but the eventfd: one that is not woken answers too late.
if (!control.isCloseIdleRequested(index)) poller.wait(5000);
if (control.isCloseIdleRequested(index)) control.answerCloseIdle(index, clients);
poller.close();
