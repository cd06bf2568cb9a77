/**
 * The states that a server and its threads are in, as the control block says them (`control-block.ts`).
 */

/** It accepts and serves. */
export const SERVER_RUNNING = 0;
/** `stop()`: nobody is accepted, what is in flight is finished. */
export const SERVER_DRAINING = 1;
/** `stop(true)`: every client is closed at once. */
export const SERVER_CLOSED = 2;
/** As draining, but clients without a request may send one more first. */
export const SERVER_FINISHING = 3;

/** Its thread is being started. */
export const DISPATCHER_STARTING = 0;
/** It takes and serves clients. */
export const DISPATCHER_RUNNING = 1;
/** Draining and without clients: it waits for the server to close. */
export const DISPATCHER_DRAINED = 2;
/** Its thread ends. */
export const DISPATCHER_ENDED = 3;

/** A slot without a thread. */
export const HANDLER_EMPTY = 0;
/** Its thread loads the module. */
export const HANDLER_STARTING = 1;
/** It takes tasks. */
export const HANDLER_READY = 2;
/** It takes no more tasks, finishes those that it has, then ends. */
export const HANDLER_RETIRING = 3;
/** Its thread has ended, and not all dispatchers have let go of it. */
export const HANDLER_DEAD = 4;
