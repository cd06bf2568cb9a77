/** Dispatchers that close idle clients when they are asked: `counts[index]` of them each. */
import { workerData } from "node:worker_threads";
import { ControlBlock } from "../../src/shm/control-block.ts";

const { memory, counts } = workerData as { memory: SharedArrayBuffer; counts: readonly number[] };
const control = new ControlBlock(memory, counts.length, 1);
const look = setInterval(() => {
  for (const [index, count] of counts.entries()) {
    if (count >= 0 && control.isCloseIdleRequested(index)) control.answerCloseIdle(index, count);
  }
}, 1);
look.ref();
postMessage("ready");
