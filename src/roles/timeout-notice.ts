/**
 * The line that a program in development gets when a request of its has timed out for the first time: who did not ask for a
 * time-out may not know that there is one.
 *
 * Owned by a dispatcher; of all dispatchers of a server one prints it, once.
 */
import { threadLog } from "../log/log.ts";
import type { ControlBlock } from "../shm/control-block.ts";
import type { Client } from "./client.ts";

/** Says that a request has timed out. */
export class TimeoutNotice {
  readonly #control: ControlBlock;
  readonly #seconds: number;
  #isWanted: boolean;

  /**
   * @param isWanted whether the program is in development and gave no `idleTimeout`
   * @param idleTimeoutMs the time-out that applies then
   */
  constructor(control: ControlBlock, isWanted: boolean, idleTimeoutMs: number) {
    this.#control = control;
    this.#isWanted = isWanted;
    this.#seconds = idleTimeoutMs / 1000;
  }

  /** A client's deadline has passed; prints the line where that is the time-out of a request whose handler is at work. */
  tell(client: Client): void {
    if (!this.#isWanted || client.idleTimeoutMs >= 0) return;
    // One whose body is to come, or who does not read, is slow itself.
    if (client.tasks.length === 0 || client.arriving !== null || client.blockedSinceMs >= 0) return;
    this.#isWanted = false;
    if (!this.#control.isFirstTimeout()) return;
    threadLog().warn(
      "request-timed-out",
      `a request timed out after ${this.#seconds} seconds. Pass \`idleTimeout\` to serve(), or call server.timeout(), to change that.`,
      { seconds: this.#seconds },
    );
  }
}
