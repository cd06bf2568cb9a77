/**
 * The supervisor: starts, watches and ends the threads of one server. It lives on the thread that called `serve()`, on
 * its event loop, and is never on a request's path.
 *
 * Acceptor and dispatchers block in `epoll_wait` and cannot be terminated: they are told through the control block and
 * their eventfds, and end by themselves. Handler threads come and go (`handler-pool.ts`).
 */
import type { HandlerLink } from "../channel/handler-link.ts";
import type { Registration } from "../fetch/registration.ts";
import { installResponseNotes } from "../fetch/response-notes.ts";
import { HandlerRuntime } from "../fetch/runtime.ts";
import type { Log } from "../log/log.ts";
import type { Listener } from "../net/listener.ts";
import { Waker } from "../net/waker.ts";
import {
  type ControlBlock,
  DISPATCHER_DRAINED,
  DISPATCHER_ENDED,
  HANDLER_EMPTY,
  HANDLER_READY,
  HANDLER_STARTING,
  SERVER_CLOSED,
  SERVER_DRAINING,
  SERVER_FINISHING,
  SERVER_RUNNING,
} from "../shm/control-block.ts";
import { AcceptorCounter, PoolCounter } from "../shm/counters.ts";
import type { Parker } from "../shm/parker.ts";
import type { AcceptorSettings } from "./acceptor.ts";
import { closeIdleClients } from "./close-idle.ts";
import type { DispatcherSettings } from "./dispatcher-settings.ts";
import { HandlerLoop } from "./handler-loop.ts";
import { HandlerPool, type HandlerPoolSettings } from "./handler-pool.ts";
import { linkHandlers } from "./handler-thread.ts";
import {
  acceptorCounters,
  controlOf,
  handlerCounters,
  poolCounters,
  type ServerMemory,
} from "./server-memory.ts";
import { StopSequence } from "./stop-sequence.ts";
import { isBundled, startThread, type Thread } from "./thread.ts";

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
  readonly dispatcher: Omit<
    DispatcherSettings,
    "index" | "memory" | "wakerFd" | "acceptorWakerFd" | "hosting"
  >;
  /** Handler threads, or null for main mode. */
  readonly pool: Omit<
    HandlerPoolSettings,
    "memory" | "control" | "log" | "dispatcherWakers" | "onUnregistered"
  > | null;
  /** The handlers of this thread: for main mode, and for a module that turns out not to register any. */
  registration: Registration | null;
}

const KEEPALIVE_MS = 2 ** 31 - 1;

/** Runs one server. */
export class Supervisor {
  readonly #settings: SupervisorSettings;
  readonly #control: ControlBlock;
  readonly #parker: Parker;
  readonly #acceptorWaker: Waker = Waker.create();
  readonly #dispatcherWakers: Waker[] = [];
  readonly #threads: Thread[] = [];
  readonly #pool: HandlerPool | null;
  readonly #sequence: StopSequence;
  #mainLoop: HandlerLoop | null = null;
  #runtime: HandlerRuntime | null = null;
  #keepalive: ReturnType<typeof setInterval> | null = null;
  #isReferenced = true;
  readonly #ended: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #ready: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #stopping: PromiseWithResolvers<void> = Promise.withResolvers();
  #isReady = false;
  #isStopping = false;
  #isEnded = false;

  constructor(settings: SupervisorSettings) {
    this.#settings = settings;
    this.#control = controlOf(settings.memory);
    this.#parker = this.#control.supervisorParker();
    try {
      for (let i = 0; i < settings.memory.dispatcherCount; i++) this.#dispatcherWakers.push(Waker.create());
    } catch (error) {
      this.#closeWakers();
      throw error;
    }
    this.#sequence = new StopSequence(
      this.#control,
      settings.listener,
      settings.unreadyMs,
      () => this.#wakeAll(),
      () => acceptorCounters(settings.memory)[AcceptorCounter.accepted],
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
    const { memory, listener } = this.#settings;
    poolCounters(memory)[PoolCounter.startedAtMs] = Date.now();
    const dispatcherWakerFds = this.#dispatcherWakers.map((waker) => waker.fd);
    for (let index = 0; index < memory.dispatcherCount; index++) {
      this.#startThread(`dispatcher ${index}`, "dispatcher", index, {
        ...this.#settings.dispatcher,
        index,
        memory,
        wakerFd: dispatcherWakerFds[index],
        acceptorWakerFd: this.#acceptorWaker.fd,
        hosting: this.#hosting(dispatcherWakerFds),
      } satisfies DispatcherSettings);
    }
    this.#startThread("acceptor", "acceptor", -1, {
      memory,
      listenerFd: listener.fd,
      isShared: listener.isShared,
      wakerFd: this.#acceptorWaker.fd,
      dispatcherWakerFds,
      whenFull: this.#settings.whenFull,
      proxies: this.#settings.dispatcher.proxies,
    } satisfies AcceptorSettings);
    if (this.#pool === null) this.#runOnMain();
    else this.#pool.start();
    this.ref();
    this.#watch();
  }

  /** What dispatchers need to run handlers themselves. In a bundle they never get to the program. */
  #hosting(wakerFds: readonly number[]): DispatcherSettings["hosting"] {
    const { pool, dispatcher } = this.#settings;
    if (pool === null || !dispatcher.isInlineAllowed || isBundled()) return null;
    return { module: pool.thread, wakerFds };
  }

  /** A thread that the server cannot do without has ended: the server ends, and the process hears why. */
  #lost(name: string, entry: "acceptor" | "dispatcher", index: number, code: number, error: unknown): void {
    if (entry === "acceptor") this.#control.endAcceptor();
    else this.#control.setDispatcherState(index, DISPATCHER_ENDED);
    this.stop(true);
    setImmediate(() => {
      throw new Error(`epollo: the ${name} has ended unexpectedly (code ${code}); the server is stopped`, {
        cause: error,
      });
    });
  }

  #startThread(name: string, entry: "acceptor" | "dispatcher", index: number, settings: object): void {
    const thread = startThread(entry, name, this.#settings.log, settings, (code, error) => {
      const isExpected =
        entry === "acceptor"
          ? this.#control.isAcceptorEnded
          : index >= 0 && this.#control.dispatcherState(index) === DISPATCHER_ENDED;
      if (!isExpected) this.#lost(name, entry, index, code, error);
      if (entry === "acceptor") this.#settings.listener.close();
      this.#checkEnd();
    });
    this.#threads.push(thread);
  }

  /** Runs handlers on this thread. */
  #runOnMain(): void {
    const { memory, registration } = this.#settings;
    if (registration === null || this.#mainLoop !== null) return;
    installResponseNotes();
    const slot = memory.handlerCount - 1;
    this.#control.resetHandler(slot, 0.05);
    const fds = this.#dispatcherWakers.map((waker) => waker.fd);
    const links: HandlerLink[] = linkHandlers(memory, this.#control, slot, fds);
    this.#runtime = new HandlerRuntime(registration, this.#settings.log);
    this.#mainLoop = new HandlerLoop(
      this.#control,
      slot,
      links,
      this.#runtime,
      handlerCounters(memory, slot),
      () => {},
    );
    this.#control.moveHandler(slot, HANDLER_EMPTY, HANDLER_STARTING);
    this.#control.moveHandler(slot, HANDLER_STARTING, HANDLER_READY);
    for (const waker of this.#dispatcherWakers) waker.wake();
    // Not from inside serve(): a request must not be answered before serve() has returned.
    setImmediate(() => this.#mainLoop?.start());
  }

  #fallBack(): void {
    if (this.#mainLoop !== null) return;
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
      this.#runtime?.replace(registration);
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
    const isReferenced = this.#control.takeReferenceRequest();
    if (isReferenced !== null) isReferenced ? this.ref() : this.unref();
    this.#pool?.look();
    if (!this.#isReady && this.#hasHandlers()) {
      this.#isReady = true;
      this.#ready.resolve();
    }
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
    this.#acceptorWaker.wake();
    for (const waker of this.#dispatcherWakers) waker.wake();
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
    if (this.#threads.some((thread) => !thread.isEnded)) return;
    this.#isEnded = true;
    this.#mainLoop?.stop();
    const finish = (): void => {
      this.#closeWakers();
      this.#parker.notify();
      this.#stopKeepalive();
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
    this.#isReferenced = true;
    if (this.#keepalive === null && !this.#isEnded) this.#keepalive = setInterval(() => {}, KEEPALIVE_MS);
  }

  /** Lets the process end although the server runs. */
  unref(): void {
    this.#isReferenced = false;
    this.#stopKeepalive();
  }

  /** Whether the server keeps the process alive. */
  get isReferenced(): boolean {
    return this.#isReferenced;
  }

  #stopKeepalive(): void {
    if (this.#keepalive !== null) clearInterval(this.#keepalive);
    this.#keepalive = null;
  }
}
