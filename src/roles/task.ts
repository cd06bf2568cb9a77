/**
 * What a dispatcher keeps of a request from its head to the end of its answer.
 *
 * States, in `state`:
 *
 *   COLLECTING  its body is being put together in `record`
 *   WAITING     it is in the backlog, whole in `record`
 *   GIVEN       a handler has it: `link` and `entry`
 *   OVER        it is answered, or its client is gone
 */
import type { DispatcherLink } from "../channel/dispatcher-link.ts";
import type { Client } from "./client.ts";

export const TASK_COLLECTING = 0;
export const TASK_WAITING = 1;
export const TASK_GIVEN = 2;
export const TASK_OVER = 3;

/** One request in a dispatcher. */
export class Task {
  /** Who asked; its slot may be another's by now if `state` is OVER. */
  readonly client: Client;
  /** Its place in the order of the client's answers. */
  readonly sequence: number;
  state: number = TASK_COLLECTING;
  link: DispatcherLink<Task> | null = null;
  entry = -1;
  /** The task record, while it is not in a ring. */
  record: Buffer | null = null;
  /** Since when it waits for a handler, in monotonic ms. */
  waitingSinceMs = 0;
  /** Whether bytes of the answer have come. */
  isAnswering = false;
  /** Whether the client is gone and the handler has yet to confirm that it knows. */
  isAborted = false;
  /** Bytes of the answer that the client took and that the handler was not told of. */
  creditOwed = 0;
  /** The rest of its body, when that is not part of the record. */
  upload: Upload | null = null;

  constructor(client: Client, sequence: number) {
    this.client = client;
    this.sequence = sequence;
  }
}

/** A body on its way from the socket to a handler that reads it as a stream. */
export class Upload {
  /** Bytes that the handler allows. */
  credit = 0;
  /** Pieces that wait for credit or for room in the ring. */
  readonly pieces: Buffer[] = [];
  pieceBytes = 0;
  /** Whether all of the body is here. */
  isComplete = false;
  /** Whether the end was sent, or the rest is let through unread. */
  isClosed = false;
  /** Status of a failure that is still to be told, or -1. */
  failure = -1;
}
