/**
 * Tells which request a handler thread hangs in. A line for each run that takes so long, so a thread has no more than one in that time.
 */
import { type RunningRequest, runningRequest } from "../channel/running-request.ts";
import { threadLog } from "../log/log.ts";
import type { ControlBlock } from "../shm/control-block.ts";
import { pairOf, type ServerMemory } from "./server-memory.ts";

/** How a log names what keeps a thread when that is no call of a handler. */
export const OUTSIDE = "code outside of a handler's call (after an await, in a timer)";

/** The request that the thread of a slot runs without a pause, whichever dispatcher gave it; null when it runs none. */
export function requestOnThread(
  memory: ServerMemory,
  control: ControlBlock,
  slot: number,
): RunningRequest | null {
  if (!control.isRunning(slot)) return null;
  for (let index = 0; index < memory.dispatcherCount; index++) {
    const request = runningRequest(pairOf(memory, index, slot));
    if (request !== null) return request;
  }
  return null;
}

/** Names a request, or what keeps a thread that runs none. */
export function nameOf(request: RunningRequest | null): string {
  return request === null ? OUTSIDE : `${request.method} ${request.path}`;
}

/** What a `HandlerWatch` reports to. */
export function blockedReports(memory: ServerMemory, dispatcher: number): BlockedReports {
  const say = (request: RunningRequest | null, slot: number, ms: number): void => {
    const thread = slot < memory.handlerCount - 1 ? `handler thread ${slot}` : "the main thread";
    const message = `${nameOf(request)} has kept ${thread} for ${(ms / 1000).toFixed(1)} s: it takes no other requests`;
    threadLog().error("handler-blocks", message, { slot, ms, ...request });
  };
  return {
    blocks: (slot, ms) => {
      const request = runningRequest(pairOf(memory, dispatcher, slot));
      // Another dispatcher's, which tells of it.
      if (request !== null) say(request, slot, ms);
    },
    isSilent: (slot, ms) => say(null, slot, ms),
  };
}

/** The part of `WatchOwner` that logs. */
export interface BlockedReports {
  /** The thread of a slot has run one handler for so long. */
  blocks(slot: number, ms: number): void;
  /** The thread of a slot has read nothing for so long, and runs no handler. */
  isSilent(slot: number, ms: number): void;
}
