/**
 * The end of a client: its fd, its slot, its requests and what is queued for it, each given back exactly once.
 *
 * Owned by the dispatcher.
 */
import { ABORT_EXPIRED, ABORT_HALF, ABORT_LEFT } from "../channel/messages.ts";
import { closeSocket, resetSocket, shutdownWrite } from "../net/stream-socket.ts";
import type { TimerWheel } from "../net/timer-wheel.ts";
import { DispatcherCounter } from "../shm/counters.ts";
import type { AnswerWriter } from "./answer-writer.ts";
import {
  CLIENT_CLOSED,
  CLIENT_LINGERING,
  type Client,
  TASK_GIVEN,
  TASK_OVER,
  TASK_WAITING,
  type Task,
} from "./client.ts";
import type { ClientTable } from "./client-table.ts";
import type { Deadlines } from "./deadlines.ts";
import { dropDescriptor } from "./held-descriptors.ts";

/** What the closer asks of its dispatcher. */
export interface CloserOwner {
  /** Monotonic ms at the start of this turn. */
  readonly nowMs: number;
  /** A request is in flight no more. */
  over(task: Task): void;
  /** Drops a task that waits for a handler. */
  dropWaiting(task: Task): void;
  /** Puts a client into the ready list. */
  list(client: Client): void;
  /** A link could not be told something for want of room: try again when it has made some. */
  retryLater(retry: () => boolean): void;
}

/** Closes the clients of one dispatcher. */
export class ClientCloser {
  readonly #owner: CloserOwner;
  readonly #table: ClientTable;
  readonly #wheel: TimerWheel<Client>;
  readonly #deadlines: Deadlines;
  readonly #writer: AnswerWriter;
  readonly #counters: Float64Array;

  constructor(
    owner: CloserOwner,
    table: ClientTable,
    wheel: TimerWheel<Client>,
    deadlines: Deadlines,
    writer: AnswerWriter,
    counters: Float64Array,
  ) {
    this.#owner = owner;
    this.#table = table;
    this.#wheel = wheel;
    this.#deadlines = deadlines;
    this.#writer = writer;
    this.#counters = counters;
  }

  /**
   * Ends a client that has got all its answers. Input that was not read would turn a plain close into a reset, and the
   * reset could overtake the last answer: then only our half is closed, and the peer gets a while to read and close
   * (RFC 9112 section 9.6).
   */
  end(client: Client): void {
    if (client.state >= CLIENT_LINGERING) return;
    const mayHaveInput = client.mustLinger || client.isReadable || client.parser.isInBody;
    if (!mayHaveInput || client.isInputOver || shutdownWrite(client.fd) < 0) {
      this.close(client);
      return;
    }
    // Answers behind the last one are for requests that the client was told not to expect an answer to.
    this.#abandonAll(client);
    this.#writer.drop(client);
    client.stopReading();
    client.state = CLIENT_LINGERING;
    client.isDropping = true;
    this.#deadlines.lingering(client, this.#owner.nowMs);
    if (client.isReadable) this.#owner.list(client);
  }

  /** Ends the clients that have no request and of whose next one nothing has come; gives how many. */
  endIdle(): number {
    let count = 0;
    this.#table.forEach((client) => {
      if (client.state >= CLIENT_LINGERING || !client.isIdle) return;
      this.end(client);
      count++;
    });
    return count;
  }

  /** Closes a client at once; the peer sees the end of the connection. */
  close(client: Client): void {
    this.#close(client, false);
  }

  /** Closes a client at once; the peer sees a reset, so that it cannot take part of an answer for the whole. */
  reset(client: Client): void {
    this.#close(client, true);
  }

  /** Closes an fd that never became a client. */
  closeUntaken(fd: number): void {
    closeSocket(fd);
  }

  /** Tells the handlers of a client that it has closed its half. */
  halfClosed(client: Client): void {
    if (client.isToldOfHalf) return;
    client.isToldOfHalf = true;
    for (const task of client.tasks) if (task.state === TASK_GIVEN) this.#tell(task, ABORT_HALF);
  }

  /** Takes a task from its handler, or tells that one that nobody waits for the answer. */
  abandon(task: Task): void {
    if (task.state === TASK_WAITING) this.#owner.dropWaiting(task);
    if (task.state === TASK_GIVEN && task.link !== null && !task.link.tryTakeBack(task.entry)) {
      this.#tell(task, ABORT_LEFT);
    }
    this.#owner.over(task);
  }

  /** Tells the handler of a task that it has taken too long. */
  expire(task: Task): void {
    this.#tell(task, ABORT_EXPIRED);
    this.#owner.over(task);
  }

  #abandonAll(client: Client): void {
    for (const task of client.tasks) if (task.state !== TASK_OVER) this.abandon(task);
    client.tasks.length = 0;
  }

  #tell(task: Task, what: number): void {
    const { link, entry } = task;
    if (link === null) return;
    const serial = link.serials[entry];
    const tell = (): boolean => {
      if (link.taskOf(entry, serial) !== task) return true;
      return what === ABORT_EXPIRED ? link.expire(entry) : link.abort(entry, what === ABORT_HALF);
    };
    if (!tell()) this.#owner.retryLater(tell);
  }

  #close(client: Client, isReset: boolean): void {
    if (client.state === CLIENT_CLOSED) return;
    client.state = CLIENT_CLOSED;
    const fd = client.fd;
    client.fd = -1;
    dropDescriptor(fd);
    if (isReset) resetSocket(fd);
    else closeSocket(fd);
    this.#wheel.remove(client);
    this.#table.close(client);
    this.#writer.drop(client);
    client.held = null;
    client.receiving = null;
    this.#abandonAll(client);
    this.#counters[DispatcherCounter.clientsClosed] += 1;
  }
}
