/**
 * When the acceptor starts: at once where nobody else may accept, else a while after the threads that the first answer needs.
 *
 * Lives in the supervisor. On a machine with few processors the start of each thread puts off the first answer: the acceptor's by
 * 12 of 79 ms. Until it is there dispatchers accept themselves (`own-accepts.ts`); with its start it takes that duty
 * back. A server that stops before it has begun has its last clients accepted by main: one word, left by compare-and-exchange, says
 * which of the two it is.
 */
import type { Log } from "../log/log.ts";
import { hasDescriptors } from "../net/descriptors.ts";
import type { Listener } from "../net/listener.ts";
import type { Waker } from "../net/waker.ts";
import { type ControlBlock, SERVER_RUNNING } from "../shm/control-block.ts";
import { ACCEPTOR_OWNER } from "../shm/descriptor-ledger.ts";
import type * as OfAcceptor from "./acceptor.ts";
import { BoundedLog } from "./bounded-log.ts";
import type { EssentialThreads } from "./essential-threads.ts";
import type { ServerMemory } from "./server-memory.ts";

/** How long after the other threads it starts, in ms: by then they have loaded what they need, as a rule. */
const LATER_MS = 250;
/** Descriptors that it needs to start, with some to spare: without, its thread would be given up, and the server with it. */
const DESCRIPTORS = 16;

/** What it is told, but for what follows from the server. */
export interface AcceptorOptions {
  readonly memory: ServerMemory;
  readonly listener: Listener;
  readonly waker: Waker;
  readonly dispatcherWakers: readonly Waker[];
  readonly whenFull: OfAcceptor.AcceptorSettings["whenFull"];
  readonly proxies: readonly string[] | null;
  /** Whether dispatchers may accept themselves. */
  readonly isDutyShared: boolean;
  /** Of the server. */
  readonly log: Log;
}

/** Starts the acceptor of one server. */
export class AcceptorStart {
  readonly #settings: OfAcceptor.AcceptorSettings;
  readonly #control: ControlBlock;
  readonly #log: BoundedLog;
  readonly #wakeDispatchers: () => void;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(options: AcceptorOptions, control: ControlBlock) {
    const { memory, listener, whenFull, proxies, isDutyShared } = options;
    this.#control = control;
    this.#log = new BoundedLog("accept-failed", options.log);
    this.#wakeDispatchers = () => {
      for (const waker of options.dispatcherWakers) waker.wake();
    };
    this.#settings = {
      memory,
      listenerFd: listener.fd,
      isShared: listener.isShared,
      wakerFd: options.waker.fd,
      dispatcherWakerFds: options.dispatcherWakers.map((waker) => waker.fd),
      whenFull,
      proxies,
      isDutyShared,
    };
  }

  /**
   * Starts it among `threads`, now or later.
   * @param died called when it has died
   */
  begin(threads: EssentialThreads, died: () => void): void {
    const start = (): void => {
      if (this.#settings.isDutyShared && !hasDescriptors(DESCRIPTORS)) {
        this.#log.say("out of descriptors: the acceptor is started later");
        this.#wait(start);
        this.#wakeDispatchers();
        return;
      }
      threads.start({
        entry: "acceptor",
        name: "acceptor",
        owner: ACCEPTOR_OWNER,
        settings: () => this.#settings,
        isOver: () => this.#control.isAcceptorEnded,
        died: (descriptors) => {
          died();
          return descriptors;
        },
      });
    };
    if (!this.#settings.isDutyShared) {
      start();
      return;
    }
    this.#wait(start);
  }

  /** Dispatchers accept meanwhile: nobody else is there. */
  #wait(start: () => void): void {
    this.#control.letDispatchersAccept(true);
    this.#timer = setTimeout(start, LATER_MS);
    this.#timer.unref();
  }

  /** The server's state has changed: one that stops, and whose acceptor has not begun, needs none any more. */
  stateChanged(): void {
    if (this.#control.serverState === SERVER_RUNNING) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    // One whose thread is starting finds that, and ends.
    if (!this.#control.claimAcceptor()) return;
    const { Acceptor } = require("./acceptor.ts") as typeof OfAcceptor;
    try {
      new Acceptor(this.#settings).runLast();
    } catch {
      // Out of descriptors: so are those who would have been accepted.
      this.#control.endAcceptor();
    }
  }
}
