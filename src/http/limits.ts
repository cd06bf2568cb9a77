/**
 * The bounds a request is parsed within.
 *
 * Nothing a peer sends before its request is complete may grow without end: each part that has no length of its own
 * has a limit here. The size of the content is not among them; whoever dispatches the request compares it with
 * `maxRequestBodySize`.
 *
 * Thread: any; values.
 * Must not know: options of the server.
 */

/** Bounds on what one request may consist of. All are inclusive: a part of exactly this size is accepted. */
export interface ParserLimits {
  /** Bytes of the head: request line, field lines and the closing empty line. Past it: 431. */
  readonly headBytes: number;
  /** Field lines in the head. Past it: 431. */
  readonly headerCount: number;
  /** Bytes of the request line with its CRLF. Past it: 414. */
  readonly requestLineBytes: number;
  /**
   * Bytes of chunk extensions beyond what the content pays for (16 bytes a chunk and twice its data). Past it: 413.
   * So a sender that signs each chunk may go on for ever, one that sends extensions and hardly any content may not.
   */
  readonly chunkExtensionBytes: number;
  /** Bytes of the trailer section with its closing empty line. Past it: 431. */
  readonly trailerBytes: number;
}

/** The limits of a server that sets none; head size and header count are those of Bun.serve. */
export const DEFAULT_LIMITS: ParserLimits = Object.freeze({
  headBytes: 16384,
  headerCount: 198,
  requestLineBytes: 16384,
  chunkExtensionBytes: 16384,
  trailerBytes: 16384,
});
