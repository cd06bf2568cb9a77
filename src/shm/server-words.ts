/**
 * The part of the control block that is about the server as a whole: its state, and what its threads wish of main. The layout
 * stands in `control-block.ts`.
 */
import { SERVER_CLOSED, SERVER_RUNNING } from "./states.ts";

const STATE = 0;
const STOP_REQUEST = 2;
const ACCEPTOR_ENDED = 3;
const RELOAD_REQUEST = 4;
const ROUTES_REPLACED = 5;
const SLOW_ABOUT = 6;
const REFERENCE_REQUEST = 7;
const TIMEOUT_TOLD = 8;
const UNREADY = 16;
const START_FAILING = 17;
const INLINE_BARRED = 18;
const WATCH_WANTED = 19;
const DISPATCHERS_ACCEPT = 20;

/** View of the server's words; each thread makes its own over the same memory. */
export class ServerWords {
  /** All words of the control block. */
  readonly words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory);
  }

  /** State of the server, one of `SERVER_*`. */
  get serverState(): number {
    return Atomics.load(this.words, STATE);
  }

  set serverState(state: number) {
    Atomics.store(this.words, STATE, state);
    Atomics.notify(this.words, STATE);
  }

  /** Resolves when the server is closed: after `stop()`, when the last client is gone. */
  async whenClosed(): Promise<void> {
    for (let state = this.serverState; state !== SERVER_CLOSED; state = this.serverState) {
      await Atomics.waitAsync(this.words, STATE, state).value;
    }
  }

  /** Asks main to bring the server into a state (`SERVER_*`); for threads that are not main. */
  requestStop(state: number): void {
    Atomics.or(this.words, STOP_REQUEST, state);
  }

  /** Takes the state that a thread asks for; SERVER_RUNNING when none does. */
  takeStopRequest(): number {
    // Two threads may have asked for different ends: the more urgent one counts.
    return Math.min(SERVER_CLOSED, Atomics.exchange(this.words, STOP_REQUEST, SERVER_RUNNING));
  }

  /** Whether the routes that the dispatchers were told are replaced: the handlers find routes from now on. */
  get areRoutesReplaced(): boolean {
    return Atomics.load(this.words, ROUTES_REPLACED) === 1;
  }

  /** Says that the dispatchers' routes are replaced. */
  replaceRoutes(): void {
    Atomics.store(this.words, ROUTES_REPLACED, 1);
  }

  /** Whether a dispatcher has seen slow tasks of late: answers are not to wait for the end of a batch. */
  get isSlowAbout(): boolean {
    return Atomics.load(this.words, SLOW_ABOUT) === 1;
  }

  /** Says whether slow tasks are about. Of several dispatchers the last one counts: it is a hint. */
  setSlowAbout(isSlow: boolean): void {
    Atomics.store(this.words, SLOW_ABOUT, isSlow ? 1 : 0);
  }

  /** Whether no time-out was told of before this call. */
  isFirstTimeout(): boolean {
    return Atomics.exchange(this.words, TIMEOUT_TOLD, 1) === 0;
  }

  /** Whether dispatchers may run handlers now. */
  get isInlineAllowed(): boolean {
    return Atomics.load(this.words, INLINE_BARRED) === 0;
  }

  /** Has dispatchers run no handlers for a while, or again unless that is barred for good; called by main. */
  pauseInline(isPaused: boolean): void {
    Atomics.compareExchange(this.words, INLINE_BARRED, isPaused ? 0 : 2, isPaused ? 2 : 0);
  }

  /** Whether dispatchers may run handlers no more, since one of them hung in one. */
  get isInlineBarred(): boolean {
    return Atomics.load(this.words, INLINE_BARRED) === 1;
  }

  /** Has dispatchers run no handlers any more; called by main. */
  barInline(): void {
    Atomics.store(this.words, INLINE_BARRED, 1);
  }

  /** Asks to be woken by the next dispatcher that has clients, to watch it; called by main. */
  wantWatch(): void {
    Atomics.store(this.words, WATCH_WANTED, 1);
  }

  /** Whether nobody has woken main since `wantWatch`. */
  get isWatchWanted(): boolean {
    return Atomics.load(this.words, WATCH_WANTED) === 1;
  }

  /** Whether main is to be woken now, to watch dispatchers: true for one of them. */
  takeWatchWish(): boolean {
    return (
      Atomics.load(this.words, WATCH_WANTED) === 1 && Atomics.exchange(this.words, WATCH_WANTED, 0) === 1
    );
  }

  /** Whether dispatchers are to accept their clients themselves. */
  get doDispatchersAccept(): boolean {
    return Atomics.load(this.words, DISPATCHERS_ACCEPT) === 1;
  }

  /** Has dispatchers accept, or leaves that to the acceptor; called by the acceptor, with `false` also by a dispatcher that fails to. */
  letDispatchersAccept(isWanted: boolean): void {
    Atomics.store(this.words, DISPATCHERS_ACCEPT, isWanted ? 1 : 0);
  }

  /** Whether the last handler thread that was started failed, and none has come up since. */
  get isStartFailing(): boolean {
    return Atomics.load(this.words, START_FAILING) === 1;
  }

  /** Says whether handler threads fail while they start; called by main. */
  setStartFailing(isFailing: boolean): void {
    Atomics.store(this.words, START_FAILING, isFailing ? 1 : 0);
  }

  /** Asks main to replace all handler threads; for threads that are not main. */
  requestReload(): void {
    Atomics.store(this.words, RELOAD_REQUEST, 1);
  }

  /** Takes the wish to replace all handler threads; false when nobody has it. */
  takeReloadRequest(): boolean {
    return Atomics.exchange(this.words, RELOAD_REQUEST, 0) === 1;
  }

  /** Asks main to keep the process alive while the server listens, or not to; for threads that are not main. */
  requestReference(isWanted: boolean): void {
    Atomics.store(this.words, REFERENCE_REQUEST, isWanted ? 1 : 2);
  }

  /** Takes the wish of the last `requestReference`; null when nobody has one. */
  takeReferenceRequest(): boolean | null {
    const wish = Atomics.exchange(this.words, REFERENCE_REQUEST, 0);
    return wish === 0 ? null : wish === 1;
  }

  /** Whether the acceptor has ended: no more clients will come into the queue. */
  get isAcceptorEnded(): boolean {
    return Atomics.load(this.words, ACCEPTOR_ENDED) === 1;
  }

  /** Whether an acceptor has begun, be it over by now. */
  get hasAcceptorBegun(): boolean {
    return Atomics.load(this.words, ACCEPTOR_ENDED) !== 0;
  }

  /** Says that the acceptor accepts. False where main has taken its last duty (`claimAcceptor`), and it is not to begin. */
  startAcceptor(): boolean {
    const before = Atomics.compareExchange(this.words, ACCEPTOR_ENDED, 0, 2);
    // Of another acceptor, which has died, the word says that it accepts.
    return before === 0 || before === 2;
  }

  /** Takes the acceptor's duty for main, unless an acceptor has begun: false then. */
  claimAcceptor(): boolean {
    return Atomics.compareExchange(this.words, ACCEPTOR_ENDED, 0, 3) === 0;
  }

  /** Says that the acceptor has ended. */
  endAcceptor(): void {
    Atomics.store(this.words, ACCEPTOR_ENDED, 1);
    Atomics.notify(this.words, ACCEPTOR_ENDED);
  }

  /** Blocks until the acceptor has ended, `timeoutMs` at most; not at all when it has not begun yet. */
  awaitAcceptorEnd(timeoutMs: number): void {
    Atomics.wait(this.words, ACCEPTOR_ENDED, 2, timeoutMs);
  }

  /** Whether balancers are to send new work elsewhere: the server is about to stop. */
  get isUnready(): boolean {
    return Atomics.load(this.words, UNREADY) === 1;
  }

  /** Says that the server is about to stop. */
  setUnready(): void {
    Atomics.store(this.words, UNREADY, 1);
  }
}
