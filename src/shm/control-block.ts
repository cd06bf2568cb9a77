/**
 * The control block: one SharedArrayBuffer per server in which all of its threads say what state they are in.
 *
 * Any thread may read it; who writes which word stands below. It knows nothing of sockets, HTTP or Workers.
 *
 *   word     server (server-words.ts)   | writer
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
 *   17       1: handler threads fail to  | main
 *            start                      |
 *   18       1: handlers run inline no  | main
 *            more, 2: not for now       |
 *   19       1: wake main once there    | main sets, a dispatcher clears
 *            are clients                |
 *   20       1: dispatchers accept      | acceptor, a dispatcher clears
 *   32       supervisor's parker        | (parker.ts)
 *   64 + 64d dispatcher d               |
 *     +0     state (DISPATCHER_*)       | dispatcher
 *     +2     wants one more handler     | dispatcher sets, supervisor clears
 *     +3     clients it holds           | dispatcher
 *     +4     requests in flight         | dispatcher
 *     +5     tasks in its backlog       | dispatcher
 *     +6     1: close idle clients      | main sets, dispatcher clears
 *     +7     how many it closed         | dispatcher
 *     +8     1 + fd of the client whose | dispatcher
 *            request runs there         |
 *     +9     1: loads the user's module | dispatcher
 *     +10..11 f64: since when it runs a | dispatcher (monotonic ms), 0: it
 *            handler                    | runs none
 *     +32    its parker                 | (parker.ts)
 *   handlers after that, 64 words each
 *     +0     state (HANDLER_*)          | compare-and-exchange, transitions below
 *     +1     threads that died here     | main
 *     +2     runs synchronously: 0 / 1  | handler
 *     +4     requests it has open       | handler
 *     +5     a thread is wanted here    | dispatchers set, supervisor clears
 *     +6..7  f64: since when it runs    | handler (monotonic ms, ffi/clock.ts)
 *     +8..9  f64: average service time  | handler (ms, exponentially weighted)
 *     +10    1 + deaths: this thread is | dispatchers set, supervisor clears
 *            to be killed               |
 *     +11    1: the thread that died    | main, before it declares it dead
 *            here was killed            |
 *     +32    its parker                 | (parker.ts)
 *   then one word for each slot and dispatcher: which
 *   death of that slot it has dealt with  | dispatcher
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
import { ServerWords } from "./server-words.ts";
import { DISPATCHER_STARTING, HANDLER_DEAD, HANDLER_EMPTY } from "./states.ts";

export * from "./states.ts";

const EPOCH = 1;
const PARKER_AT = 32;
const THREADS_AT = 64;
const SPAN_WORDS = 64;

/** View of the control block; each thread makes its own over the same memory. */
export class ControlBlock extends ServerWords {
  readonly #times: Float64Array;
  readonly dispatcherCount: number;
  /** Handler slots, the one of the main thread (the last) included. */
  readonly handlerCount: number;

  /** Bytes that a control block for so many threads takes. */
  static bytes(dispatcherCount: number, handlerCount: number): number {
    const letGoWords = (dispatcherCount * handlerCount + 1) & ~1;
    return (THREADS_AT + (dispatcherCount + handlerCount) * SPAN_WORDS + letGoWords) * 4;
  }

  constructor(memory: SharedArrayBuffer, dispatcherCount: number, handlerCount: number) {
    super(memory);
    this.#times = new Float64Array(memory);
    this.dispatcherCount = dispatcherCount;
    this.handlerCount = handlerCount;
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

  /**
   * Says that a dispatcher runs a handler since `nowMs` (monotonic), and whose request it is, -1 when main could not answer it. Plain
   * stores: they are read when it is dead, or has hung for long.
   */
  beginInline(index: number, fd: number, nowMs: number): void {
    const base = this.#dispatcher(index);
    this.words[base + 8] = fd + 1;
    this.#times[(base + 10) >> 1] = nowMs;
  }

  /** Says that main could not answer the request that a dispatcher runs any more. */
  forgetInlineClient(index: number): void {
    this.words[this.#dispatcher(index) + 8] = 0;
  }

  /** Says that a dispatcher runs no handler any more. */
  endInline(index: number): void {
    const base = this.#dispatcher(index);
    this.words[base + 8] = 0;
    this.#times[(base + 10) >> 1] = 0;
  }

  /** Since when a dispatcher runs a handler, in monotonic ms; 0 when it runs none. Another value means that it has moved on. */
  inlineSinceMs(index: number): number {
    return this.#times[(this.#dispatcher(index) + 10) >> 1]!;
  }

  /** The client whose request ran on a dispatcher that has ended, or -1. */
  inlineClient(index: number): number {
    return Atomics.load(this.words, this.#dispatcher(index) + 8) - 1;
  }

  /** A dispatcher says whether it loads the user's module. */
  setLoading(index: number, isLoading: boolean): void {
    Atomics.store(this.words, this.#dispatcher(index) + 9, isLoading ? 1 : 0);
  }

  /** Whether a dispatcher loads the user's module. */
  isLoading(index: number): boolean {
    return Atomics.load(this.words, this.#dispatcher(index) + 9) === 1;
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

  /** Asks the supervisor to kill the thread that is in `slot` now; false when that was asked for already. */
  requestKill(slot: number): boolean {
    const base = this.#handler(slot);
    // Named by the deaths before it, so that a wish that comes late does not hit its successor.
    const wish = (Atomics.load(this.words, base + 1) + 1) | 0;
    return Atomics.exchange(this.words, base + 10, wish) !== wish;
  }

  /** Takes the wish to kill the thread that is in `slot` now; false when nobody has it. */
  takeKill(slot: number): boolean {
    const base = this.#handler(slot);
    if (Atomics.load(this.words, base + 10) === 0) return false;
    return Atomics.exchange(this.words, base + 10, 0) === ((Atomics.load(this.words, base + 1) + 1) | 0);
  }

  /** Whether the thread that died last in `slot` was killed. */
  wasKilled(slot: number): boolean {
    return Atomics.load(this.words, this.#handler(slot) + 11) === 1;
  }

  /** Since when the handler of `slot` runs, or ran last, in monotonic ms: another value means that it has moved on. */
  lastStartMs(slot: number): number {
    return this.#times[(this.#handler(slot) + 6) >> 1]!;
  }

  /** Declares the thread of `slot` dead: each dispatcher has to let go of it before the slot can be used again. */
  declareDead(slot: number, wasKilled = false): void {
    const base = this.#handler(slot);
    Atomics.store(this.words, base + 11, wasKilled ? 1 : 0);
    Atomics.add(this.words, base + 1, 1);
    Atomics.store(this.words, base + 2, 0);
    Atomics.store(this.words, base, HANDLER_DEAD);
    Atomics.add(this.words, EPOCH, 1);
  }

  /** How many threads of `slot` were declared dead so far (wraps). */
  deaths(slot: number): number {
    return Atomics.load(this.words, this.#handler(slot) + 1);
  }

  /** Which death of `slot` (`deaths`) a dispatcher has dealt with last; its successor goes on from there. */
  lastLetGo(slot: number, dispatcher: number): number {
    return Atomics.load(this.words, this.#letGoAt(slot, dispatcher));
  }

  /**
   * A dispatcher has let go of the dead thread of `slot`; true for the last one, which has emptied the slot. Saying it twice is
   * no harm: the word of each says which death it means.
   */
  letGo(slot: number, dispatcher: number): boolean {
    const deaths = this.deaths(slot);
    Atomics.store(this.words, this.#letGoAt(slot, dispatcher), deaths);
    for (let index = 0; index < this.dispatcherCount; index++) {
      if (this.lastLetGo(slot, index) !== deaths) return false;
    }
    return this.moveHandler(slot, HANDLER_DEAD, HANDLER_EMPTY);
  }

  #letGoAt(slot: number, dispatcher: number): number {
    return this.#handler(this.handlerCount) + slot * this.dispatcherCount + dispatcher;
  }

  /** Resets what a dead dispatcher said of itself; called by main before it starts another in its place. */
  resetDispatcher(index: number): void {
    const base = this.#dispatcher(index);
    Atomics.store(this.words, base, DISPATCHER_STARTING);
    for (const word of [3, 4, 5, 8, 9, 10, 11]) Atomics.store(this.words, base + word, 0);
    this.answerCloseIdle(index, 0);
    Atomics.store(this.words, base + PARKER_AT, 0);
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
