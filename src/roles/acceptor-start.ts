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
import { type ControlBlock, SERVER_RUNNING } from "../shm/control-block.ts";
import { ACCEPTOR_OWNER } from "../shm/descriptor-ledger.ts";
import type * as OfAcceptor from "./acceptor.ts";
import { BoundedLog } from "./bounded-log.ts";
import type { EssentialThreads } from "./essential-threads.ts";

/** How long after the other threads it starts, in ms: by then they have loaded what they need, as a rule. */
const LATER_MS = 250;
/** Descriptors that it needs to start, with some to spare: without, its thread would be given up, and the server with it. */
const DESCRIPTORS = 16;

/** Starts the acceptor of one server. */
export class AcceptorStart {
  readonly #settings: OfAcceptor.AcceptorSettings;
  readonly #control: ControlBlock;
  readonly #log: BoundedLog;
  #timer: ReturnType<typeof setTimeout> | null = null;

  /** @param log of the server */
  constructor(settings: OfAcceptor.AcceptorSettings, control: ControlBlock, log: Log) {
    this.#settings = settings;
    this.#control = control;
    this.#log = new BoundedLog("accept-failed", log);
  }

  /**
   * Starts it among `threads`, now or later.
   * @param wakeEveryone wakes all other threads: it has died, or dispatchers are to look again whether they accept
   */
  begin(threads: EssentialThreads, wakeEveryone: () => void): void {
    const start = (): void => {
      if (this.#settings.isDutyShared && !hasDescriptors(DESCRIPTORS)) {
        this.#log.say("out of descriptors: the acceptor is started later");
        this.#wait(start);
        wakeEveryone();
        return;
      }
      threads.start({
        entry: "acceptor",
        name: "acceptor",
        owner: ACCEPTOR_OWNER,
        settings: () => this.#settings,
        isOver: () => this.#control.isAcceptorEnded,
        died: (descriptors) => {
          wakeEveryone();
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
