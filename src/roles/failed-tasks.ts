/**
 * Answers in the place of handlers that will not: whose thread has ended, or that have taken too long.
 *
 * Owned by the dispatcher.
 */
import { emptyReply, OVERLOADED_REPLY } from "../http/response-head.ts";
import { DispatcherCounter } from "../shm/counters.ts";
import { type Client, TASK_OVER, type Task } from "./client.ts";
import type { ClientCloser } from "./client-closer.ts";
import { NO_KIND } from "./kind-table.ts";
import type { UploadSender } from "./upload-sender.ts";

const HANDLER_LOST_REPLY = emptyReply(500);
const HANDLER_TIMEOUT_REPLY = emptyReply(503);

/** What is asked of the dispatcher for a request whose handler fails. */
export interface FailedTaskOwner {
  /** A request is not in flight any more. */
  over(task: Task): void;
  /** The answer cannot be completed: close at once. */
  broken(client: Client): void;
  /** A handler has run at this pace (flags of messages.ts). */
  measured(task: Task, pace: number): void;
  /** Sends an answer of the server's own for a request. */
  reply(client: Client, sequence: number, bytes: Buffer, closes: boolean): void;
  /** The deadline of a client is another. */
  progressed(client: Client): void;
  /** Puts a client into the ready list. */
  list(client: Client): void;
}

/** Ends the requests of one dispatcher whose handlers fail. */
export class FailedTasks {
  readonly #owner: FailedTaskOwner;
  readonly #closer: ClientCloser;
  readonly #uploads: UploadSender;
  readonly #counters: Float64Array;

  constructor(owner: FailedTaskOwner, closer: ClientCloser, uploads: UploadSender, counters: Float64Array) {
    this.#owner = owner;
    this.#closer = closer;
    this.#uploads = uploads;
    this.#counters = counters;
  }

  /** The handler thread of a task has ended before the answer was complete, or was killed because it hung. */
  lost(task: Task, wasKilled: boolean): void {
    if (task.state === TASK_OVER) return;
    this.#owner.over(task);
    if (task.isAnswering) {
      this.#owner.broken(task.client);
      return;
    }
    // Its thread may be killed for it before its own deadline is seen.
    if (wasKilled) this.#counters[DispatcherCounter.handlerTimeouts] += 1;
    this.#answer(task, wasKilled ? HANDLER_TIMEOUT_REPLY : HANDLER_LOST_REPLY);
  }

  /** No handler thread can be started for a task that waits for one. */
  refused(task: Task): void {
    this.#counters[DispatcherCounter.tasksRefused] += 1;
    this.#owner.over(task);
    this.#answer(task, OVERLOADED_REPLY);
  }

  /** The handler of a task has taken too long to begin its answer. */
  timedOut(task: Task): void {
    this.#counters[DispatcherCounter.handlerTimeouts] += 1;
    this.#closer.expire(task);
    this.#answer(task, HANDLER_TIMEOUT_REPLY);
  }

  #answer(task: Task, reply: Buffer): void {
    const { client } = task;
    // Whatever became of it, it was not quick.
    if (task.kind !== NO_KIND) this.#owner.measured(task, 0);
    this.#uploads.close(task);
    client.forget(task);
    this.#owner.reply(client, task.sequence, reply, false);
    this.#owner.progressed(client);
    this.#owner.list(client);
  }
}
