/**
 * The backlog of a dispatcher: tasks that no handler thread has room for, bounded by their number and by their bytes.
 *
 * Tasks that compute for long stand apart (`heavy-limit.ts`): while those wait that there are too many of, others pass them. Apart
 * from that tasks have their turn in the order in which they came. The bytes of a task are those of its record and of its body as
 * far as it is here.
 */
import { TASK_WAITING, type Task } from "./client.ts";
import { TaskQueue } from "./task-queue.ts";

/** Tasks that wait. */
export class Backlog {
  /** Tasks that anybody may run. */
  readonly common: TaskQueue = new TaskQueue();
  /** Tasks that wait for their limit too. */
  readonly heavy: TaskQueue = new TaskQueue();
  readonly #maxTasks: number;
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxTasks: number, maxBytes: number) {
    this.#maxTasks = maxTasks;
    this.#maxBytes = maxBytes;
  }

  /** Tasks that wait. */
  get length(): number {
    return this.common.length + this.heavy.length;
  }

  /** Their bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a task of so many bytes has room. */
  hasRoom(bytes: number): boolean {
    return this.length < this.#maxTasks && this.#bytes + bytes <= this.#maxBytes;
  }

  /** The queue that a task belongs to. */
  queueOf(task: Task): TaskQueue {
    return task.isHeavy ? this.heavy : this.common;
  }

  /** Adds a task that came now. */
  push(task: Task): void {
    this.#count(task);
    this.queueOf(task).push(task);
  }

  /** The queue whose front is next; null when there is none. `mayBeHeavy`: whether one that computes for long may run. */
  next(mayBeHeavy: boolean): TaskQueue | null {
    const light = frontOf(this.common);
    const heavy = mayBeHeavy ? frontOf(this.heavy) : undefined;
    if (heavy === undefined) return light === undefined ? null : this.common;
    return light === undefined || heavy.arrival < light.arrival ? this.heavy : this.common;
  }

  /** Puts a task back to its place by its arrival. */
  putBack(task: Task): void {
    this.#count(task);
    this.queueOf(task).putBack(task);
  }

  #count(task: Task): void {
    task.waitingBytes = (task.record?.length ?? 0) + (task.upload?.pieceBytes ?? 0);
    this.#bytes += task.waitingBytes;
  }

  /** More of the body of a task that waits has come. */
  grew(task: Task, bytes: number): void {
    task.waitingBytes += bytes;
    this.#bytes += bytes;
  }

  /** A task waits no more: a handler has it. It is still to be shifted off its queue. */
  given(task: Task): void {
    this.#bytes -= task.waitingBytes;
    task.waitingBytes = 0;
  }

  /** Forgets a task whose client is gone; it leaves its queue when its turn comes. */
  drop(task: Task): void {
    task.record = null;
    this.given(task);
    this.queueOf(task).dropped();
  }
}

/** The first of a queue that waits; those before it, whose clients are gone, leave it. */
function frontOf(queue: TaskQueue): Task | undefined {
  let task = queue.front();
  while (task !== undefined && (task.state !== TASK_WAITING || task.record === null)) {
    queue.shift();
    task = queue.front();
  }
  return task;
}
