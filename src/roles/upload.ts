/**
 * What a dispatcher keeps of a request body that is on its way to a handler. Data only: `upload-sender.ts` moves it.
 */

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
