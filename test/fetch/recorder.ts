/** The host of an exchange for tests: takes the answers and notes them, and makes exchanges of requests in text. */
import type { AnswerSink } from "../../src/channel/answer-sink.ts";
import { ANSWER_WINDOW, CLOSE, FIRST, LAST } from "../../src/channel/messages.ts";
import {
  TASK_CLOSES,
  TASK_HAS_BODY,
  TASK_HTTP_1_0,
  TASK_STREAMS_BODY,
  TaskView,
  taskRecordBytes,
  writeTaskRecord,
} from "../../src/channel/task-record.ts";
import { Exchange, type ExchangeHost } from "../../src/fetch/exchange.ts";
import { fileAccess } from "../../src/roles/file-access.ts";
import { PEER, PEER_INDEX, parseRequest } from "../channel/link-pair.ts";

/** One call of `AnswerSink.answer`. */
export interface Piece {
  readonly bytes: Buffer;
  readonly flags: number;
}

/** An answer, taken apart. */
export interface Answer {
  readonly statusLine: string;
  readonly fields: readonly (readonly [string, string])[];
  /** Value of a field, repeated ones joined; undefined without one. Names in lower case. */
  field(name: string): string | undefined;
  readonly body: Buffer;
  /** The body without chunked coding; null when it ends early. */
  readonly content: string | null;
}

/** One call of `AnswerSink.answerFile`. */
export interface FilePiece {
  readonly head: string;
  readonly fd: number;
  readonly offset: number;
  readonly length: number;
  readonly flags: number;
}

/** Notes all that an exchange gives to its host. */
export class Recorder implements AnswerSink, ExchangeHost {
  readonly sink: AnswerSink = this;
  readonly takesWhole: boolean = false;
  readonly pieces: Piece[] = [];
  /** Answers from files; their fds stay open. */
  readonly fileAnswers: FilePiece[] = [];
  readonly files: ExchangeHost["files"] = fileAccess;
  readonly released: Exchange[] = [];
  readonly bodyCredits: number[] = [];
  readonly idleTimeouts: number[] = [];
  cuts = 0;
  /** Where the record of the last exchange lies. */
  record: Buffer = Buffer.alloc(0);
  #waiting: (() => void)[] = [];

  answer(
    _entry: number,
    _serial: number,
    head: string,
    body: Uint8Array | null,
    start: number,
    end: number,
    flags: number,
  ): void {
    const part = body === null ? Buffer.alloc(0) : Buffer.from(body.slice(start, end));
    this.pieces.push({ bytes: Buffer.concat([Buffer.from(head, "latin1"), part]), flags });
    this.#notify();
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
    this.fileAnswers.push({ head, fd, offset, length, flags });
    this.#notify();
  }

  cut(): void {
    this.cuts++;
    this.#notify();
  }

  creditBody(_entry: number, _serial: number, bytes: number): void {
    this.bodyCredits.push(bytes);
  }

  setIdleTimeout(_entry: number, _serial: number, seconds: number): void {
    this.idleTimeouts.push(seconds);
  }

  release(exchange: Exchange): void {
    this.released.push(exchange);
    this.#notify();
  }

  /** All bytes so far. */
  get bytes(): Buffer {
    return Buffer.concat(this.pieces.map((piece) => piece.bytes));
  }

  get length(): number {
    return this.pieces.reduce((sum, piece) => sum + piece.bytes.length, 0);
  }

  get isComplete(): boolean {
    return this.pieces.some((piece) => (piece.flags & LAST) !== 0);
  }

  get closes(): boolean {
    return this.pieces.some((piece) => (piece.flags & CLOSE) !== 0);
  }

  /** Whether FIRST is on the first piece only and LAST on the last only. */
  get isWellFormed(): boolean {
    const last = this.pieces.length - 1;
    return this.pieces.every(
      ({ flags }, index) =>
        ((flags & FIRST) !== 0) === (index === 0) && ((flags & LAST) !== 0) === (index === last),
    );
  }

  /** Resolves when `condition` holds; it is looked at after each message. Fails after 3 s. */
  async until(condition: (recorder: Recorder) => boolean): Promise<void> {
    const deadline = Date.now() + 3000;
    while (!condition(this)) {
      if (Date.now() > deadline) throw new Error("not within 3 s");
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push(resolve);
      await Promise.race([promise, Bun.sleep(20)]);
    }
  }

  #notify(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** The answer so far, taken apart. */
  read(): Answer {
    const bytes = this.bytes;
    const end = bytes.indexOf("\r\n\r\n");
    const [statusLine, ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
    const fields = lines.map((line) => {
      const colon = line.indexOf(": ");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 2)] as const;
    });
    const field = (name: string): string | undefined => {
      const values = fields.filter(([key]) => key === name).map(([, value]) => value);
      return values.length === 0 ? undefined : values.join(", ");
    };
    const body = bytes.subarray(end + 4);
    const content = field("transfer-encoding") === "chunked" ? dechunk(body) : body.toString("latin1");
    return { statusLine, fields, field, body, content };
  }
}

function dechunk(body: Buffer): string | null {
  let text = "";
  for (let at = 0; ; ) {
    const lineEnd = body.indexOf("\r\n", at);
    if (lineEnd < 0) return null;
    const length = Number.parseInt(body.toString("latin1", at, lineEnd), 16);
    const end = lineEnd + 2 + length;
    if (body.toString("latin1", end, end + 2) !== "\r\n") return null;
    if (length === 0) return end + 2 === body.length ? text : null;
    text += body.toString("latin1", lineEnd + 2, end);
    at = end + 2;
  }
}

/** How the request of `makeExchange` reaches its handler. */
export interface RequestShape {
  /** Its body follows in BODY records. */
  readonly streams?: boolean;
  /** 1 + the number of the route that the dispatcher has found. */
  readonly route?: number;
}

/** Makes an exchange of a request; its record lies at an odd place in shared memory (`recorder.record`). */
export function makeExchange(
  text: string,
  recorder: Recorder = new Recorder(),
  shape: RequestShape = {},
): { exchange: Exchange; view: TaskView; recorder: Recorder } {
  const { head, bytes, headStart, bodyStart, bodyBytes } = parseRequest(text);
  const memory = new SharedArrayBuffer((taskRecordBytes(head, bodyBytes) + 64 + 7) & ~7);
  const target = { bytes: Buffer.from(memory as unknown as ArrayBuffer), words: new Int32Array(memory) };
  head.route = shape.route ?? 0;
  const hasBody = bodyBytes > 0 || head.contentLength > 0 || head.isChunked;
  const flags =
    (head.minorVersion === 0 ? TASK_HTTP_1_0 : 0) |
    (head.keepAlive ? 0 : TASK_CLOSES) |
    (hasBody ? TASK_HAS_BODY : 0) |
    (shape.streams ? TASK_STREAMS_BODY : 0);
  const at = writeTaskRecord(
    target,
    32,
    head,
    bytes,
    headStart,
    shape.streams ? 0 : bodyBytes,
    flags,
    PEER,
    PEER_INDEX,
  );
  if (!shape.streams) bytes.copy(target.bytes, at, bodyStart, bodyStart + bodyBytes);
  recorder.record = target.bytes;
  const view = new TaskView(target);
  view.moveTo(target, 32);
  return { exchange: new Exchange(recorder, 5, 77, view), view, recorder };
}

/** The simplest request. */
export const GET = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

/** A client that takes all it is sent: gives credit until the exchange is over. */
export async function drainTo(exchange: Exchange, recorder: Recorder): Promise<void> {
  let taken = 0;
  while (!exchange.isDone) {
    const length = recorder.length;
    if (length > taken) {
      exchange.addCredit(length - taken);
      taken = length;
    }
    await Bun.sleep(0);
  }
}

export { ANSWER_WINDOW };
