/**
 * The threads that a server cannot do without, acceptor and dispatchers: started, and started again should one of them end
 * without having been asked to.
 *
 * Lives in the supervisor. What such a thread held is closed: descriptors belong to the process, not to its threads. Only when
 * a thread ends again and again, soon after its start, is it given up, and the server with it.
 */
import type { Log } from "../log/log.ts";
import { resetSocket } from "../net/stream-socket.ts";
import type { DescriptorLedger } from "../shm/descriptor-ledger.ts";
import { startThread, type Thread, type ThreadEntry } from "./thread.ts";

/** A thread that ends before this, in ms, was started in vain. */
const SHORT_LIFE_MS = 1000;
/** So many of those in a row, and it is given up. */
const SHORT_LIVES = 3;

/** One of the threads. */
export interface EssentialThread {
  readonly entry: ThreadEntry;
  /** As messages name it: "dispatcher 0". */
  readonly name: string;
  /** Its number in the ledger of descriptors. */
  readonly owner: number;
  /** What it is told when it starts. */
  settings(isSuccessor: boolean): object;
  /** Whether it has said itself that it ends, or may end now. */
  isOver(): boolean;
  /** It has ended otherwise, and held these descriptors; those that it gives back are closed then. */
  died(descriptors: readonly number[]): readonly number[];
}

/** What happens to them. */
export interface EssentialOwner {
  /** A thread has ended for good, as expected. */
  ended(thread: EssentialThread): void;
  /** A thread has been given up. */
  lost(thread: EssentialThread, code: number, error: unknown): void;
}

interface Running {
  readonly thread: EssentialThread;
  worker: Thread;
  startedMs: number;
  shortLives: number;
}

/** Keeps the essential threads of one server. */
export class EssentialThreads {
  readonly #owner: EssentialOwner;
  readonly #log: Log;
  readonly #ledger: DescriptorLedger;
  readonly #running: Running[] = [];
  /** How often one was started again. */
  restarts = 0;

  constructor(owner: EssentialOwner, log: Log, ledger: DescriptorLedger) {
    this.#owner = owner;
    this.#log = log;
    this.#ledger = ledger;
  }

  /** Whether all that were started have ended for good. */
  get areEnded(): boolean {
    return this.#running.every(({ worker }) => worker.isEnded);
  }

  /** Starts a thread, and starts it again when it ends unasked. */
  start(thread: EssentialThread): void {
    const running: Running = { thread, worker: NOT_STARTED, startedMs: 0, shortLives: 0 };
    this.#running.push(running);
    this.#run(running, false);
  }

  /** Ends a thread that runs JavaScript and does nothing else any more; it is started again. */
  terminate(owner: number): void {
    this.#running.find(({ thread }) => thread.owner === owner)?.worker.worker?.terminate();
  }

  #run(running: Running, isSuccessor: boolean): void {
    const { thread } = running;
    running.startedMs = performance.now();
    running.worker = startThread(
      thread.entry,
      thread.name,
      this.#log,
      thread.settings(isSuccessor),
      (code, error) => this.#ended(running, code, error),
    );
  }

  #ended(running: Running, code: number, error: unknown): void {
    const { thread } = running;
    if (thread.isOver()) {
      this.#owner.ended(thread);
      return;
    }
    const descriptors = this.#ledger.takeAll(thread.owner);
    // A reset, so that nobody takes part of an answer for the whole.
    for (const fd of thread.died(descriptors)) resetSocket(fd);
    const isShort = performance.now() - running.startedMs < SHORT_LIFE_MS;
    running.shortLives = isShort ? running.shortLives + 1 : 0;
    if (running.shortLives >= SHORT_LIVES) {
      this.#owner.lost(thread, code, error);
      return;
    }
    this.restarts++;
    const message = `${thread.name} has ended unexpectedly (code ${code}); its clients are closed, and it is started again`;
    this.#log.error("thread-restarted", message, { error, code, descriptors: descriptors.length });
    this.#run(running, true);
  }
}

const NOT_STARTED = { isEnded: true } as unknown as Thread;
