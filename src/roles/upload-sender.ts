/**
 * Bodies on their way from sockets to the handlers that read them as streams.
 *
 * Owned by the dispatcher. Bytes go on as far as the handler allows and the ring has room, from the receive buffer straight
 * into the ring; the rest of what was read at once waits here, and while anything waits the client is not read: the
 * kernel keeps it, its window closes, and the sender waits.
 */
import { BODY_RECORD_BYTES } from "../channel/messages.ts";
import { TASK_GIVEN, TASK_OVER, type Task } from "./client.ts";

/** What the sender asks of its dispatcher. */
export interface UploadOwner {
  /** A link could not be told something for want of room: try again when it has made some. */
  retryLater(retry: () => boolean): void;
  /** The body of a task has moved on: its client may be read again. */
  resumed(task: Task): void;
}

/** Sends the bodies of one dispatcher. */
export class UploadSender {
  readonly #owner: UploadOwner;

  constructor(owner: UploadOwner) {
    this.#owner = owner;
  }

  /** Whether so much waits that the task's client must not be read. */
  isFull(task: Task): boolean {
    return task.upload !== null && !task.upload.isClosed && task.upload.pieceBytes > 0;
  }

  /** The next bytes of a body: source[start..end), which are the caller's again afterwards. */
  push(task: Task, source: Buffer, start: number, end: number): void {
    const upload = task.upload;
    if (upload === null || upload.isClosed || task.state === TASK_OVER) return;
    let at = start;
    const link = task.link;
    if (upload.pieces.length === 0 && task.state === TASK_GIVEN && link !== null) {
      while (at < end && upload.credit > 0) {
        const next = Math.min(end, at + Math.min(upload.credit, BODY_RECORD_BYTES));
        if (!link.sendBody(task.entry, source, at, next, false)) break;
        upload.credit -= next - at;
        at = next;
      }
      if (at === end) return;
    }
    upload.pieces.push(Buffer.from(source.subarray(at, end)));
    upload.pieceBytes += end - at;
    this.#send(task);
  }

  /** The body is complete. */
  complete(task: Task): void {
    if (task.upload === null) return;
    task.upload.isComplete = true;
    this.#send(task);
  }

  /** The rest of the body will not come. */
  fail(task: Task, status: number): void {
    const upload = task.upload;
    if (upload === null || upload.isClosed) return;
    upload.failure = status;
    upload.pieces.length = 0;
    upload.pieceBytes = 0;
    this.#send(task);
  }

  /** The handler allows `bytes` more. */
  credit(task: Task, bytes: number): void {
    const upload = task.upload;
    if (upload === null) return;
    upload.credit += bytes;
    const wasFull = this.isFull(task);
    this.#send(task);
    if (wasFull && !this.isFull(task)) this.#owner.resumed(task);
  }

  /** The task is answered or abandoned: what is left is let through unread. */
  close(task: Task): void {
    const upload = task.upload;
    if (upload === null || upload.isClosed) return;
    const wasFull = this.isFull(task);
    upload.isClosed = true;
    upload.pieces.length = 0;
    upload.pieceBytes = 0;
    if (wasFull) this.#owner.resumed(task);
  }

  #send(task: Task): void {
    if (!this.#trySend(task)) {
      this.#owner.retryLater(() => {
        const wasFull = this.isFull(task);
        const isSent = this.#trySend(task);
        if (wasFull && !this.isFull(task)) this.#owner.resumed(task);
        return isSent;
      });
    }
  }

  /** False when the ring has no room. Waiting for credit is no reason to try again: credit brings it back here. */
  #trySend(task: Task): boolean {
    const upload = task.upload;
    const link = task.link;
    if (upload === null || upload.isClosed || task.state !== TASK_GIVEN || link === null) return true;
    // Without credit the handler has not started: the task may still be taken back.
    if (upload.failure >= 0) {
      if (!link.failBody(task.entry, upload.failure)) return false;
      upload.isClosed = true;
      return true;
    }
    let position = 0;
    while (upload.pieces.length > 0 && upload.credit > 0) {
      const piece = upload.pieces[0];
      const end = Math.min(piece.length, position + Math.min(upload.credit, BODY_RECORD_BYTES));
      const isLast = upload.isComplete && upload.pieces.length === 1 && end === piece.length;
      if (!link.sendBody(task.entry, piece, position, end, isLast)) {
        if (position > 0) upload.pieces[0] = piece.subarray(position);
        return false;
      }
      upload.credit -= end - position;
      upload.pieceBytes -= end - position;
      position = end;
      if (end === piece.length) {
        upload.pieces.shift();
        position = 0;
      }
      if (isLast) {
        upload.isClosed = true;
        return true;
      }
    }
    if (position > 0) upload.pieces[0] = upload.pieces[0].subarray(position);
    if (!upload.isComplete || upload.pieces.length > 0 || upload.credit <= 0) return true;
    if (!link.sendBody(task.entry, EMPTY, 0, 0, true)) return false;
    upload.isClosed = true;
    return true;
  }
}

const EMPTY = new Uint8Array(0);
