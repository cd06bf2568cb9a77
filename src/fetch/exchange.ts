/**
 * An exchange: one request that user code answers, from the first call of the handler to the last byte of its answer.
 *
 * It lives on the thread that runs the handler, be that a handler thread, the main thread or a dispatcher: the host gives
 * it a sink for the answer and is told when it is over. It sends answers of any length under a window
 * (`answer-window.ts`) and keeps what user code may still ask for (address, signal, the head's bytes).
 */
import type { AnswerSink } from "../channel/answer-sink.ts";
import { ANSWER_PIECE_BYTES, FIRST, IN_MEMORY, LAST, OWNED } from "../channel/messages.ts";
import type { TaskView } from "../channel/task-record.ts";
import type { Log } from "../log/log.ts";
import { AnswerWindow } from "./answer-window.ts";
import { cookieFields, type RouteParams, withCookieFields } from "./bun-request.ts";
import type { FileAccess } from "./file-access.ts";
import type { IncomingBody } from "./incoming-body.ts";
import type { PatternParams } from "./router.ts";

/** What the thread that runs handlers does for an exchange. */
export interface ExchangeHost {
  /** Takes the answers. */
  readonly sink: AnswerSink;
  /** Opens files. */
  readonly files: FileAccess;
  /** Where mistakes of user code are told; the thread's log when it has none. */
  readonly log?: Log;
  /** Called once, when an exchange that outlived its first call is over. */
  release(exchange: Exchange): void;
}

/** The reason an abandoned request's signal carries, as Bun.serve's does. */
export function closedError(): DOMException {
  return new DOMException("The connection was closed.", "AbortError");
}

/** The reason that the signal of a request carries whose handler has taken too long. */
export function expiredError(): DOMException {
  return new DOMException("The handler took longer than threads.handlerTimeout.", "TimeoutError");
}

/** Longer heads travel as bytes of the body. */
const MAX_HEAD_STRING = 16 * 1024;

/** One request and its answer. */
export class Exchange {
  readonly host: ExchangeHost;
  readonly entry: number;
  readonly serial: number;
  /** Where the head lies; null once the answer is complete. */
  view: TaskView | null;
  /** The rest of a body that is still arriving. */
  body: IncomingBody | null = null;
  /** The cookies of a request that came by a route, once they were asked for; changes go into the answer's head. */
  cookies: Bun.CookieMap | null = null;
  /** What its Request shows (`server-request.ts`): the index of its method in METHODS; its url, null where the native object has it. */
  method = 0;
  url: string | null = null;
  /** Whether the url is no url. */
  isUrlOdd = false;
  areHeadersMade = false;
  /** The native Request behind a light one (`light-request.ts`), once it was needed. */
  native: object | null = null;
  /** Of a request that came by a route: that route, the target, and the parameters once they were asked for. */
  route: PatternParams | null = null;
  target = "";
  params: RouteParams | null = null;
  /** When its handler was called, in ms of the host's clock. */
  startMs = 0;
  /** Whether the client has left. */
  isAborted = false;
  /** Whether the last byte of the answer was given to the sink, or nobody waits for it any more. */
  isDone = false;
  /** Whether the handler's first call is over and the host keeps the exchange. */
  isKept = false;
  /** Called when the client leaves, for an answer that is being produced. */
  onAbort: (() => void) | null = null;
  #controller: AbortController | null = null;
  #reason: () => DOMException = closedError;
  /** Of an answer in several pieces. */
  #window: AnswerWindow | null = null;
  #rest: Uint8Array | null = null;
  #restAt = 0;
  #restFlags = 0;
  #onCredit: (() => void) | null = null;

  constructor(host: ExchangeHost, entry: number, serial: number, view: TaskView) {
    this.host = host;
    this.entry = entry;
    this.serial = serial;
    this.view = view;
  }

  /** The request's signal, made when it is first asked for. */
  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.isAborted) this.#controller.abort(this.#reason());
    }
    return this.#controller.signal;
  }

  /** Keeps the head for an answer that comes later: the record it lies in is about to be given back. */
  keep(): void {
    this.isKept = true;
    if (this.view !== null) this.view = this.view.detach();
  }

  /**
   * Answers whole: `head` (latin-1), then `body`. `flags` may hold CLOSE, and OWNED if nobody else has the body's memory.
   * @param length bytes of `body` to send. Less than all of it are at most INLINE_ANSWER_BYTES, and are copied: the memory
   *   may be used again after the call
   */
  answer(head: string, body: Uint8Array | null, flags: number, length: number = body?.length ?? 0): void {
    if (this.isDone) return;
    if (this.cookies !== null) head = withCookieFields(head, cookieFields(this.cookies));
    const { sink } = this.host;
    if ((head.length + length <= ANSWER_PIECE_BYTES || sink.takesWhole) && head.length <= MAX_HEAD_STRING) {
      sink.answer(this.entry, this.serial, head, body, 0, length, FIRST | LAST | flags);
      if ((flags & OWNED) !== 0 && !sink.takesWhole) freeBytes(body);
      this.#finish();
      return;
    }
    if (head.length <= MAX_HEAD_STRING) {
      this.#rest = body;
    } else {
      this.#rest = Buffer.concat([
        Buffer.from(head, "latin1"),
        body?.subarray(0, length) ?? new Uint8Array(0),
      ]);
      if ((flags & OWNED) !== 0) freeBytes(body);
      head = "";
    }
    this.#restAt = 0;
    this.#restFlags = LAST | flags;
    this.#sendRest(head, FIRST | IN_MEMORY);
  }

  /** Answers with `head` and a part of an open file; the fd is given away. `flags` may hold CLOSE. */
  answerFile(head: string, fd: number, offset: number, length: number, flags: number): void {
    if (this.isDone) return;
    if (this.cookies !== null) head = withCookieFields(head, cookieFields(this.cookies));
    this.host.sink.answerFile(this.entry, this.serial, head, fd, offset, length, flags);
    this.#finish();
  }

  /**
   * Sends a part of an answer whose length is not known before its end; wait for `credit()` while `hasCredit` is false.
   * @param flags FIRST with the first part; LAST with the last one, and CLOSE as for `answer`
   */
  write(head: string, part: Uint8Array | null, flags: number): void {
    if (this.isDone) return;
    if (this.cookies !== null && (flags & FIRST) !== 0) {
      head = withCookieFields(head, cookieFields(this.cookies));
    }
    if (head.length > MAX_HEAD_STRING) {
      part = Buffer.concat([Buffer.from(head, "latin1"), part ?? new Uint8Array(0)]);
      head = "";
    }
    const length = part === null ? 0 : part.length;
    this.#window ??= new AnswerWindow(true);
    let at = 0;
    do {
      const take = Math.min(length - at, ANSWER_PIECE_BYTES - head.length);
      const isLastPiece = at + take === length;
      this.#window.sent(head.length + take);
      this.host.sink.answer(
        this.entry,
        this.serial,
        head,
        part,
        at,
        at + take,
        (flags & FIRST) | (isLastPiece ? flags & ~FIRST : 0),
      );
      at += take;
      head = "";
      flags &= ~FIRST;
    } while (at < length);
    if (flags & LAST) this.#finish();
  }

  /** Whether more of the answer may be sent now. */
  get hasCredit(): boolean {
    return this.#window === null || this.#window.isOpen;
  }

  /** Resolves when more of the answer may be sent, or when nobody waits for it any more. */
  credit(): Promise<void> {
    return new Promise((resolve) => {
      if (this.isDone || this.hasCredit) resolve();
      else this.#onCredit = resolve;
    });
  }

  /** Says that the answer fails after its head was sent. */
  cut(): void {
    if (this.isDone) return;
    this.host.sink.cut(this.entry, this.serial);
    this.#finish();
  }

  /** The client took `bytes` more; called by the host. */
  addCredit(bytes: number): void {
    this.#window?.taken(bytes, performance.now());
    if (this.#rest !== null) this.#sendRest("", 0);
    else if (this.hasCredit) this.#signalCredit();
  }

  /** The client has left; called by the host. The dispatcher gets a last message, so that it can forget the request. */
  abort(): void {
    this.#abort(closedError);
  }

  /** The handler has taken too long, and the client has got another answer; called by the host. */
  expire(): void {
    this.#abort(expiredError);
  }

  #abort(reason: () => DOMException): void {
    if (this.isDone) return;
    this.isAborted = true;
    this.#reason = reason;
    this.body?.fail(reason());
    this.onAbort?.();
    this.host.sink.cut(this.entry, this.serial);
    this.#finish();
    this.#controller?.abort(reason());
  }

  /**
   * The client has closed its half of the connection. Most that do have left, so the signal aborts; but some wait for
   * their answer (RFC 9112 section 9.6), so it is still sent. A stream, which may never end, is cancelled.
   */
  halfClose(): void {
    if (this.isDone) return;
    if (this.onAbort !== null) this.abort();
    else {
      this.isAborted = true;
      this.#controller?.abort(closedError());
    }
  }

  #sendRest(head: string, first: number): void {
    const rest = this.#rest ?? new Uint8Array(0);
    const { length } = rest;
    const { sink } = this.host;
    this.#window ??= new AnswerWindow(false);
    while (this.#window.isOpen) {
      const take = Math.min(length - this.#restAt, ANSWER_PIECE_BYTES - head.length);
      const end = this.#restAt + take;
      const isLast = end === length;
      const flags = first | (isLast ? this.#restFlags : this.#restFlags & OWNED);
      // Whole in one piece it is the sink's to free.
      if (isLast && (first & FIRST) !== 0 && sink.takesWhole) this.#rest = null;
      this.#window.sent(head.length + take);
      sink.answer(this.entry, this.serial, head, rest, this.#restAt, end, flags);
      this.#restAt = end;
      head = "";
      first = 0;
      if (isLast) {
        this.#finish();
        return;
      }
    }
  }

  #signalCredit(): void {
    const resolve = this.#onCredit;
    this.#onCredit = null;
    resolve?.();
  }

  #finish(): void {
    this.isDone = true;
    this.view = null;
    if (this.#rest !== null && (this.#restFlags & OWNED) !== 0) freeBytes(this.#rest);
    this.#rest = null;
    this.onAbort = null;
    this.body?.abandon();
    this.#signalCredit();
    if (this.isKept) this.host.release(this);
  }
}

/** Gives memory that nobody else has back at once: left to the collector, long answers make it grow by tens of megabytes. */
function freeBytes(bytes: Uint8Array | null): void {
  if (bytes !== null) (bytes.buffer as ArrayBuffer).transfer(0);
}
