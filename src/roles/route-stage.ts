/**
 * Routes in the dispatcher: requests for static Responses, files and directories are answered without any handler
 * thread; the others learn which function is theirs.
 *
 * Owned by the dispatcher. A static answer is encoded once a second at most and then sent from the same memory; its route is found by
 * the bytes of the target, if that was asked for before. Files go
 * through the same code as on handler threads, with this thread as the host of their exchange.
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
import { RouteResponder, type SentTarget } from "../fetch/route-responder.ts";
import { ROUTE_ANSWERED, ROUTE_FETCH, ROUTE_UNKNOWN } from "../fetch/route-target.ts";
import type { RouteEntry } from "../fetch/router.ts";
import type { StaticAnswer, StaticReply } from "../fetch/static-answer.ts";
import { areSameBytes, hashBytes, placeOfHash } from "../http/byte-runs.ts";
import { decodeLatin1, writeLatin1 } from "../http/latin1.ts";
import { DEFAULT_LIMITS, type ParserLimits } from "../http/limits.ts";
import { METHOD_HEAD } from "../http/method.ts";
import { FIELD_NUMBERS, fieldOf, type RequestHead } from "../http/request-head.ts";
import { emptyReply } from "../http/response-head.ts";
import type { ControlBlock } from "../shm/control-block.ts";
import type { AnswerWriter } from "./answer-writer.ts";
import type { Client } from "./client.ts";
import { fileAccess } from "./file-access.ts";

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
/** Targets of static routes that are found by their bytes, each in the place that these choose. */
const PLACES = 32;
/** Longer targets are not. */
const KNOWN_BYTES = 64;

/** A target and method whose route is static. */
interface KnownTarget {
  readonly method: number;
  readonly bytes: Uint8Array;
  readonly answer: StaticAnswer;
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
  readonly #known: (KnownTarget | null)[] = new Array<KnownTarget | null>(PLACES).fill(null);
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
    const place = placeOf(head, bytes, headStart);
    const known = this.#known[place]!;
    if (known !== null && isSame(known, head, bytes, headStart)) {
      this.#sendStatic(client, sequence, known.answer, head, bytes, headStart, flags);
      return ROUTE_ANSWERED;
    }
    const target = decodeLatin1(bytes, headStart + head.targetStart, headStart + head.targetEnd);
    const first = this.#responder.find(target, head.method);
    if (first !== null && first.value.kind === "static" && target.length <= KNOWN_BYTES) {
      const { answer } = first.value;
      this.#known[place] = { method: head.method, bytes: Buffer.from(target, "latin1"), answer };
    }
    let match = first;
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
    const native = NativeBuffer.allocate(head.length);
    writeLatin1(native.bytes, head, 0);
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

function placeOf(head: RequestHead, bytes: Uint8Array, headStart: number): number {
  const hash = hashBytes(head.method, bytes, headStart + head.targetStart, headStart + head.targetEnd);
  return placeOfHash(hash, PLACES);
}

function isSame(known: KnownTarget, head: RequestHead, bytes: Uint8Array, headStart: number): boolean {
  const { length } = known.bytes;
  if (known.method !== head.method || length !== head.targetEnd - head.targetStart) return false;
  return areSameBytes(known.bytes, 0, bytes, headStart + head.targetStart, length);
}

function nativeOf(bytes: Uint8Array): NativeBuffer {
  const native = NativeBuffer.allocate(Math.max(1, bytes.length));
  native.bytes.set(bytes);
  return native;
}
