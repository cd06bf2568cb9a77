/**
 * The body of a request that is still arriving, as a ReadableStream for user code.
 *
 * Lives on the thread that runs the handler. It grants the dispatcher credit for what has left it, so that a handler
 * that does not read stops the socket: at most BODY_WINDOW bytes are on their way.
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

/** A body that arrives piece by piece. */
export class IncomingBody {
  /** What user code reads. */
  readonly stream: ReadableStream<Uint8Array>;
  readonly #sink: AnswerSink;
  readonly #entry: number;
  readonly #serial: number;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #isOpen = true;

  constructor(sink: AnswerSink, entry: number, serial: number) {
    this.#sink = sink;
    this.#entry = entry;
    this.#serial = serial;
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#grantConsumed(),
        cancel: () => this.abandon(),
      },
      { highWaterMark: BODY_WINDOW, size: (piece) => piece?.length ?? 0 },
    );
    sink.creditBody(entry, serial, BODY_WINDOW);
    this.#granted = BODY_WINDOW;
  }

  /** Bytes granted to the dispatcher that have not arrived. */
  #granted = 0;

  /** The next piece; `bytes` becomes the stream's. */
  push(bytes: Uint8Array): void {
    this.#granted -= bytes.length;
    if (this.#isOpen && bytes.length > 0) this.#controller.enqueue(bytes);
    if (!this.#isOpen) this.#grantAll(bytes.length);
  }

  /** The body is complete. */
  end(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#controller.close();
  }

  /** The rest of the body will not come. */
  fail(error: unknown): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#controller.error(error);
  }

  /** Nobody reads the rest: it is let through and dropped, so that the connection can go on. */
  abandon(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      this.#controller.error(new DOMException("The connection was closed.", "AbortError"));
    } catch {
      // The stream was cancelled by its reader and is closed already.
    }
  }

  #grantConsumed(): void {
    const room = (this.#controller.desiredSize ?? 0) - this.#granted;
    // Small grants are put off: a message for every piece would cost more than the piece.
    if (room >= BODY_WINDOW / 4) this.#grantAll(room);
  }

  #grantAll(bytes: number): void {
    this.#granted += bytes;
    this.#sink.creditBody(this.#entry, this.#serial, bytes);
  }
}
