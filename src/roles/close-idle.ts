/**
 * `closeIdleConnections()`: asks all dispatchers to close the clients that have no request, and waits for their answers.
 *
 * Runs on any thread that has a Server object. It blocks for as long as a turn of a dispatcher takes, since the method
 * returns a number.
 */
import type { Waker } from "../net/waker.ts";
import { type ControlBlock, DISPATCHER_ENDED } from "../shm/control-block.ts";

/** How long a dispatcher may take, in ms. */
const TIMEOUT_MS = 250;

/** The idle clients of the calling thread itself, where that is a dispatcher: it cannot wait for its own answer. */
export interface OwnIdle {
  /** Index of the dispatcher. */
  readonly index: number;
  /** Closes them; gives how many there were. */
  close(): number;
}

/**
 * Closes the idle clients of all dispatchers; gives how many there were.
 *
 * @param timeoutMs how long each dispatcher may take; one that takes longer is not counted
 */
export function closeIdleClients(
  control: ControlBlock,
  dispatcherWakers: readonly Waker[],
  own: OwnIdle | null = null,
  timeoutMs: number = TIMEOUT_MS,
): number {
  dispatcherWakers.forEach((waker, index) => {
    if (index === own?.index) return;
    control.requestCloseIdle(index);
    waker.wake();
  });
  let count = own === null ? 0 : own.close();
  for (let index = 0; index < dispatcherWakers.length; index++) {
    if (index !== own?.index && control.dispatcherState(index) !== DISPATCHER_ENDED)
      count += control.awaitCloseIdle(index, timeoutMs);
  }
  return count;
}
