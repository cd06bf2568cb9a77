/**
 * Tells which request a handler thread hangs in.
 */
import { runningRequest } from "../channel/running-request.ts";
import { threadLog } from "../log/log.ts";
import { BoundedLog } from "./bounded-log.ts";
import { pairOf, type ServerMemory } from "./server-memory.ts";

let log: BoundedLog | null = null;

/** Logs that the thread of a slot has run one handler for so long, if the request is one of this dispatcher's. */
export function reportBlocked(memory: ServerMemory, dispatcher: number, slot: number, ms: number): void {
  const request = runningRequest(pairOf(memory, dispatcher, slot));
  if (request === null) return;
  log ??= new BoundedLog("handler-blocks", threadLog());
  log.say(
    `${request.method} ${request.path} has kept handler thread ${slot} for ${(ms / 1000).toFixed(1)} s: it takes no other requests`,
  );
}
