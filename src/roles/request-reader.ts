/**
 * The way in: bytes from the sockets of clients to requests.
 *
 * Owned by the dispatcher. One receive buffer is lent to whichever client is read; a client has a buffer of its own only
 * while part of a head, or requests ahead of their turn, wait in it. A request whose body is short is given to a handler
 * whole; a longer one as soon as its head is there, its body following as the handler reads it (`upload.ts`).
 */
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import { INLINE_BODY_BYTES } from "../channel/messages.ts";
import {
  TASK_CLOSES,
  TASK_HAS_BODY,
  TASK_HTTP_1_0,
  TASK_MEASURED,
  TASK_STREAMS_BODY,
  taskRecordBytes,
  writeTaskRecord,
} from "../channel/task-record.ts";
import { ROUTE_ANSWERED } from "../fetch/route-responder.ts";
import type { ParserLimits } from "../http/limits.ts";
import { METHOD_GET, METHOD_HEAD } from "../http/method.ts";
import { RequestHead } from "../http/request-head.ts";
import { BODY, END, HEAD, NEED_DATA } from "../http/request-parser.ts";
import {
  BODY_TOO_LARGE_REPLY,
  CONTINUE_REPLY,
  errorReply,
  LENGTH_TOO_LARGE_REPLY,
  OVERLOADED_REPLY,
} from "../http/response-head.ts";
import { receive, WOULD_BLOCK } from "../net/stream-socket.ts";
import { DispatcherCounter } from "../shm/counters.ts";
import { PEER_ADDRESS_WORDS } from "../shm/incoming-queue.ts";
import { CLIENT_LINGERING, CLIENT_OPEN, type Client, TASK_OVER, Task } from "./client.ts";
import type { ClientTable } from "./client-table.ts";
import { CollectedBody } from "./collected-body.ts";
import type { DirectAnswers } from "./direct-answers.ts";
import type { InlineHost } from "./inline-host.ts";
import { NO_KIND } from "./kind-table.ts";
import type { RouteStage } from "./route-stage.ts";
import type { Scheduler } from "./scheduler.ts";
import { Upload } from "./upload.ts";
import type { UploadSender } from "./upload-sender.ts";

/** Bytes read from one client in a turn. */
export const CHUNK_SIZE: number = 256 * 1024;
/** Requests of one client that may be in flight; then reading pauses. */
export const MAX_PIPELINED = 64;

/** What the request reader asks of its dispatcher. */
export interface ReaderOwner {
  /** Monotonic ms at the start of this turn. */
  readonly nowMs: number;
  /** Sends an answer of the server's own for a request. */
  reply(client: Client, sequence: number, bytes: Buffer, closes: boolean): void;
  /** Sends bytes for a request whose answer is still to come. */
  interim(client: Client, sequence: number, bytes: Buffer): void;
  /** The peer has closed its half. */
  inputOver(client: Client): void;
  /** The connection failed. */
  broken(client: Client): void;
  /** A request is in flight from now on. */
  began(): void;
  /** A request is not in flight any more. */
  over(task: Task): void;
  /** Nobody waits for the answer of a task any more. */
  abandon(task: Task): void;
  /** A request has begun or ended, or its body has moved on. */
  progressed(client: Client): void;
}

/** Reads the requests of one dispatcher's clients. */
export class RequestReader {
  readonly #owner: ReaderOwner;
  readonly #table: ClientTable;
  readonly #scheduler: Scheduler;
  readonly #uploads: UploadSender;
  readonly #counters: Float64Array;
  readonly #maxBodyBytes: number;
  readonly #direct: DirectAnswers;
  readonly #routes: RouteStage | null;
  readonly #inline: InlineHost | null;
  readonly #buffer: NativeBuffer = NativeBuffer.allocate(CHUNK_SIZE);
  readonly #head: RequestHead;
  /** Bodies that are being put together, by task. */
  readonly #collecting: WeakMap<Task, CollectedBody> = new WeakMap();

  constructor(
    owner: ReaderOwner,
    table: ClientTable,
    scheduler: Scheduler,
    uploads: UploadSender,
    counters: Float64Array,
    limits: ParserLimits,
    maxBodyBytes: number,
    direct: DirectAnswers,
    routes: RouteStage | null,
    inline: InlineHost | null,
  ) {
    this.#owner = owner;
    this.#table = table;
    this.#scheduler = scheduler;
    this.#uploads = uploads;
    this.#counters = counters;
    this.#maxBodyBytes = maxBodyBytes;
    this.#direct = direct;
    this.#routes = routes;
    this.#inline = inline;
    this.#head = new RequestHead(limits);
  }

  /** Whether a client may not be read now: too many requests in flight, or its body waits for its handler. */
  isPaused(client: Client): boolean {
    if (client.state === CLIENT_LINGERING) return false;
    if (client.state !== CLIENT_OPEN) return true;
    if (client.answers.outstanding >= MAX_PIPELINED && client.receiving === null) return true;
    return client.receiving !== null && this.#uploads.isFull(client.receiving);
  }

  /** Parses what was held back and reads once; answers of this thread's own leave together. */
  read(client: Client): void {
    this.#direct.begin(client);
    this.#inline?.beginClient();
    this.#read(client);
    this.#direct.end();
  }

  #read(client: Client): void {
    if (client.mustParse && client.state === CLIENT_OPEN) {
      client.mustParse = false;
      if (client.held !== null) this.#parse(client, client.held, client.heldStart, client.heldEnd);
      else this.#parse(client, this.#buffer, 0, 0);
      if (!client.isReadable || this.isPaused(client)) return;
    }
    let native = this.#buffer;
    let start = 0;
    if (client.held !== null && client.state === CLIENT_OPEN) {
      native = this.#roomIn(client);
      start = client.heldEnd;
    }
    const length = native.length - start;
    const count = receive(client.fd, native.address + start, length);
    if (count > 0) {
      // A short read means that there is no more, unless the end is near: that has to be read.
      if (count < length && !client.isHungUp) client.isReadable = false;
      this.#counters[DispatcherCounter.bytesReceived] += count;
      // What comes after the last request is dropped.
      if (client.state !== CLIENT_OPEN) return;
      if (start === 0) this.#parse(client, native, 0, count);
      else this.#parse(client, native, client.heldStart, start + count);
      return;
    }
    client.isReadable = false;
    if (count === 0) this.#owner.inputOver(client);
    else if (count !== WOULD_BLOCK) this.#owner.broken(client);
  }

  /** Makes sure that a client's own buffer has room behind what it holds. */
  #roomIn(client: Client): NativeBuffer {
    const held = client.held as NativeBuffer;
    if (client.heldEnd < held.length) return held;
    const length = client.heldEnd - client.heldStart;
    const grown = NativeBuffer.allocate(Math.max(1024, length * 2));
    held.bytes.copy(grown.bytes, 0, client.heldStart, client.heldEnd);
    client.held = grown;
    client.heldStart = 0;
    client.heldEnd = length;
    return grown;
  }

  /** Keeps bytes[start..end) for later. */
  #hold(client: Client, native: NativeBuffer, start: number, end: number): void {
    if (start === end) {
      client.held = null;
      return;
    }
    if (client.held !== native) {
      const length = end - start;
      const copy = NativeBuffer.allocate(Math.max(256, length + (length >> 1)));
      native.bytes.copy(copy.bytes, 0, start, end);
      client.held = copy;
      client.heldStart = 0;
      client.heldEnd = length;
      return;
    }
    client.heldStart = start;
    client.heldEnd = end;
  }

  #parse(client: Client, native: NativeBuffer, start: number, end: number): void {
    const parser = client.parser;
    const bytes = native.bytes;
    let position = start;
    for (;;) {
      const event = parser.next(bytes, position, end, this.#head);
      position = parser.position;
      switch (event) {
        case HEAD:
          this.#onHead(client, bytes, position, end);
          break;
        case BODY:
          if (!client.isDropping) this.#onBody(client, bytes, parser.bodyStart, parser.bodyEnd);
          break;
        case END:
          this.#onEnd(client);
          break;
        case NEED_DATA:
          this.#hold(client, native, position, end);
          this.#owner.progressed(client);
          return;
        default:
          this.#fail(client, errorReply(parser.error?.status ?? 400), parser.error?.status ?? 400);
          this.#counters[DispatcherCounter.parseErrors] += 1;
          return;
      }
      if (client.state !== CLIENT_OPEN) return;
      // What is left may hold whole requests: it is parsed again when the pause is over, or at this client's next turn.
      if (this.isPaused(client) || (event === END && this.#inline?.isTurnOver)) {
        this.#hold(client, native, position, end);
        client.mustParse = true;
        this.#owner.progressed(client);
        return;
      }
    }
  }

  #onHead(client: Client, bytes: Buffer, position: number, end: number): void {
    const head = this.#head;
    const sequence = client.answers.assign();
    this.#counters[DispatcherCounter.requests] += 1;
    head.route = 0;
    if (this.#routes !== null) {
      const { headStart } = client.parser;
      head.route = this.#routes.route(client, sequence, head, bytes, headStart, flagsOf(head, false));
      if (head.route === ROUTE_ANSWERED) {
        client.isDropping = true;
        if (!head.keepAlive) client.isLastRequest = true;
        return;
      }
    }
    const length = head.contentLength;
    const hasBody = length > 0 || head.isChunked;
    const isDropped = head.method === METHOD_GET || head.method === METHOD_HEAD;
    const inline = this.#inline;
    const kind = inline === null ? NO_KIND : inline.kinds.find(head, bytes, client.parser.headStart);
    const parent = inline === null ? NO_KIND : inline.kinds.parent;
    if (kind !== NO_KIND && !head.expectsContinue && inline!.takes(kind, parent)) {
      const bodyBytes = isDropped || !hasBody ? 0 : length;
      if (!(hasBody && head.isChunked && !isDropped) && this.#isWhole(bodyBytes, position, end)) {
        client.isDropping = true;
        if (!head.keepAlive) client.isLastRequest = true;
        inline!.run(
          client,
          sequence,
          kind,
          parent,
          head,
          bytes,
          client.parser.headStart,
          position,
          bodyBytes,
          flagsOf(head, hasBody && !isDropped),
          this.#table.peers,
          client.slot * PEER_ADDRESS_WORDS,
        );
        return;
      }
    }
    const task = new Task(client, sequence);
    task.kind = kind;
    task.kindParent = parent;
    client.tasks.push(task);
    client.arriving = task;
    this.#owner.began();
    client.isDropping = isDropped || !hasBody;
    if (!isDropped && length > this.#maxBodyBytes) {
      this.#fail(client, LENGTH_TOO_LARGE_REPLY, 413);
      return;
    }
    if (head.expectsContinue) this.#owner.interim(client, task.sequence, CONTINUE_REPLY);
    const flags = flagsOf(head, hasBody && !isDropped) | (kind === NO_KIND ? 0 : TASK_MEASURED);
    if (!hasBody || isDropped) {
      this.#place(client, task, bytes, position, 0, flags);
    } else if (!head.isChunked && length <= INLINE_BODY_BYTES && position + length <= end) {
      client.isDropping = true;
      this.#place(client, task, bytes, position, length, flags);
    } else if (length > INLINE_BODY_BYTES) {
      task.upload = new Upload();
      client.receiving = task;
      this.#place(client, task, bytes, position, 0, flags | TASK_STREAMS_BODY);
    } else {
      this.#collect(client, task, bytes, flags);
    }
    if (!head.keepAlive) client.isLastRequest = true;
  }

  /** Whether a body of that length lies whole between position and end, and may travel with its head. */
  #isWhole(bodyBytes: number, position: number, end: number): boolean {
    return bodyBytes <= INLINE_BODY_BYTES && bodyBytes <= this.#maxBodyBytes && position + bodyBytes <= end;
  }

  #place(
    client: Client,
    task: Task,
    bytes: Buffer,
    bodyStart: number,
    bodyBytes: number,
    flags: number,
  ): void {
    const placed = this.#scheduler.place(
      task,
      this.#head,
      bytes,
      client.parser.headStart,
      bodyStart,
      bodyBytes,
      flags,
      this.#table.peers,
      client.slot * PEER_ADDRESS_WORDS,
      this.#owner.nowMs,
    );
    if (!placed) this.#refuse(client, task);
  }

  #refuse(client: Client, task: Task): void {
    this.#counters[DispatcherCounter.tasksRefused] += 1;
    this.#owner.over(task);
    client.isDropping = true;
    client.receiving = null;
    this.#owner.reply(client, task.sequence, OVERLOADED_REPLY, client.isLastRequest);
    client.forget(task);
  }

  #collect(client: Client, task: Task, bytes: Buffer, flags: number): void {
    const head = this.#head;
    const expected = head.isChunked ? 0 : head.contentLength;
    const recordBytes = taskRecordBytes(head, 0);
    const body = new CollectedBody(recordBytes, expected);
    writeTaskRecord(
      body,
      0,
      head,
      bytes,
      client.parser.headStart,
      0,
      flags,
      this.#table.peers,
      client.slot * PEER_ADDRESS_WORDS,
    );
    this.#collecting.set(task, body);
    client.receiving = task;
  }

  #onBody(client: Client, bytes: Buffer, start: number, end: number): void {
    const task = client.receiving;
    if (task === null) return;
    if (client.parser.bodyBytes > this.#maxBodyBytes) {
      this.#tooLarge(client, task);
      return;
    }
    if (task.upload !== null) {
      this.#uploads.push(task, bytes, start, end);
      return;
    }
    const body = this.#collecting.get(task) as CollectedBody;
    body.append(bytes, start, end);
    if (body.bodyBytes <= INLINE_BODY_BYTES) return;
    // It has grown too long to travel in one record: the handler gets the head now and reads the rest as a stream.
    this.#collecting.delete(task);
    const upload = new Upload();
    task.upload = upload;
    upload.pieces.push(body.body());
    upload.pieceBytes = body.bodyBytes;
    body.finish(0, TASK_STREAMS_BODY);
    if (!this.#scheduler.placeRecord(task, body.record(), this.#owner.nowMs)) this.#refuse(client, task);
  }

  #onEnd(client: Client): void {
    const task = client.receiving;
    client.receiving = null;
    client.arriving = null;
    client.isDropping = false;
    if (task !== null && task.state !== TASK_OVER) {
      if (task.upload !== null) this.#uploads.complete(task);
      else {
        const body = this.#collecting.get(task);
        if (body !== undefined) {
          this.#collecting.delete(task);
          body.finish(body.bodyBytes, 0);
          if (this.#inline?.takes(task.kind, task.kindParent)) this.#runCollected(client, task, body);
          else if (!this.#scheduler.placeRecord(task, body.record(), this.#owner.nowMs))
            this.#refuse(client, task);
        }
      }
    }
    if (client.isLastRequest) client.stopReading();
  }

  #runCollected(client: Client, task: Task, body: CollectedBody): void {
    // Inline, a request has a task only if it outlives the call of its handler.
    client.forget(task);
    this.#owner.over(task);
    this.#inline?.runRecord(client, task.sequence, task.kind, task.kindParent, body);
  }

  #tooLarge(client: Client, task: Task): void {
    if (task.upload !== null) this.#uploads.fail(task, 413);
    this.#fail(client, BODY_TOO_LARGE_REPLY, 413);
  }

  /** Answers the request that is arriving, or the next one, with an error, and closes after it. */
  #fail(client: Client, reply: Buffer, status: number): void {
    const task = client.arriving;
    client.arriving = null;
    client.receiving = null;
    client.isDropping = true;
    client.stopReading();
    client.mustLinger = true;
    if (task === null) {
      this.#owner.reply(client, client.answers.assign(), reply, true);
      return;
    }
    if (task.upload !== null) this.#uploads.fail(task, status);
    // An answer that has begun, or is out already, cannot be replaced: the connection ends after it.
    if (task.isAnswering || task.state === TASK_OVER) return;
    this.#owner.abandon(task);
    client.forget(task);
    this.#owner.reply(client, task.sequence, reply, true);
  }
}

function flagsOf(head: RequestHead, hasBody: boolean): number {
  return (
    (head.minorVersion === 0 ? TASK_HTTP_1_0 : 0) |
    (head.keepAlive ? 0 : TASK_CLOSES) |
    (hasBody ? TASK_HAS_BODY : 0)
  );
}
