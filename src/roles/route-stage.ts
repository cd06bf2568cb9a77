/**
 * Routes in the dispatcher: requests for static Responses, files and directories are answered without any handler
 * thread; the others learn which function is theirs.
 *
 * Owned by the dispatcher. A static answer is encoded once a second at most and then sent from the same memory. Its route is found by
 * the bytes of the target, if that was asked for before; that of a handler, if it was twice: targets with parameters may never
 * come again. Files go through the same code as on handler threads, with this thread as the host of their exchange.
 */
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import type { AnswerSink } from "../channel/answer-sink.ts";
import { CLOSE, FIRST, LAST } from "../channel/messages.ts";
import {
  allocateRecord,
  longestTaskRecord,
  type RecordMemory,
  TASK_CLOSES,
  TaskView,
  writeTaskRecord,
} from "../channel/task-record.ts";
import { Exchange, type ExchangeHost } from "../fetch/exchange.ts";
import type { FileAccess } from "../fetch/file-access.ts";
import { type PreparedTarget, RouteResponder, type SentTarget } from "../fetch/route-responder.ts";
import { type HandlerTarget, ROUTE_ANSWERED, ROUTE_FETCH, ROUTE_UNKNOWN } from "../fetch/route-target.ts";
import type { RouteEntry } from "../fetch/router.ts";
import type { StaticAnswer, StaticReply } from "../fetch/static-answer.ts";
import { areSameBytes, hashBytes, placeOfHash } from "../http/byte-runs.ts";
import { decodeLatin1 } from "../http/latin1.ts";
import { DEFAULT_LIMITS, type ParserLimits } from "../http/limits.ts";
import { METHOD_HEAD } from "../http/method.ts";
import { FIELD_NUMBERS, fieldOf, type RequestHead } from "../http/request-head.ts";
import { emptyReply } from "../http/response-head.ts";
import type { ControlBlock } from "../shm/control-block.ts";
import type { AnswerWriter } from "./answer-writer.ts";
import type { Client } from "./client.ts";
import { fileAccess } from "./file-access.ts";
import { copyAnswer } from "./native-answer.ts";

/** Routes as a dispatcher is told them. */
export interface RouteSettings {
  readonly entries: readonly RouteEntry<SentTarget>[];
  /** Whether there is a `fetch` for requests without a route; otherwise they get 404. */
  readonly hasFetch: boolean;
}

/** What the stage asks of its dispatcher. */
export interface RouteOwner {
  /** Monotonic ms at the start of this turn. */
  readonly nowMs: number;
  /** All of an answer is queued: the next one may follow. */
  sent(client: Client, sequence: number): void;
  /** An answer cannot be completed: close at once. */
  broken(client: Client): void;
}

const NO_PEER = new Int32Array(5);
/** Targets of static routes, and of handlers, that are found by their bytes, each in the place that these choose. */
const PLACES = 64;
/** Longer targets are not. */
const KNOWN_BYTES = 64;

/** A target and method whose route is known. */
interface KnownTarget {
  readonly method: number;
  readonly bytes: Uint8Array;
}

/** One whose route is static. */
interface StaticTarget extends KnownTarget {
  readonly answer: StaticAnswer;
}

/** One that a handler answers. */
interface HandledTarget extends KnownTarget {
  /** 1 + its number, or ROUTE_FETCH. */
  readonly route: number;
}

/** Answers requests by their routes. */
export class RouteStage implements ExchangeHost, AnswerSink {
  readonly sink: AnswerSink = this;
  readonly takesWhole = false;
  readonly files: FileAccess = fileAccess;
  readonly #owner: RouteOwner;
  readonly #writer: AnswerWriter;
  readonly #control: ControlBlock;
  readonly #hasFetch: boolean;
  readonly #responder: RouteResponder;
  readonly #scratch: RecordMemory;
  readonly #view: TaskView;
  /** Memory of the static replies that are current. */
  readonly #natives: WeakMap<StaticReply, { head: NativeBuffer; body: NativeBuffer | null }> = new WeakMap();
  readonly #static: (StaticTarget | null)[] = new Array<StaticTarget | null>(PLACES).fill(null);
  readonly #handled: (HandledTarget | null)[] = new Array<HandledTarget | null>(PLACES).fill(null);
  /** Hash of the target that came last in each place and was not known. */
  readonly #asked: Int32Array = new Int32Array(PLACES);
  #client: Client | null = null;
  #sequence = 0;
  /** Value of Date in this turn, and which that is. */
  #date = "";
  #datedMs = Number.NaN;

  constructor(
    owner: RouteOwner,
    writer: AnswerWriter,
    control: ControlBlock,
    settings: RouteSettings,
    limits: ParserLimits = DEFAULT_LIMITS,
  ) {
    this.#owner = owner;
    this.#writer = writer;
    this.#control = control;
    this.#hasFetch = settings.hasFetch;
    this.#responder = new RouteResponder(settings.entries, fileAccess);
    this.#scratch = allocateRecord(longestTaskRecord(limits));
    this.#view = new TaskView(this.#scratch);
  }

  /**
   * Finds the route of a request and answers it if no user code is needed.
   *
   * @returns 1 + the number of its handler, ROUTE_FETCH, ROUTE_UNKNOWN, or ROUTE_ANSWERED
   */
  route(
    client: Client,
    sequence: number,
    head: RequestHead,
    bytes: Buffer,
    headStart: number,
    flags: number,
  ): number {
    // After a reload the handlers know the routes, and this thread does not.
    if (this.#control.areRoutesReplaced) return ROUTE_UNKNOWN;
    const targetStart = headStart + head.targetStart;
    const targetEnd = headStart + head.targetEnd;
    const hash = hashBytes(head.method, bytes, targetStart, targetEnd);
    const place = placeOfHash(hash, PLACES);
    const still = this.#static[place]!;
    if (still !== null && isSame(still, head, bytes, targetStart)) {
      this.#sendStatic(client, sequence, still.answer, head, bytes, headStart, flags);
      return ROUTE_ANSWERED;
    }
    const handled = this.#handled[place]!;
    if (handled !== null && isSame(handled, head, bytes, targetStart)) return handled.route;
    const target = decodeLatin1(bytes, targetStart, targetEnd);
    let match = this.#responder.find(target, head.method);
    this.#note(match?.value ?? null, head.method, hash, place, target);
    while (match !== null) {
      const { value } = match;
      if (value.kind === "handler") return value.handler + 1;
      if (value.kind === "static") {
        this.#sendStatic(client, sequence, value.answer, head, bytes, headStart, flags);
        return ROUTE_ANSWERED;
      }
      this.#client = client;
      this.#sequence = sequence;
      writeTaskRecord(this.#scratch, 0, head, bytes, headStart, 0, flags, NO_PEER, 0);
      this.#view.moveTo(this.#scratch, 0);
      const exchange = new Exchange(this, 0, 0, this.#view);
      if (this.#responder.answer(exchange, this.#view, value, target)) return ROUTE_ANSWERED;
      match = this.#responder.findAfter(target, head.method, match);
    }
    if (this.#hasFetch) return ROUTE_FETCH;
    const reply = emptyReply(404, `Date: ${this.#dateText}`);
    this.#reply(client, sequence, nativeOf(reply), (flags & TASK_CLOSES) !== 0);
    return ROUTE_ANSWERED;
  }

  /** Notes what a target leads to, if that is always the same. */
  #note(first: PreparedTarget | null, method: number, hash: number, place: number, target: string): void {
    if (target.length > KNOWN_BYTES) return;
    if (first !== null && first.kind === "static") {
      this.#static[place] = { method, bytes: Buffer.from(target, "latin1"), answer: first.answer };
    } else if (first === null ? this.#hasFetch : first.kind === "handler") {
      if (this.#asked[place] === hash) {
        const route = first === null ? ROUTE_FETCH : (first as HandlerTarget).handler + 1;
        this.#handled[place] = { method, bytes: Buffer.from(target, "latin1"), route };
      }
      this.#asked[place] = hash;
    }
  }

  get #dateText(): string {
    const { nowMs } = this.#owner;
    if (nowMs !== this.#datedMs) {
      this.#datedMs = nowMs;
      this.#date = this.#responder.date(Date.now());
    }
    return this.#date;
  }

  #sendStatic(
    client: Client,
    sequence: number,
    answer: StaticAnswer,
    head: RequestHead,
    bytes: Buffer,
    headStart: number,
    flags: number,
  ): void {
    const status = mayHaveConditions(head)
      ? answer.status(
          head.method,
          fieldOf(head, bytes, headStart, "if-match"),
          fieldOf(head, bytes, headStart, "if-none-match"),
          fieldOf(head, bytes, headStart, "if-modified-since"),
        )
      : answer.content.status;
    const reply = answer.reply(status, head.method === METHOD_HEAD, this.#dateText);
    let native = this.#natives.get(reply);
    if (native === undefined) {
      native = { head: nativeOf(reply.bytes), body: reply.body === null ? null : nativeOf(reply.body) };
      this.#natives.set(reply, native);
    }
    const closes = (flags & TASK_CLOSES) !== 0 || answer.content.closes;
    this.#writer.record.bytes(
      client,
      sequence,
      native.head.bytes,
      0,
      native.head.length + (native.body?.length ?? 0),
    );
    this.#writer.direct.answerBytes(client, sequence, native.head, native.body, closes);
    this.#owner.sent(client, sequence);
  }

  #reply(client: Client, sequence: number, bytes: NativeBuffer, closes: boolean): void {
    this.#writer.record.bytes(client, sequence, bytes.bytes, 0, bytes.length);
    this.#writer.direct.answerBytes(client, sequence, bytes, null, closes);
    this.#owner.sent(client, sequence);
  }

  // The exchange of a file or directory route; its answers are short, or go as an open file.

  answer(
    _entry: number,
    _serial: number,
    head: string,
    body: Uint8Array | null,
    start: number,
    end: number,
    flags: number,
  ): void {
    if (this.#client === null) return;
    const isLast = (flags & LAST) !== 0;
    const closes = isLast ? flags & CLOSE : 0;
    if ((flags & FIRST) !== 0) this.#writer.record.text(this.#client, this.#sequence, head, end - start);
    else this.#writer.record.more(this.#client, this.#sequence, end - start);
    this.#writer.direct.answer(this.#client, this.#sequence, head, body, start, end, closes);
    if (isLast) this.#owner.sent(this.#client, this.#sequence);
  }

  answerFile(
    _entry: number,
    _serial: number,
    head: string,
    fd: number,
    offset: number,
    length: number,
    flags: number,
  ): void {
    if (this.#client === null) return;
    const native = copyAnswer(head, null, 0, 0);
    this.#writer.file(this.#client, this.#sequence, native, fd, offset, length, (flags & CLOSE) !== 0);
    this.#owner.sent(this.#client, this.#sequence);
  }

  cut(): void {
    if (this.#client !== null) this.#owner.broken(this.#client);
  }

  creditBody(): void {}

  setIdleTimeout(): void {}

  release(): void {}
}

/** Whether a head has fields whose names are as long as those of conditions. */
function mayHaveConditions(head: RequestHead): boolean {
  const { fields } = head;
  for (let i = 0; i < head.headerCount; i++) {
    const length = fields[i * FIELD_NUMBERS + 1]! - fields[i * FIELD_NUMBERS]!;
    if (length === 8 || length === 13 || length === 17) return true;
  }
  return false;
}

function isSame(known: KnownTarget, head: RequestHead, bytes: Uint8Array, targetStart: number): boolean {
  const { length } = known.bytes;
  if (known.method !== head.method || length !== head.targetEnd - head.targetStart) return false;
  return areSameBytes(known.bytes, 0, bytes, targetStart, length);
}

function nativeOf(bytes: Uint8Array): NativeBuffer {
  const native = NativeBuffer.allocate(Math.max(1, bytes.length));
  native.bytes.set(bytes);
  return native;
}
