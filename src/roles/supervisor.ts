/**
 * The supervisor: starts, watches and ends the threads of one server. It lives on the thread that called `serve()`, on
 * its event loop, and is never on a request's path.
 *
 * Acceptor and dispatchers block in `epoll_wait` and cannot be terminated: they are told through the control block and
 * their eventfds, and end by themselves. Handler threads come and go (`handler-pool.ts`).
 */
import type { Registration } from "../fetch/registration.ts";
import type { Log } from "../log/log.ts";
import type { Listener } from "../net/listener.ts";
import { Waker } from "../net/waker.ts";
import {
  type ControlBlock,
  DISPATCHER_DRAINED,
  DISPATCHER_ENDED,
  HANDLER_READY,
  SERVER_CLOSED,
  SERVER_DRAINING,
  SERVER_FINISHING,
  SERVER_RUNNING,
} from "../shm/control-block.ts";
import { PoolCounter } from "../shm/counters.ts";
import type { Parker } from "../shm/parker.ts";
import type { AcceptorSettings } from "./acceptor.ts";
import { AcceptorStart } from "./acceptor-start.ts";
import { closeIdleClients } from "./close-idle.ts";
import { buryDispatcher } from "./dead-dispatcher.ts";
import type { DispatcherOptions, DispatcherSettings } from "./dispatcher-settings.ts";
import { type DispatcherWatch, watchDispatchers } from "./dispatcher-watch.ts";
import { type EssentialThread, EssentialThreads } from "./essential-threads.ts";
import { HandlerPool, type HandlerPoolSettings } from "./handler-pool.ts";
import { Keepalive } from "./keepalive.ts";
import type * as OnMain from "./main-handlers.ts";
import { type OwnAcceptSettings, ownAccepts } from "./own-accepts.ts";
import { acceptedCount, controlOf, ledgerOf, poolCounters, type ServerMemory } from "./server-memory.ts";
import { StopSequence } from "./stop-sequence.ts";
import { isBundled } from "./thread.ts";

/** What a supervisor needs to know. */
export interface SupervisorSettings {
  /** Of this server. */
  readonly log: Log;
  readonly memory: ServerMemory;
  readonly listener: Listener;
  /** Milliseconds between the server's turning unready and its stop. */
  readonly unreadyMs: number;
  /** What happens to connections past the limit. */
  readonly whenFull: AcceptorSettings["whenFull"];
  /** Options of the dispatchers, but for what the supervisor fills in itself. */
  readonly dispatcher: DispatcherOptions;
  /** Handler threads, or null for main mode. */
  readonly pool: Omit<
    HandlerPoolSettings,
    "memory" | "control" | "log" | "dispatcherWakers" | "onUnregistered"
  > | null;
  /** The handlers of this thread: for main mode, and for a module that turns out not to register any. */
  registration: Registration | null;
}

/** How long a dispatcher may hang in a handler or its module, in ms, where the options allow more: by then its clients would have timed out. */
const INLINE_LIMIT_MS = 10_000;

/** Runs one server. */
export class Supervisor {
  readonly #settings: SupervisorSettings;
  readonly #control: ControlBlock;
  readonly #parker: Parker;
  readonly #acceptorWaker: Waker = Waker.create();
  readonly #dispatcherWakers: Waker[] = [];
  readonly #threads: EssentialThreads;
  #watchOfDispatchers: DispatcherWatch | null = null;
  readonly #pool: HandlerPool | null;
  readonly #sequence: StopSequence;
  #onMain: OnMain.MainHandlers | null = null;
  readonly #keepalive: Keepalive = new Keepalive();
  readonly #ended: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #ready: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #stopping: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #ownAccepts: OwnAcceptSettings | null;
  readonly #acceptor: AcceptorStart;
  #isReady = false;
  #isStopping = false;
  #isEnded = false;

  constructor(settings: SupervisorSettings) {
    this.#settings = settings;
    this.#ownAccepts = ownAccepts(settings.listener, settings.memory, this.#acceptorWaker.fd);
    this.#control = controlOf(settings.memory);
    this.#parker = this.#control.supervisorParker();
    const owner = {
      ended: (thread: EssentialThread) => this.#threadEnded(thread),
      lost: (thread: EssentialThread, code: number, error: unknown) => this.#lost(thread, code, error),
    };
    this.#threads = new EssentialThreads(owner, settings.log, ledgerOf(settings.memory));
    try {
      for (let i = 0; i < settings.memory.dispatcherCount; i++) this.#dispatcherWakers.push(Waker.create());
    } catch (error) {
      this.#closeWakers();
      throw error;
    }
    this.#acceptor = new AcceptorStart(
      {
        memory: settings.memory,
        listenerFd: settings.listener.fd,
        isShared: settings.listener.isShared,
        wakerFd: this.#acceptorWaker.fd,
        dispatcherWakerFds: this.#dispatcherWakers.map((waker) => waker.fd),
        whenFull: settings.whenFull,
        proxies: settings.dispatcher.proxies,
        isDutyShared: this.#ownAccepts !== null,
      },
      this.#control,
      settings.log,
    );
    this.#sequence = new StopSequence(
      this.#control,
      settings.listener,
      settings.unreadyMs,
      () => this.#wakeAll(),
      acceptedCount(settings.memory),
    );
    this.#pool =
      settings.pool === null
        ? null
        : new HandlerPool({
            ...settings.pool,
            memory: settings.memory,
            control: this.#control,
            log: settings.log,
            dispatcherWakers: this.#dispatcherWakers,
            onUnregistered: () => this.#fallBack(),
          });
  }

  /** Starts all threads. */
  start(): void {
    const { memory } = this.#settings;
    poolCounters(memory)[PoolCounter.startedAtMs] = Date.now();
    const dispatcherWakerFds = this.#dispatcherWakers.map((waker) => waker.fd);
    for (let index = 0; index < memory.dispatcherCount; index++) {
      this.#threads.start(this.#dispatcher(index, dispatcherWakerFds));
    }
    this.#acceptor.begin(this.#threads, () => this.#wakeEveryone());
    this.#watchDispatchers(dispatcherWakerFds);
    if (this.#pool === null) this.#runOnMain();
    else this.#pool.start();
    this.#keepalive.ref();
    this.#watch();
  }

  /** What dispatchers need to run handlers themselves. In a bundle they never get to the program. */
  #hosting(wakerFds: readonly number[]): DispatcherSettings["hosting"] {
    const { pool, dispatcher } = this.#settings;
    if (pool === null || !dispatcher.isInlineAllowed || isBundled()) return null;
    if (this.#control.isInlineBarred) return null;
    return { module: pool.thread, wakerFds, startTimeoutMs: pool.startTimeoutMs };
  }

  #dispatcher(index: number, wakerFds: readonly number[]): EssentialThread {
    const { memory, dispatcher } = this.#settings;
    return {
      entry: "dispatcher",
      name: `dispatcher ${index}`,
      owner: index + 1,
      settings: (isSuccessor) =>
        ({
          ...dispatcher,
          index,
          isSuccessor,
          memory,
          wakerFd: wakerFds[index]!,
          acceptorWakerFd: this.#acceptorWaker.fd,
          hosting: this.#hosting(wakerFds),
          ownAccepts: this.#ownAccepts,
        }) satisfies DispatcherSettings,
      isOver: () => this.#control.dispatcherState(index) === DISPATCHER_ENDED,
      died: (descriptors) => {
        // Whatever it was: user code on a dispatcher is not to be the reason a second time.
        this.#control.barInline();
        this.#wakeEveryone();
        return buryDispatcher(memory, this.#control, index, descriptors, this.#acceptorWaker);
      },
    };
  }

  /** Not by asking who sleeps: a thread that has died may have taken that word, and the wake-up with it. */
  #wakeEveryone(): void {
    for (const waker of this.#dispatcherWakers) waker.wake();
    for (let slot = 0; slot < this.#control.handlerCount; slot++) this.#control.handlerParker(slot).notify();
  }

  /** Where dispatchers run user code, one that hangs in it is ended, and none runs any more from then on. */
  #watchDispatchers(wakerFds: readonly number[]): void {
    const { memory, log, dispatcher } = this.#settings;
    const hosting = this.#hosting(wakerFds);
    if (hosting === null) return;
    const limits = {
      runMs: Math.min(dispatcher.handlerTimeoutMs, INLINE_LIMIT_MS),
      loadMs: Math.min(hosting.startTimeoutMs, INLINE_LIMIT_MS),
    };
    const end = (index: number): void => this.#threads.terminate(index + 1);
    const { module } = hosting.module;
    this.#watchOfDispatchers = watchDispatchers(memory, this.#dispatcherWakers, log, limits, module, end);
  }

  /** A thread that the server cannot do without has been given up: the server ends, and the process hears why. */
  #lost(thread: EssentialThread, code: number, error: unknown): void {
    if (thread.entry === "acceptor") this.#control.endAcceptor();
    else this.#control.setDispatcherState(thread.owner - 1, DISPATCHER_ENDED);
    this.stop(true);
    this.#threadEnded(thread);
    setImmediate(() => {
      throw new Error(
        `epollo: the ${thread.name} has ended unexpectedly (code ${code}), again and again; the server is stopped`,
        { cause: error },
      );
    });
  }

  #threadEnded(thread: EssentialThread): void {
    // A number that is closed while a dispatcher may call accept4 with it could be another socket's by then.
    if (thread.entry === "acceptor" && this.#ownAccepts === null) this.#settings.listener.close();
    this.#checkEnd();
  }

  /** Runs handlers on this thread. */
  #runOnMain(): void {
    const { memory, registration, log } = this.#settings;
    if (registration === null || this.#onMain !== null) return;
    const { MainHandlers } = require("./main-handlers.ts") as typeof OnMain;
    this.#onMain = new MainHandlers(registration, memory, this.#dispatcherWakers, log);
  }

  #fallBack(): void {
    if (this.#onMain !== null) return;
    this.#settings.log.error(
      "not-registered",
      "the program made no serve() call when a handler thread ran it, so its handlers run on the main thread " +
        "only. Call serve() on every thread, whatever import.meta.main and Bun.isMainThread say, and soon after the " +
        'start; or pass handlers: "main", or the URL of a module of handlers.',
    );
    this.#runOnMain();
  }

  /**
   * Replaces the handlers: those of this thread by `registration`; handler threads one after the other by new ones, which
   * load the module as it is now.
   */
  replace(registration: Registration | null): void {
    if (registration !== null) {
      this.#settings.registration = registration;
      this.#onMain?.replace(registration);
    }
    // Before any of them is replaced: what dispatchers find by the old routes would be wrong for the new handlers.
    this.#control.replaceRoutes();
    this.#pool?.roll();
  }

  /** Closes the clients that have no request; gives how many. Blocks for as long as a turn of a dispatcher takes. */
  closeIdle(): number {
    return this.#isEnded ? 0 : closeIdleClients(this.#control, this.#dispatcherWakers);
  }

  #watch(): void {
    for (;;) {
      if (this.#isEnded) return;
      this.#look();
      this.#parker.announce();
      // Once more after the announcement: what came in between would not wake us.
      this.#look();
      const wait = this.#parker.wait();
      if (wait !== null) {
        wait.then(() => this.#watch());
        return;
      }
      this.#parker.cancel();
    }
  }

  #look(): void {
    const stop = this.#control.takeStopRequest();
    if (stop !== SERVER_RUNNING) this.stop(stop === SERVER_CLOSED);
    if (this.#control.takeReloadRequest()) this.replace(null);
    const isWanted = this.#control.takeReferenceRequest();
    if (isWanted !== null) isWanted ? this.ref() : this.unref();
    this.#pool?.look();
    if (!this.#isReady && this.#hasHandlers()) {
      this.#isReady = true;
      this.#ready.resolve();
    }
    this.#watchOfDispatchers?.begin();
    this.#checkDrained();
  }

  /** Whether requests find a handler, or start a thread that has some. */
  #hasHandlers(): boolean {
    if (this.#settings.pool?.min === 0) return true;
    for (let slot = 0; slot < this.#control.handlerCount; slot++) {
      if (this.#control.handlerState(slot) === HANDLER_READY) return true;
    }
    return false;
  }

  /** Resolves when the first handler is ready; never if none comes to be. */
  get whenReady(): Promise<void> {
    return this.#ready.promise;
  }

  /** Resolves when the server begins to stop. */
  get whenStopping(): Promise<void> {
    return this.#stopping.promise;
  }

  /** Resolves when the server is gone. */
  get whenEnded(): Promise<void> {
    return this.#ended.promise;
  }

  /** Requests that are in flight. */
  get pendingRequests(): number {
    return this.#control.pendingRequests;
  }

  /** Where the server says what it has to say. */
  get log(): Log {
    return this.#settings.log;
  }

  /** Whether the server accepts clients. */
  get isRunning(): boolean {
    return !this.#isStopping;
  }

  /**
   * Stops: at once if forced, else after the requests in flight.
   *
   * @param idleMs how long clients without a request may still send one, in ms
   */
  stop(isForced: boolean, idleMs = 0): Promise<void> {
    this.#isStopping = true;
    this.#stopping.resolve();
    if (isForced) this.#sequence.force();
    else this.#sequence.begin(idleMs);
    return this.#ended.promise;
  }

  #wakeAll(): void {
    this.#acceptor.stateChanged();
    this.#acceptorWaker.wake();
    for (const waker of this.#dispatcherWakers) waker.wake();
    this.#watchOfDispatchers?.begin();
  }

  #checkDrained(): void {
    const { serverState } = this.#control;
    if (serverState !== SERVER_DRAINING && serverState !== SERVER_FINISHING) return;
    for (let index = 0; index < this.#control.dispatcherCount; index++) {
      const state = this.#control.dispatcherState(index);
      if (state !== DISPATCHER_DRAINED && state !== DISPATCHER_ENDED) return;
    }
    this.#sequence.force();
  }

  /** Called when a thread has ended: the server is gone when all have. */
  #checkEnd(): void {
    if (this.#isEnded || this.#control.serverState !== SERVER_CLOSED) return;
    if (!this.#threads.areEnded) return;
    this.#isEnded = true;
    this.#settings.listener.close();
    this.#watchOfDispatchers?.end();
    this.#onMain?.stop();
    const finish = (): void => {
      this.#closeWakers();
      this.#parker.notify();
      this.#keepalive.end();
      this.#ended.resolve();
    };
    if (this.#pool === null) finish();
    else this.#pool.end().then(finish);
  }

  #closeWakers(): void {
    this.#acceptorWaker.close();
    for (const waker of this.#dispatcherWakers) waker.close();
  }

  /** Keeps the process alive while the server runs. */
  ref(): void {
    this.#keepalive.ref();
  }

  /** Lets the process end although the server runs. */
  unref(): void {
    this.#keepalive.unref();
  }
}
