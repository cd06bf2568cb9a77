/**
 * What an answer is given to, whatever thread runs the handler: the link to a dispatcher, or the dispatcher itself.
 *
 * `entry` and `serial` name the request (`messages.ts`).
 */
export interface AnswerSink {
  /** Whether it takes whole answers of any length at once; else in pieces of up to ANSWER_PIECE_BYTES under the window. */
  readonly takesWhole: boolean;
  /**
   * Sends the next piece of an answer: `head` (latin-1, may be empty), then `body` from `start` to `end`.
   *
   * The bytes of `body` are copied before the call returns or kept unchanged by the caller until they are.
   * @param flags `FIRST` with the head, `LAST` with the last piece, `CLOSE` to close the connection after it;
   *   `IN_MEMORY` with the first piece if all of the answer exists; `OWNED` if the memory of `body` is freed by the caller
   *   after the last piece, or by a sink that takes whole answers
   */
  answer(
    entry: number,
    serial: number,
    head: string,
    body: Uint8Array | null,
    start: number,
    end: number,
    flags: number,
  ): void;
  /**
   * Answers with a head (latin-1) and a part of an open file, which is sent with sendfile(2).
   *
   * @param fd belongs to the sink from now on, which closes it
   * @param flags `CLOSE` to close the connection after it
   */
  answerFile(
    entry: number,
    serial: number,
    head: string,
    fd: number,
    offset: number,
    length: number,
    flags: number,
  ): void;
  /** Says that an answer fails after its head was sent; the client sees a reset connection. */
  cut(entry: number, serial: number): void;
  /** Allows `bytes` more of the request's body. */
  creditBody(entry: number, serial: number, bytes: number): void;
  /** Sets the idle timeout of the request's client, in seconds, 0 for none. */
  setIdleTimeout(entry: number, serial: number, seconds: number): void;
}
