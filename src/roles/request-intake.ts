/**
 * Where requests go: to a route that the dispatcher answers, to a handler on this thread, or to the handler threads.
 *
 * Owned by the dispatcher; called by the reader with what the parser finds. A request whose body is short is given to a
 * handler whole. A longer one is given as soon as its head is there, its body following as the handler reads it
 * (`upload.ts`); unless it would run on this thread, which waits for nobody: then its body is put together first, up
 * to COLLECT_BYTES and as long as all such bodies together take less than COLLECTING_BYTES.
 */
import { INLINE_BODY_BYTES } from "../channel/messages.ts";
import {
  TASK_MEASURED,
  TASK_STREAMS_BODY,
  taskFlags,
  taskRecordBytes,
  writeTaskRecord,
} from "../channel/task-record.ts";
import { ROUTE_ANSWERED } from "../fetch/route-target.ts";
import type { ParserLimits } from "../http/limits.ts";
import { METHOD_GET, METHOD_HEAD } from "../http/method.ts";
import { RequestHead } from "../http/request-head.ts";
import {
  BODY_TOO_LARGE_REPLY,
  CONTINUE_REPLY,
  LENGTH_TOO_LARGE_REPLY,
  OVERLOADED_REPLY,
} from "../http/response-head.ts";
import { DispatcherCounter } from "../shm/counters.ts";
import { PEER_ADDRESS_WORDS } from "../shm/incoming-queue.ts";
import type { AccessLog } from "./access-log.ts";
import { type Client, TASK_OVER, TASK_WAITING, Task } from "./client.ts";
import type { ClientTable } from "./client-table.ts";
import { CollectedBody } from "./collected-body.ts";
import type { InlineHost } from "./inline-host.ts";
import { type KindTable, NO_KIND, targetHash } from "./kind-table.ts";
import type { OwnPaths } from "./own-paths.ts";
import type { RouteStage } from "./route-stage.ts";
import type { Scheduler } from "./scheduler.ts";
import { Upload } from "./upload.ts";
import type { UploadSender } from "./upload-sender.ts";

/** The longest body that is put together for a handler on this thread. */
const COLLECT_BYTES: number = 1024 * 1024;
/** Bytes of such bodies that may be on their way at once. */
const COLLECTING_BYTES: number = 64 * 1024 * 1024;

/** What the intake asks of its dispatcher. */
export interface IntakeOwner {
  /** Monotonic ms at the start of this turn. */
  readonly nowMs: number;
  /** Sends an answer of the server's own for a request. */
  reply(client: Client, sequence: number, bytes: Buffer, closes: boolean): void;
  /** Sends bytes for a request whose answer is still to come. */
  interim(client: Client, sequence: number, bytes: Buffer): void;
  /** A request is in flight from now on. */
  began(): void;
  /** A request is not in flight any more. */
  over(task: Task): void;
  /** Nobody waits for the answer of a task any more. */
  abandon(task: Task): void;
}

/** Who may answer requests. */
export interface IntakeTargets {
  readonly scheduler: Scheduler;
  readonly uploads: UploadSender;
  /** The access log; null without one. */
  readonly log: AccessLog | null;
  /** Paths that the server answers itself; null without any. */
  readonly own: OwnPaths | null;
  /** Routes that need no handler; null without any. */
  readonly routes: RouteStage | null;
  /** What is known of the kinds of requests; null where nothing is done with it. */
  readonly kinds: KindTable | null;
}

/** Takes the requests of one dispatcher's clients. */
export class RequestIntake {
  /** What the parser writes heads to. */
  readonly head: RequestHead;
  readonly #owner: IntakeOwner;
  readonly #table: ClientTable;
  readonly #counters: Float64Array;
  readonly #maxBodyBytes: number;
  readonly #scheduler: Scheduler;
  readonly #uploads: UploadSender;
  readonly #log: AccessLog | null;
  readonly #own: OwnPaths | null;
  readonly #routes: RouteStage | null;
  #inline: InlineHost | null = null;
  readonly #kinds: KindTable | null;
  #collectingBytes = 0;

  constructor(
    owner: IntakeOwner,
    table: ClientTable,
    targets: IntakeTargets,
    counters: Float64Array,
    limits: ParserLimits,
    maxBodyBytes: number,
  ) {
    this.head = new RequestHead(limits);
    this.#owner = owner;
    this.#table = table;
    this.#counters = counters;
    this.#maxBodyBytes = maxBodyBytes;
    this.#scheduler = targets.scheduler;
    this.#uploads = targets.uploads;
    this.#log = targets.log;
    this.#own = targets.own;
    this.#routes = targets.routes;
    this.#kinds = targets.kinds;
  }

  /** Handlers may run on this thread from now on. */
  host(inline: InlineHost): InlineHost {
    this.#inline = inline;
    return inline;
  }

  /** The requests of another client follow. */
  beginClient(): void {
    this.#inline?.beginClient();
  }

  /** Whether the client's requests have had their share of this thread in this turn. */
  get isTurnOver(): boolean {
    return this.#inline?.isTurnOver === true;
  }

  /** Whether the body of a task waits for its handler. */
  isFull(task: Task): boolean {
    return this.#uploads.isFull(task);
  }

  /** The head of a request is in `head`; its first byte is at parser.headStart of `bytes`, input goes up to `end`. */
  onHead(client: Client, bytes: Buffer, position: number, end: number): void {
    const { head } = this;
    const { headStart } = client.parser;
    const sequence = client.answers.assign();
    this.#counters[DispatcherCounter.requests] += 1;
    this.#log?.begin(client, sequence, head, bytes, this.#table.peers, this.#owner.nowMs);
    client.isFollowed = position + Math.max(0, head.contentLength) < end && !head.isChunked;
    if (this.#answerHere(client, sequence, bytes)) {
      client.isDropping = true;
      if (!head.keepAlive) client.isLastRequest = true;
      return;
    }
    const isDropped = head.method === METHOD_GET || head.method === METHOD_HEAD;
    const hasBody = !isDropped && (head.contentLength > 0 || head.isChunked);
    const kinds = this.#kinds;
    const kind = kinds === null ? NO_KIND : kinds.find(head, bytes, headStart);
    const parent = kinds === null ? NO_KIND : kinds.parent;
    const isInline = kind !== NO_KIND && this.#takesInline(kind, parent);
    if (isInline && this.#runNow(client, sequence, kind, parent, hasBody, bytes, position, end)) return;
    const task = new Task(client, sequence);
    if (kinds !== null && kind !== NO_KIND) {
      task.setKind(kind, parent, targetHash(head, bytes, headStart), kinds.isHeavy(kind));
    }
    client.tasks.push(task);
    client.arriving = task;
    this.#owner.began();
    client.isDropping = !hasBody;
    if (hasBody && head.contentLength > this.#maxBodyBytes) {
      this.fail(client, LENGTH_TOO_LARGE_REPLY, 413);
      return;
    }
    if (head.expectsContinue) {
      this.#owner.interim(client, sequence, CONTINUE_REPLY);
      // What was answered before leaves now, and the socket may have failed.
      if (task.state === TASK_OVER) return;
    }
    this.#start(client, task, isInline, hasBody, bytes, position, end);
    if (!head.keepAlive) client.isLastRequest = true;
  }

  /** Answers a request that needs no handler; notes the route of one that does. */
  #answerHere(client: Client, sequence: number, bytes: Buffer): boolean {
    const { head } = this;
    const { headStart } = client.parser;
    head.route = 0;
    const own = this.#own === null ? null : this.#own.reply(head, bytes, headStart);
    if (own !== null) this.#owner.reply(client, sequence, own, !head.keepAlive);
    if (own !== null || this.#routes === null) return own !== null;
    head.route = this.#routes.route(client, sequence, head, bytes, headStart, taskFlags(head, false));
    return head.route === ROUTE_ANSWERED;
  }

  #takesInline(kind: number, parent: number): boolean {
    return this.#inline?.takes(kind, parent, this.#scheduler.backlog > 0) === true;
  }

  /** Runs a request on this thread, if all of it is there. */
  #runNow(
    client: Client,
    sequence: number,
    kind: number,
    parent: number,
    hasBody: boolean,
    bytes: Buffer,
    position: number,
    end: number,
  ): boolean {
    const { head } = this;
    const bodyBytes = hasBody ? head.contentLength : 0;
    // A chunked body, even one that nobody reads, may turn out malformed: then its request gets that answer alone.
    if (head.expectsContinue || head.isChunked) return false;
    if (bodyBytes > INLINE_BODY_BYTES || bodyBytes > this.#maxBodyBytes || position + bodyBytes > end)
      return false;
    client.isDropping = true;
    if (!head.keepAlive) client.isLastRequest = true;
    this.#inline?.run(
      client,
      sequence,
      kind,
      parent,
      head,
      bytes,
      client.parser.headStart,
      position,
      bodyBytes,
      taskFlags(head, hasBody),
      this.#table.peers,
      client.slot * PEER_ADDRESS_WORDS,
    );
    return true;
  }

  /** Gives a request to a handler, now or when enough of its body is there. */
  #start(
    client: Client,
    task: Task,
    isInline: boolean,
    hasBody: boolean,
    bytes: Buffer,
    position: number,
    end: number,
  ): void {
    const { head } = this;
    const length = head.contentLength;
    const flags = taskFlags(head, hasBody) | (task.kind === NO_KIND ? 0 : TASK_MEASURED);
    if (!hasBody) {
      this.#place(client, task, bytes, position, 0, flags);
    } else if (!head.isChunked && length <= INLINE_BODY_BYTES && position + length <= end) {
      client.isDropping = true;
      this.#place(client, task, bytes, position, length, flags);
    } else if (length <= INLINE_BODY_BYTES || (isInline && this.#mayCollect(length))) {
      this.#collect(client, task, bytes, flags);
    } else {
      task.upload = new Upload();
      client.receiving = task;
      this.#place(client, task, bytes, position, 0, flags | TASK_STREAMS_BODY);
    }
  }

  #mayCollect(bytes: number): boolean {
    return bytes <= COLLECT_BYTES && this.#collectingBytes + bytes <= COLLECTING_BYTES;
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
      this.head,
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
    const { head } = this;
    const expected = head.isChunked ? 0 : head.contentLength;
    const body = new CollectedBody(taskRecordBytes(head, 0), expected, expected > INLINE_BODY_BYTES);
    const peer = client.slot * PEER_ADDRESS_WORDS;
    writeTaskRecord(body, 0, head, bytes, client.parser.headStart, 0, flags, this.#table.peers, peer);
    if (body.content !== null) this.#collectingBytes += body.content.length;
    task.body = body;
    client.receiving = task;
  }

  /** The next bytes of the body that arrives. */
  onBody(client: Client, bytes: Buffer, start: number, end: number): void {
    const task = client.receiving;
    if (task === null) return;
    if (client.parser.bodyBytes > this.#maxBodyBytes) {
      if (task.upload !== null) this.#uploads.fail(task, 413);
      this.fail(client, BODY_TOO_LARGE_REPLY, 413);
      return;
    }
    if (task.upload !== null) {
      if (task.state === TASK_WAITING) this.#scheduler.grew(task, end - start);
      this.#uploads.push(task, bytes, start, end);
      return;
    }
    const body = task.body;
    if (body === null) return;
    body.append(bytes, start, end);
    if (body.content !== null || body.bodyBytes <= INLINE_BODY_BYTES) return;
    // It has grown too long to travel in one record: the handler gets the head now and reads the rest as a stream.
    this.#stream(client, task, body);
  }

  /** Gives a request whose body was put together so far to a handler thread, which reads the body as a stream. */
  #stream(client: Client, task: Task, body: CollectedBody): void {
    this.drop(task);
    const upload = new Upload();
    task.upload = upload;
    upload.pieces.push(body.body());
    upload.pieceBytes = body.bodyBytes;
    body.finish(0, TASK_STREAMS_BODY);
    if (!this.#scheduler.placeRecord(task, body.record(), this.#owner.nowMs)) this.#refuse(client, task);
  }

  /** What was put together of the body of a task is not needed here any more. */
  drop(task: Task): void {
    const { body } = task;
    task.body = null;
    if (body !== null && body.content !== null) this.#collectingBytes -= body.content.length;
  }

  /** The request that arrives is complete. */
  onEnd(client: Client): void {
    const task = client.receiving;
    client.receiving = null;
    client.arriving = null;
    client.isDropping = false;
    if (task !== null && task.state !== TASK_OVER) {
      if (task.upload !== null) this.#uploads.complete(task);
      else this.#bodyComplete(client, task);
    }
    if (client.isLastRequest) client.stopReading();
  }

  #bodyComplete(client: Client, task: Task): void {
    const { body } = task;
    if (body === null) return;
    if (this.#inline !== null && this.#takesInline(task.kind, task.kindParent)) {
      this.drop(task);
      // Inline, a request has a task only if it outlives the call of its handler.
      client.forget(task);
      this.#owner.over(task);
      body.finish(body.content === null ? body.bodyBytes : 0, 0);
      const { sequence, kind, kindParent, target } = task;
      this.#inline.runRecord(client, sequence, kind, kindParent, target, body, body.content);
      return;
    }
    if (body.content !== null) {
      this.#stream(client, task, body);
      this.#uploads.complete(task);
      return;
    }
    this.drop(task);
    body.finish(body.bodyBytes, 0);
    if (!this.#scheduler.placeRecord(task, body.record(), this.#owner.nowMs)) this.#refuse(client, task);
  }

  /** Answers the request that is arriving, or the next one, with an error, and closes after it. */
  fail(client: Client, reply: Buffer, status: number): void {
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
    this.drop(task);
    if (task.upload !== null) this.#uploads.fail(task, status);
    // An answer that has begun, or is out already, cannot be replaced: the connection ends after it.
    if (task.isAnswering || task.state === TASK_OVER) return;
    this.#owner.abandon(task);
    client.forget(task);
    this.#owner.reply(client, task.sequence, reply, true);
  }
}
