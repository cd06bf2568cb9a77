/**
 * The control block: one SharedArrayBuffer per server in which all of its threads say what state they are in.
 *
 * Any thread may read it; who writes which word stands below. It knows nothing of sockets, HTTP or Workers.
 *
 *   word     server                     | writer
 *   0        state (SERVER_*)           | main
 *   1        epoch, counts up whenever  | main, handler threads (Atomics.add)
 *            a handler's state changes  |
 *   2        a handler asks to stop     | handler threads set a SERVER_* state, main clears
 *   3        the acceptor: 0 starts,    | acceptor, or main for one that failed
 *            1 has ended, 2 accepts     |
 *   4        1: load the module again   | handler threads set, main clears
 *   5        1: the routes that the     | main
 *            dispatchers know are old   |
 *   6        1: slow tasks are about     | dispatchers
 *   7        1: ref(), 2: unref()        | handler threads set, main clears
 *   8        1: a time-out was told of   | dispatchers
 *   16       1: not ready for new work  | main
 *   32       supervisor's parker        | (parker.ts)
 *   64 + 64d dispatcher d               |
 *     +0     state (DISPATCHER_*)       | dispatcher
 *     +2     wants one more handler     | dispatcher sets, supervisor clears
 *     +3     clients it holds           | dispatcher
 *     +4     requests in flight         | dispatcher
 *     +5     tasks in its backlog       | dispatcher
 *     +6     1: close idle clients      | main sets, dispatcher clears
 *     +7     how many it closed         | dispatcher
 *     +32    its parker                 | (parker.ts)
 *   handlers after that, 64 words each
 *     +0     state (HANDLER_*)          | compare-and-exchange, transitions below
 *     +1     threads that died here     | main
 *     +2     runs synchronously: 0 / 1  | handler
 *     +3     dispatchers that have yet  | main sets, dispatchers Atomics.sub
 *            to let go of a dead thread |
 *     +4     requests it has open       | handler
 *     +5     a thread is wanted here    | dispatchers set, supervisor clears
 *     +6..7  f64: since when it runs    | handler (monotonic ms, ffi/clock.ts)
 *     +8..9  f64: average service time  | handler (ms, exponentially weighted)
 *     +32    its parker                 | (parker.ts)
 *
 * Handler states:
 *
 *   EMPTY --main--> STARTING --handler--> READY --main--> RETIRING
 *     ^                 |                   |                |
 *     |                 +------- main, when the thread has ended ----> DEAD
 *     +--------- the last dispatcher that has let go of it -------------+
 *
 * Every state word has one legal writer for each of its transitions, so a plain compare-and-exchange is enough and no
 * lock is held by a thread that may be killed.
 */

import { Parker } from "./parker.ts";
import { HANDLER_DEAD, HANDLER_EMPTY, SERVER_CLOSED, SERVER_RUNNING } from "./states.ts";

export * from "./states.ts";

const STATE = 0;
const EPOCH = 1;
const STOP_REQUEST = 2;
const ACCEPTOR_ENDED = 3;
const RELOAD_REQUEST = 4;
const ROUTES_REPLACED = 5;
const SLOW_ABOUT = 6;
const REFERENCE_REQUEST = 7;
const TIMEOUT_TOLD = 8;
const UNREADY = 16;
const PARKER_AT = 32;
const THREADS_AT = 64;
const SPAN_WORDS = 64;

/** View of the control block; each thread makes its own over the same memory. */
export class ControlBlock {
  /** The words; indexes come from the methods below. */
  readonly words: Int32Array;
  readonly #times: Float64Array;
  readonly dispatcherCount: number;
  /** Handler slots, the one of the main thread (the last) included. */
  readonly handlerCount: number;

  /** Bytes that a control block for so many threads takes. */
  static bytes(dispatcherCount: number, handlerCount: number): number {
    return (THREADS_AT + (dispatcherCount + handlerCount) * SPAN_WORDS) * 4;
  }

  constructor(memory: SharedArrayBuffer, dispatcherCount: number, handlerCount: number) {
    this.words = new Int32Array(memory);
    this.#times = new Float64Array(memory);
    this.dispatcherCount = dispatcherCount;
    this.handlerCount = handlerCount;
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

  /** Says that the acceptor accepts. */
  startAcceptor(): void {
    Atomics.compareExchange(this.words, ACCEPTOR_ENDED, 0, 2);
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

  /** Requests in flight in all dispatchers. */
  get pendingRequests(): number {
    let sum = 0;
    for (let index = 0; index < this.dispatcherCount; index++) sum += this.load(index).inFlight;
    return sum;
  }

  /** Counts up at each change of a handler's state, so that a dispatcher can see with one load that nothing changed. */
  get epoch(): number {
    return Atomics.load(this.words, EPOCH);
  }

  /** What the supervisor (main) sleeps on. */
  supervisorParker(): Parker {
    return this.#parker(0);
  }

  /** What a dispatcher sleeps on; it is woken through its eventfd. */
  dispatcherParker(index: number): Parker {
    return this.#parker(this.#dispatcher(index));
  }

  /** What the handler thread of `slot` sleeps on. */
  handlerParker(slot: number): Parker {
    return this.#parker(this.#handler(slot));
  }

  #parker(base: number): Parker {
    return new Parker(this.words.buffer as SharedArrayBuffer, (base + PARKER_AT) * 4);
  }

  #dispatcher(index: number): number {
    return THREADS_AT + index * SPAN_WORDS;
  }

  #handler(slot: number): number {
    return THREADS_AT + (this.dispatcherCount + slot) * SPAN_WORDS;
  }

  /** State of a dispatcher, one of `DISPATCHER_*`. */
  dispatcherState(index: number): number {
    return Atomics.load(this.words, this.#dispatcher(index));
  }

  /** Sets the state of a dispatcher; called by that dispatcher alone. */
  setDispatcherState(index: number, state: number): void {
    Atomics.store(this.words, this.#dispatcher(index), state);
  }

  /** Asks the supervisor for one more handler thread. */
  requestHandler(dispatcher: number): void {
    Atomics.store(this.words, this.#dispatcher(dispatcher) + 2, 1);
  }

  /** Takes a dispatcher's wish for one more handler thread; false when it has none. */
  takeRequest(dispatcher: number): boolean {
    return Atomics.exchange(this.words, this.#dispatcher(dispatcher) + 2, 0) === 1;
  }

  /** Asks the supervisor for a handler thread in this very slot. */
  wantHandler(slot: number): void {
    Atomics.store(this.words, this.#handler(slot) + 5, 1);
  }

  /** Takes the wish for a handler thread in this slot; false when nobody has it. */
  takeWanted(slot: number): boolean {
    return Atomics.exchange(this.words, this.#handler(slot) + 5, 0) === 1;
  }

  /** Clients, requests in flight and backlog of a dispatcher, as it last published them. */
  load(index: number): { clients: number; inFlight: number; backlog: number } {
    const base = this.#dispatcher(index);
    return {
      clients: Atomics.load(this.words, base + 3),
      inFlight: Atomics.load(this.words, base + 4),
      backlog: Atomics.load(this.words, base + 5),
    };
  }

  /** Asks a dispatcher to close its idle clients; it is to be woken then. */
  requestCloseIdle(index: number): void {
    Atomics.store(this.words, this.#dispatcher(index) + 6, 1);
  }

  /** Whether a dispatcher is asked to close its idle clients. */
  isCloseIdleRequested(index: number): boolean {
    return Atomics.load(this.words, this.#dispatcher(index) + 6) === 1;
  }

  /** A dispatcher says that it has closed so many idle clients. */
  answerCloseIdle(index: number, count: number): void {
    const base = this.#dispatcher(index);
    Atomics.store(this.words, base + 7, count);
    Atomics.store(this.words, base + 6, 0);
    Atomics.notify(this.words, base + 6);
  }

  /** Blocks until a dispatcher has closed its idle clients, `timeoutMs` at most; gives how many. */
  awaitCloseIdle(index: number, timeoutMs: number): number {
    const base = this.#dispatcher(index);
    if (Atomics.wait(this.words, base + 6, 1, timeoutMs) === "timed-out") return 0;
    return Atomics.load(this.words, base + 7);
  }

  /** Publishes a dispatcher's number of clients. */
  setClients(index: number, clients: number): void {
    Atomics.store(this.words, this.#dispatcher(index) + 3, clients);
  }

  /** Publishes a dispatcher's number of requests in flight. */
  setInFlight(index: number, inFlight: number): void {
    Atomics.store(this.words, this.#dispatcher(index) + 4, inFlight);
  }

  /** Publishes the length of a dispatcher's backlog. */
  setBacklog(index: number, backlog: number): void {
    Atomics.store(this.words, this.#dispatcher(index) + 5, backlog);
  }

  /** State of a handler slot, one of `HANDLER_*`. */
  handlerState(slot: number): number {
    return Atomics.load(this.words, this.#handler(slot));
  }

  /** Moves a handler slot from one state to another; false if it was not in `from`. */
  moveHandler(slot: number, from: number, to: number): boolean {
    if (Atomics.compareExchange(this.words, this.#handler(slot), from, to) !== from) return false;
    Atomics.add(this.words, EPOCH, 1);
    return true;
  }

  /** Says that the handler thread of `slot` runs user code synchronously since `nowMs` (monotonic). */
  markRunning(slot: number, nowMs: number): void {
    const base = this.#handler(slot);
    this.#times[(base + 6) >> 1] = nowMs;
    Atomics.store(this.words, base + 2, 1);
  }

  /** Says that the handler thread of `slot` is back in its loop and how long a request takes it on average, in ms. */
  markStopped(slot: number, serviceMs: number): void {
    const base = this.#handler(slot);
    this.#times[(base + 8) >> 1] = serviceMs;
    Atomics.store(this.words, base + 2, 0);
  }

  /** Milliseconds for which the handler of `slot` has run without a pause, 0 when it does not run. */
  runningMs(slot: number, nowMs: number): number {
    const base = this.#handler(slot);
    if (Atomics.load(this.words, base + 2) === 0) return 0;
    return Math.max(0, nowMs - this.#times[(base + 6) >> 1]!);
  }

  /** Whether the handler of `slot` runs user code at this moment. */
  isRunning(slot: number): boolean {
    return Atomics.load(this.words, this.#handler(slot) + 2) === 1;
  }

  /** Average service time of the handler of `slot` in ms, as it last published it. */
  serviceMs(slot: number): number {
    return this.#times[(this.#handler(slot) + 8) >> 1]!;
  }

  /** Resets what a handler slot says of its thread; called by main before it starts a thread there. */
  resetHandler(slot: number, serviceMs: number): void {
    const base = this.#handler(slot);
    Atomics.store(this.words, base + 2, 0);
    Atomics.store(this.words, base + 4, 0);
    Atomics.store(this.words, base + PARKER_AT, 0);
    this.#times[(base + 8) >> 1] = serviceMs;
  }

  /** Declares the thread of `slot` dead: each dispatcher has to let go of it before the slot can be used again. */
  declareDead(slot: number): void {
    const base = this.#handler(slot);
    Atomics.store(this.words, base + 3, this.dispatcherCount);
    Atomics.add(this.words, base + 1, 1);
    Atomics.store(this.words, base + 2, 0);
    Atomics.store(this.words, base, HANDLER_DEAD);
    Atomics.add(this.words, EPOCH, 1);
  }

  /** How many threads of `slot` were declared dead so far (wraps). */
  deaths(slot: number): number {
    return Atomics.load(this.words, this.#handler(slot) + 1);
  }

  /** A dispatcher has let go of the dead thread of `slot`; true for the last one, which has emptied the slot. */
  letGo(slot: number): boolean {
    const base = this.#handler(slot);
    if (Atomics.sub(this.words, base + 3, 1) !== 1) return false;
    return this.moveHandler(slot, HANDLER_DEAD, HANDLER_EMPTY);
  }

  /** Publishes how many requests a handler thread has open (started and not yet answered whole). */
  setOpenRequests(slot: number, open: number): void {
    Atomics.store(this.words, this.#handler(slot) + 4, open);
  }

  /** Requests that a handler thread has open. */
  openRequests(slot: number): number {
    return Atomics.load(this.words, this.#handler(slot) + 4);
  }
}
