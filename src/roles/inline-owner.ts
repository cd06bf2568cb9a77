/** What a dispatcher does for the handlers that it hosts (`inline-host.ts`): the type only. */
import type { Client, Task } from "./client.ts";

/** What the inline host asks of its dispatcher. */
export interface InlineOwner {
  /** Monotonic ms at the start of this turn. */
  readonly nowMs: number;
  /** A request is in flight from now on. */
  began(): void;
  /** A request without a task is not in flight any more. */
  ended(): void;
  /** A request with a task is not in flight any more. */
  over(task: Task): void;
  /** All of an answer of this thread's own is queued: the next one may follow. */
  sent(client: Client, sequence: number): void;
  /** The answer of a task is complete. */
  answered(client: Client, task: Task): void;
  /** An answer cannot be completed: close at once. */
  broken(client: Client): void;
  /** The deadline of a client is another. */
  progressed(client: Client): void;
  /** Something is to be done at the next turn, which may be far away. */
  wakeUp(): void;
}
