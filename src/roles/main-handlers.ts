/**
 * The handlers of the thread that called `serve()`, for main mode and for a program that registers none on handler threads: the
 * same loop as on a handler thread, in the last slot.
 */
import { borrowShortSlice } from "../../ffi/scheduling.ts";
import type { Registration } from "../fetch/registration.ts";
import { installResponseNotes } from "../fetch/response-notes.ts";
import { HandlerRuntime } from "../fetch/runtime.ts";
import type { Log } from "../log/log.ts";
import type { Waker } from "../net/waker.ts";
import { HANDLER_EMPTY, HANDLER_READY, HANDLER_STARTING } from "../shm/control-block.ts";
import { HandlerLoop } from "./handler-loop.ts";
import { linkHandlers } from "./handler-thread.ts";
import { controlOf, handlerCounters, type ServerMemory } from "./server-memory.ts";

/** Runs handlers on this thread. */
export class MainHandlers {
  readonly #runtime: HandlerRuntime;
  readonly #loop: HandlerLoop;
  readonly #giveSliceBack: (() => void) | null;

  /** Starts to take requests once the caller is back in its event loop. */
  constructor(registration: Registration, memory: ServerMemory, wakers: readonly Waker[], log: Log) {
    installResponseNotes();
    const control = controlOf(memory);
    const slot = memory.handlerCount - 1;
    control.resetHandler(slot, 0.05);
    const fds = wakers.map((waker) => waker.fd);
    const links = linkHandlers(memory, control, slot, fds);
    const counters = handlerCounters(memory, slot);
    this.#runtime = new HandlerRuntime(registration, log);
    this.#loop = new HandlerLoop(control, slot, links, this.#runtime, counters, () => {});
    // This thread and the dispatchers give each other the processor (yielding-wait.ts).
    this.#giveSliceBack = borrowShortSlice();
    control.moveHandler(slot, HANDLER_EMPTY, HANDLER_STARTING);
    control.moveHandler(slot, HANDLER_STARTING, HANDLER_READY);
    for (const waker of wakers) waker.wake();
    // Not from inside serve(): a request must not be answered before serve() has returned.
    setImmediate(() => this.#loop.start());
  }

  /** Uses other handlers from the next request on. */
  replace(registration: Registration): void {
    this.#runtime.replace(registration);
  }

  /** Stops for good. */
  stop(): void {
    this.#loop.stop();
    this.#giveSliceBack?.();
  }
}
