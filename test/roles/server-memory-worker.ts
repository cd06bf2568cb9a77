/** Writes into the memory of a server that is posted to it, and says how much memory counts as this thread's own then. */
import { heapStats } from "bun:jsc";
import {
  controlOf,
  handlerCounters,
  incomingOf,
  pairOf,
  type ServerMemory,
} from "../../src/roles/server-memory.ts";

declare const self: Worker;

self.addEventListener("message", (event) => {
  const memory = (event as MessageEvent<ServerMemory>).data;
  controlOf(memory).setClients(1, 11);
  handlerCounters(memory, 1)[0] = 22;
  incomingOf(memory).push(33, Int32Array.of(1, 2, 3, 4, 5), 0);
  const pair = pairOf(memory, 1, 1);
  new Uint8Array(pair.buffer, pair.byteOffset)[0] = 44;
  pair.blocks!()[5] = 55;
  self.postMessage(heapStats().extraMemorySize);
});
