/**
 * The body of a request that is still arriving: put together for `text()` and its like, or a ReadableStream.
 *
 * Lives on the thread that runs the handler. It grants the dispatcher credit for what has left it, so that a handler
 * that does not read stops the socket: at most BODY_WINDOW bytes are on their way or wait here.
 *
 *   WAITING     nobody has asked for it; what comes is kept, up to the first window
 *   COLLECTING  it is copied into one buffer, and credit is given back at once
 *   STREAMING   it goes into a ReadableStream, and credit is given back as that is read
 *   CLOSED      complete, failed, or nobody reads the rest
 */
import type { AnswerSink } from "../channel/answer-sink.ts";
import { BODY_WINDOW } from "../channel/messages.ts";

/** Why the rest of a body does not come. */
export class BodyFailure extends Error {
  /** Status that the client was sent, 0 if it has left. */
  readonly status: number;

  constructor(status: number) {
    super(
      status === 413
        ? "Request body exceeded maxRequestBodySize"
        : status === 0
          ? "The connection was closed."
          : "The request body is malformed",
    );
    this.name = status === 0 ? "AbortError" : "Error";
    this.status = status;
  }
}

/** The error for a body whose rest does not come: an AbortError when the client has left. */
export function bodyFailure(status: number): Error | DOMException {
  return status === 0
    ? new DOMException("The connection was closed.", "AbortError")
    : new BodyFailure(status);
}

const WAITING = 0;
const COLLECTING = 1;
const STREAMING = 2;
const CLOSED = 3;

/** Credit is given back in steps: a message for every piece would cost more than the piece. */
const CREDIT_STEP: number = BODY_WINDOW / 4;
/** A buffer of the announced length is made at once up to here; longer ones grow with what arrives. */
const EAGER_BYTES: number = 1024 * 1024;

/** A body that arrives piece by piece. */
export class IncomingBody {
  /** The stream that user code was given of it, if not the one that is made here (`server-request.ts`). */
  shown: ReadableStream<Uint8Array> | null = null;
  /** Whether all of it was asked for at once. */
  isCollected = false;
  readonly #sink: AnswerSink;
  readonly #entry: number;
  readonly #serial: number;
  readonly #length: number;
  #state: number = WAITING;
  /** Bytes granted to the dispatcher that have not arrived. */
  #granted: number = BODY_WINDOW;
  #pieces: Uint8Array[] = [];
  #isComplete = false;
  #failure: unknown = null;
  #buffer: Uint8Array = new Uint8Array(0);
  #filled = 0;
  #resolve: ((bytes: Uint8Array) => void) | null = null;
  #reject: ((error: unknown) => void) | null = null;
  #stream: ReadableStream<Uint8Array> | null = null;
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;

  /**
   * @param length the announced length in bytes, -1 if it is not known
   * @param content all of the body, where it has arrived; it is the body's from now on
   */
  constructor(
    sink: AnswerSink,
    entry: number,
    serial: number,
    length: number,
    content: Uint8Array | null = null,
  ) {
    this.#sink = sink;
    this.#entry = entry;
    this.#serial = serial;
    this.#length = length;
    if (content !== null) {
      this.#pieces.push(content);
      this.#isComplete = true;
      return;
    }
    sink.creditBody(entry, serial, BODY_WINDOW);
  }

  /** Whether a stream was made of it. */
  get isStreamed(): boolean {
    return this.#stream !== null;
  }

  /** Takes the next bytes, source[start..end); they are copied. */
  receive(source: Buffer, start: number, end: number): void {
    const length = end - start;
    if (length === 0) return;
    this.#granted -= length;
    if (this.#state === COLLECTING) {
      this.#append(source, start, end);
      this.#grant(BODY_WINDOW - this.#granted);
      return;
    }
    if (this.#state === CLOSED) {
      this.#grant(BODY_WINDOW - this.#granted);
      return;
    }
    const piece = Bun.allocUnsafe(length);
    source.copy(piece, 0, start, end);
    if (this.#state === STREAMING) this.#controller?.enqueue(piece);
    else this.#pieces.push(piece);
  }

  /** The body is complete. */
  end(): void {
    if (this.#state === CLOSED) return;
    this.#isComplete = true;
    if (this.#state === COLLECTING) this.#finishCollecting();
    else if (this.#state === STREAMING) this.#controller?.close();
    if (this.#state !== WAITING) this.#state = CLOSED;
  }

  /** The rest of the body will not come. */
  fail(error: unknown): void {
    if (this.#state === CLOSED || this.#isComplete) return;
    this.#failure = error;
    if (this.#state === COLLECTING) this.#reject?.(error);
    else if (this.#state === STREAMING) this.#controller?.error(error);
    this.#pieces = [];
    this.#state = CLOSED;
  }

  /** Nobody reads the rest: it is let through and dropped, so that the connection can go on. */
  abandon(): void {
    // What has come whole is kept: it may be read later.
    if (this.#state === CLOSED || this.#isComplete) return;
    this.fail(new DOMException("The connection was closed.", "AbortError"));
    this.#state = CLOSED;
    this.#pieces = [];
    this.#grant(BODY_WINDOW - this.#granted);
  }

  /** The whole body in one buffer; to be called once, and not beside `stream`. */
  collect(): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== null) {
        reject(this.#failure);
        return;
      }
      this.#resolve = resolve;
      this.#reject = reject;
      this.#state = COLLECTING;
      const pieces = this.#pieces;
      this.#pieces = [];
      if (this.#isComplete && pieces.length === 1) {
        this.#state = CLOSED;
        resolve(pieces[0]!);
        return;
      }
      for (const piece of pieces) this.#append(piece, 0, piece.length);
      if (this.#isComplete) {
        this.#finishCollecting();
        this.#state = CLOSED;
      } else this.#grant(BODY_WINDOW - this.#granted);
    });
  }

  /** The body as a stream; the same one each time. */
  get stream(): ReadableStream<Uint8Array> {
    this.#stream ??= new ReadableStream<Uint8Array>(
      {
        start: (controller) => this.#startStreaming(controller),
        pull: () => this.#grantRoom(),
        cancel: () => this.abandon(),
      },
      { highWaterMark: BODY_WINDOW, size: (piece) => piece?.length ?? 0 },
    );
    return this.#stream;
  }

  #startStreaming(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
    if (this.#failure !== null) {
      controller.error(this.#failure);
      return;
    }
    for (const piece of this.#pieces) controller.enqueue(piece);
    this.#pieces = [];
    if (this.#isComplete) {
      controller.close();
      this.#state = CLOSED;
    } else this.#state = STREAMING;
  }

  #append(source: Uint8Array, start: number, end: number): void {
    const needed = this.#filled + end - start;
    if (needed > this.#buffer.length) this.#grow(needed);
    Buffer.prototype.copy.call(source, this.#buffer, this.#filled, start, end);
    this.#filled = needed;
  }

  #grow(needed: number): void {
    const isKnown = this.#length >= needed;
    const doubled = Math.max(needed, this.#buffer.length * 2);
    const length = isKnown && this.#length <= Math.max(EAGER_BYTES, doubled) ? this.#length : doubled;
    // Nobody sees more of it than was filled. There is none of 4 GiB or more that is not zeroed.
    const grown = length <= EAGER_BYTES ? Bun.allocUnsafe(length) : new Uint8Array(length);
    grown.set(this.#buffer.subarray(0, this.#filled));
    this.#buffer = grown;
  }

  #finishCollecting(): void {
    const bytes = this.#filled === this.#buffer.length ? this.#buffer : this.#buffer.slice(0, this.#filled);
    this.#buffer = new Uint8Array(0);
    this.#resolve?.(bytes);
  }

  #grantRoom(): void {
    if (this.#state === STREAMING) this.#grant((this.#controller?.desiredSize ?? 0) - this.#granted);
  }

  #grant(bytes: number): void {
    if (this.#isComplete || bytes < CREDIT_STEP) return;
    this.#granted += bytes;
    this.#sink.creditBody(this.#entry, this.#serial, bytes);
  }
}
