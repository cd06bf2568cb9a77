/**
 * A client: one accepted connection in a dispatcher's table, and its tasks: what is kept of each of its requests, from
 * the head to the end of the answer.
 *
 * Owned by the dispatcher. Addressed by slot and generation: an epoll event or a message that is about the slot's former
 * client carries another generation and is dropped. It holds no buffer and no parser while it is idle (memory: see
 * `bench/measure/memory.ts`).
 *
 * States of a task:
 *
 *   COLLECTING  its body is being put together
 *   WAITING     it is in the backlog, whole in `record`
 *   GIVEN       a handler has it: `link` and `entry`
 *   OVER        it is answered, or its client is gone
 */
import type { NativeBuffer } from "../../ffi/native-buffer.ts";
import type { DispatcherLink } from "../channel/dispatcher-link.ts";
import { DEFAULT_LIMITS } from "../http/limits.ts";
import { RequestParser } from "../http/request-parser.ts";
import { WriteQueue } from "../http/write-queue.ts";
import type { TimerEntry } from "../net/timer-wheel.ts";
import type { CollectedBody } from "./collected-body.ts";
import type { LoggedClient } from "./logged-client.ts";
import type { Upload } from "./upload.ts";

/** Requests are read and answers written. */
export const CLIENT_OPEN = 0;
/** Nothing more is read; it is closed once all answers are out. */
export const CLIENT_ENDING = 1;
/** Our half is closed; what still comes in is dropped until the peer closes or a deadline passes. */
export const CLIENT_LINGERING = 2;
/** The fd is closed. */
export const CLIENT_CLOSED = 3;

/** A run of bytes, or a part of a file, that waits to be written. */
export interface Segment {
  /** Holds the bytes; empty for a file. */
  readonly owner: NativeBuffer;
  /** The file, open and this segment's to close, or -1. */
  readonly fileFd: number;
  /** Offset of the next byte to send, in the memory or in the file. */
  at: number;
  /** Bytes left. */
  length: number;
  /** First of the blocks of `link`'s slab that are freed afterwards, or -1, and how many they are. */
  readonly block: number;
  readonly blocks: number;
  readonly link: DispatcherLink<Task> | null;
  /** The request whose answer this is part of, while its handler waits for credit. */
  readonly task: Task | null;
  /** Whether the connection closes after it. */
  readonly closes: boolean;
}

/** Says: the client is one too many of its address. */
export const TOO_MANY = -1000;

/** Reads what a client says of itself before its first request. */
export interface Introduction {
  /** Gives the length of what it has read of bytes[start..end), 0 when that is not enough, less when it is malformed. */
  read(client: Client, bytes: Buffer, start: number, end: number): number;
}

/** A segment of memory that is this thread's own. */
export function segmentOf(bytes: NativeBuffer, closes: boolean): Segment {
  return {
    owner: bytes,
    fileFd: -1,
    at: 0,
    length: bytes.length,
    block: -1,
    blocks: 0,
    link: null,
    task: null,
    closes,
  };
}

/** The state of all clients of which no request is arriving. It is never given bytes. */
export const NO_REQUEST: RequestParser = new RequestParser(DEFAULT_LIMITS);

/** One connection. */
export class Client implements TimerEntry {
  readonly slot: number;
  readonly generation: number;
  fd: number;
  state: number = CLIENT_OPEN;
  /** How far the request that is arriving was read; NO_REQUEST's while none is (`request-reader.ts`). */
  parser: RequestParser = NO_REQUEST;
  readonly answers: WriteQueue<Segment> = new WriteQueue<Segment>();
  /** The poller tells of its socket, and its deadline is looked at: not before its first turn is over. */
  isWatched = false;
  /** The socket may have bytes: no recv has said otherwise since the last event. */
  isReadable = true;
  /** The socket may take bytes. */
  isWritable = true;
  /** Its peer is on this machine and the kernel sizes its send buffer. */
  isNear = false;
  /** The kernel says that the peer has closed its half; the end is still to be read. */
  isHungUp = false;
  /** The handlers were told that the peer has closed its half. */
  isToldOfHalf = false;
  /** The peer has closed its half and all it sent was read. */
  isInputOver = false;
  /** Bytes of answers that wait for the socket, those of files and of answers ahead of their turn included. */
  queuedBytes = 0;
  /** Bytes of the answer that came last from a handler, or of its first piece: what the next ones are taken to have. */
  answerBytes = 0;
  /** It is in the dispatcher's ready list. */
  isListed = false;
  /** It has answers that were queued in this turn and not tried yet. */
  isDirty = false;
  /** Bytes that were received and not consumed, from `heldStart` to `heldEnd`. */
  held: NativeBuffer | null = null;
  heldStart = 0;
  heldEnd = 0;
  /** The parser can go on without more input, be it with what is held or with nothing: parse before more is read. */
  mustParse = false;
  /** It has yet to say who it is (`proxy-stage.ts`); null otherwise. */
  proxy: Introduction | null = null;
  /** The request that was read last is the last one of this connection. */
  isLastRequest = false;
  /** Its answer says so, for the number of requests that a connection may make. */
  isLastMarked = false;
  /** There was more input behind the request that was read last: the client sends ahead. */
  isFollowed = false;
  /** There may be input that was not read: a plain close would reset the connection and lose the last answer. */
  mustLinger = false;
  /** The request whose body is arriving. */
  receiving: Task | null = null;
  /** The request whose head has come and whose end has not. */
  arriving: Task | null = null;
  /** The bytes of the body that is arriving are dropped. */
  isDropping = false;
  /** Requests whose answer is not complete, newest last. */
  readonly tasks: Task[] = [];
  /** What the access log keeps of it; null without one, or before the first request. */
  logged: LoggedClient | null = null;
  /** `server.timeout()` of the request in flight, in ms; -1 when the server's applies. */
  idleTimeoutMs = -1;
  /** What it is counted by where connections are limited (`connection-count.ts`). */
  addressKey = 0;
  /** What its deadline is about (`deadlines.ts`). */
  phase = 0;
  /** When that is over. */
  phaseUntilMs: number = Number.POSITIVE_INFINITY;
  /** Which request's body is looked at, counted from 1. */
  ratedRequest = 0;
  /** Its body bytes when its rate was last looked at, when it is looked at again, and when it must be there. */
  rateBytes = 0;
  rateUntilMs = 0;
  bodyUntilMs: number = Number.POSITIVE_INFINITY;
  /** Since when its socket is full, -1 when it is not; bytes taken since the last look, and when that is looked at again. */
  blockedSinceMs = -1;
  takenBytes = 0;
  writeUntilMs: number = Number.POSITIVE_INFINITY;

  deadlineMs: number = Number.POSITIVE_INFINITY;
  wheelBucket = -1;
  wheelNext: TimerEntry | null = null;
  wheelPrevious: TimerEntry | null = null;

  constructor(slot: number, generation: number, fd: number) {
    this.slot = slot;
    this.generation = generation;
    this.fd = fd;
  }

  /** Whether it has no request: neither one that is arriving nor one that is being answered. */
  get isIdle(): boolean {
    return this.tasks.length === 0 && this.answers.isIdle && this.parser.isIdle && this.held === null;
  }

  /** Reads no further requests; the connection closes when all answers are out. */
  stopReading(): void {
    if (this.state === CLIENT_OPEN) this.state = CLIENT_ENDING;
    this.held = null;
    this.mustParse = false;
  }

  /** Forgets a request whose answer is complete. */
  forget(task: Task): void {
    const tasks = this.tasks;
    if (tasks[tasks.length - 1] === task) {
      tasks.pop();
      return;
    }
    const index = tasks.indexOf(task);
    if (index >= 0) tasks.splice(index, 1);
  }
}

export const TASK_COLLECTING = 0;
export const TASK_WAITING = 1;
export const TASK_GIVEN = 2;
export const TASK_OVER = 3;

/** Where a task is: a handler slot (`channel/dispatcher-link.ts`), or this thread itself (`inline-host.ts`). */
export interface TaskLink {
  /** Number of the handler slot, -1 for this thread itself. */
  readonly slot: number;
  /** Serial number of the task in each entry. */
  readonly serials: { readonly [entry: number]: number };
  /** The task that an entry and serial name, or null when it is over. */
  taskOf(entry: number, serial: number): Task | null;
  /** Forgets a task whose answer is complete. */
  finish(entry: number): void;
  /** Takes one task back if its handler has not started it. */
  tryTakeBack(entry: number): boolean;
  /** Says that the client has left or, with `isHalf`, closed its half; false when there is no room now. */
  abort(entry: number, isHalf: boolean): boolean;
  /** Says that the handler has taken too long and the client has got another answer; false when there is no room now. */
  expire(entry: number): boolean;
  /** Allows so many more bytes of the answer; false when there is no room now. */
  credit(entry: number, bytes: number): boolean;
  /** Sends bytes of a request's body; false when there is no room now. */
  sendBody(entry: number, source: Uint8Array, start: number, end: number, isLast: boolean): boolean;
  /** Says that the rest of the body will not come; false when there is no room now. */
  failBody(entry: number, status: number): boolean;
}

/** One request in a dispatcher. */
export class Task {
  /** Who asked; its slot may be another's by now if `state` is OVER. */
  readonly client: Client;
  /** Its place in the order of the client's answers. */
  readonly sequence: number;
  state: number = TASK_COLLECTING;
  link: TaskLink | null = null;
  entry = -1;
  /** What the kind table knows it by (`kind-table.ts`), and its parent; 0 when nothing is to be learnt from it. */
  kind = 0;
  kindParent = 0;
  /** The hash of its target (`targetHash`), where its kind is measured. */
  target = 0;
  /** Whether its kind is known to compute for long (`heavy-limit.ts`). */
  isHeavy = false;
  /** The task record, while it is not in a ring. */
  record: Buffer | null = null;
  /** Which of its dispatcher's tasks it was to ask for a handler, counted from 1; 0 before. */
  arrival = 0;
  /** Since when it waits for a handler, in monotonic ms. */
  waitingSinceMs = 0;
  /** Since when its handler is known to have started it, in monotonic ms; 0 when that is not known (`handler-watch.ts`). */
  startedMs = 0;
  /** Bytes that it takes in the backlog. */
  waitingBytes = 0;
  /** Whether bytes of the answer have come. */
  isAnswering = false;
  /** Whether the client is gone and the handler has yet to confirm that it knows. */
  isAborted = false;
  /** Bytes of the answer that the client took and that the handler was not told of. */
  creditOwed = 0;
  /** Whether telling it is put off for want of room. */
  isCreditWaiting = false;
  /** The rest of its body, when that is not part of the record. */
  upload: Upload | null = null;
  /** Its body while it is put together before anybody gets it. */
  body: CollectedBody | null = null;

  constructor(client: Client, sequence: number) {
    this.client = client;
    this.sequence = sequence;
  }

  /** What it takes to run is to be learnt. */
  setKind(kind: number, parent: number, target: number, isHeavy: boolean): void {
    this.kind = kind;
    this.kindParent = parent;
    this.target = target;
    this.isHeavy = isHeavy;
  }
}
