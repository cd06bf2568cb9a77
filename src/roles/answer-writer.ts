/**
 * The way out: answers from handlers to the sockets of their clients, in order.
 *
 * Owned by the dispatcher. Bytes go straight from the ring or the slab, where the handler wrote them, into send(2) when
 * it is their turn and the socket takes them; only what the socket does not take is copied out of the ring. Answers of a
 * client that are ready at the same time leave in one send.
 */
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import type { DispatcherLink } from "../channel/dispatcher-link.ts";
import { CLOSE, FIRST, LAST } from "../channel/messages.ts";
import { transmit, transmitMore, transmitVector, WOULD_BLOCK } from "../net/stream-socket.ts";
import { DispatcherCounter } from "../shm/counters.ts";
import type { AccessLog } from "./access-log.ts";
import { AnswerRecorder } from "./answer-recorder.ts";
import {
  CLIENT_CLOSED,
  CLIENT_LINGERING,
  type Client,
  type Segment,
  segmentOf,
  TASK_OVER,
  type Task,
  type TaskLink,
} from "./client.ts";
import { DirectAnswers } from "./direct-answers.ts";
import { FILE_BUDGET, FILE_ENDED, sendFromFile } from "./file-sender.ts";
import { closeHeld, holdDescriptor } from "./held-descriptors.ts";
import { closingCopy, LastAnswers } from "./last-answer.ts";

/** Bytes written to one client in a turn. */
export const WRITE_BUDGET: number = 256 * 1024;
/** Segments that are ready together are gathered up to this length into one send. */
const GATHER_BYTES = 64 * 1024;
/** Copies from this length on are freed as soon as they are sent. */
const FREED_BYTES = 4096;
/** The handler is told of this many bytes taken at a time. */
const CREDIT_STEP = 64 * 1024;

/** What the answer writer asks of its dispatcher. */
export interface WriterOwner {
  /** The answer of a task is complete: in order, and handed to the socket or to the client's queue. */
  answered(client: Client, task: Task): void;
  /** The socket fails or the answer is cut: close at once. */
  broken(client: Client): void;
  /** All that the client gets was sent, and it closes after that. */
  finished(client: Client): void;
  /** A request is not in flight any more. */
  over(task: Task): void;
  /** Nothing is queued for a client any more. */
  drained(client: Client): void;
  /** Bytes were written. */
  progressed(client: Client): void;
  /** The socket takes no more for now. */
  blocked(client: Client): void;
  /** Puts a client into the ready list. */
  list(client: Client): void;
  /** A link could not be told something for want of room: try again when it has made some. */
  retryLater(retry: () => boolean): void;
}

/** Writes the answers of one dispatcher. */
export class AnswerWriter {
  readonly #owner: WriterOwner;
  readonly #counters: Float64Array;
  readonly #staging: NativeBuffer = NativeBuffer.allocate(GATHER_BYTES);
  /** Whether the segments that were gathered last are followed by a file. */
  #isFileNext = false;
  #dirty: Client[] = [];
  #spare: Client[] = [];
  /** Counts the answers. */
  readonly record: AnswerRecorder;
  /** Answers of this thread's own. */
  readonly direct: DirectAnswers;
  /** Which answers say that the connection ends. */
  readonly last: LastAnswers;

  /** @param requestLimit requests that a connection may make */
  constructor(
    owner: WriterOwner,
    counters: Float64Array,
    log: AccessLog | null = null,
    requestLimit: number = Number.POSITIVE_INFINITY,
  ) {
    this.last = new LastAnswers(requestLimit);
    this.#owner = owner;
    this.#counters = counters;
    this.record = new AnswerRecorder(counters, log);
    this.direct = new DirectAnswers({
      reply: (client, sequence, bytes, closes) => this.reply(client, sequence, bytes, closes),
      send: (client, address, length) => this.#send(client, address, length),
      sendPieces: (client, pieces) =>
        this.#sent(client, transmitVector(client.fd, pieces), pieces.byteLength),
      rest: (client, bytes) => {
        client.queuedBytes += bytes.length;
        client.answers.append(segmentOf(bytes, false));
        if (client.isWritable) this.#markDirty(client);
      },
      last: this.last,
    });
  }

  /** Tries to write to all clients that got something since the last call. */
  flushDirty(): void {
    const clients = this.#dirty;
    if (clients.length === 0) return;
    this.#dirty = this.#spare;
    for (const client of clients) {
      client.isDirty = false;
      if (client.state !== CLIENT_CLOSED) this.flush(client);
    }
    clients.length = 0;
    this.#spare = clients;
  }

  /** Queues bytes of the server's own for a client's answer; they must not be changed afterwards. */
  reply(client: Client, sequence: number, bytes: NativeBuffer, closes: boolean): void {
    this.#queue(client, sequence, segmentOf(bytes, closes));
  }

  /** Writes what is ready for a client, up to the budget. */
  flush(client: Client): void {
    let budget = WRITE_BUDGET;
    const answers = client.answers;
    while (client.isWritable && budget > 0) {
      const segment = answers.front();
      if (segment === undefined) {
        this.#owner.drained(client);
        return;
      }
      const sent = segment.fileFd >= 0 ? this.#sendFile(client, segment) : this.#sendFront(client, segment);
      if (sent < 0) return;
      budget -= sent;
      if (!this.#sentFrom(client, sent)) return;
    }
    if (answers.readyCount === 0) this.#owner.drained(client);
    else if (client.isWritable) this.#owner.list(client);
  }

  /** Gives back everything that is queued for a client that is gone. */
  drop(client: Client): void {
    this.direct.drop(client);
    this.record.dropped(client);
    client.answers.clear((segment) => this.#free(segment));
    client.queuedBytes = 0;
  }

  /** Queues a head and a part of an open file as the rest of a client's answer; the fd is closed when it is sent. */
  file(
    client: Client,
    sequence: number,
    head: NativeBuffer,
    fileFd: number,
    offset: number,
    length: number,
    closes: boolean,
  ): void {
    holdDescriptor(fileFd);
    client.answerBytes = head.length;
    this.record.bytes(client, sequence, head.bytes, 0, head.length + length);
    const isMarked = this.last.isMarking && !closes && this.last.takes(client, sequence);
    const sentHead = isMarked ? closingCopy(head, 0, head.length) : head;
    this.reply(client, sequence, sentHead, closes && length === 0);
    if (length === 0) {
      closeHeld(fileFd);
      return;
    }
    this.#queue(client, sequence, { ...segmentOf(NOTHING, closes), fileFd, at: offset, length });
  }

  /**
   * The next piece of an answer: `length` bytes at `offset` of `owner`, in the ring or (`block` >= 0) in the slab.
   *
   * @param type the message's type word with its flags
   */
  answer(
    link: TaskLink,
    task: Task,
    owner: NativeBuffer,
    offset: number,
    length: number,
    block: number,
    type: number,
  ): void {
    const client = task.client;
    const isLast = (type & LAST) !== 0;
    const slab = block < 0 ? null : (link as DispatcherLink<Task>);
    const blocks = slab === null ? 0 : blocksOf(slab, length);
    const isHead = (type & FIRST) !== 0 && task.state !== TASK_OVER;
    if (this.last.isMarking && isHead && this.last.takes(client, task.sequence)) {
      const copy = closingCopy(owner, offset, length);
      freeBlocks(slab, block, blocks);
      slab?.madeRoom();
      // The handler knows nothing of the bytes that were added: it gets no credit for them.
      if (!isLast) task.creditOwed -= copy.length - length;
      this.answer(link, task, copy, 0, copy.length, -1, type);
      return;
    }
    if (isLast) link.finish(task.entry);
    if (task.state === TASK_OVER) {
      freeBlocks(slab, block, blocks);
      return;
    }
    task.isAnswering = true;
    if ((type & FIRST) !== 0) {
      client.answerBytes = length;
      this.record.bytes(client, task.sequence, owner.bytes, offset, length);
    } else this.record.more(client, task.sequence, length);
    this.direct.flushBefore(client);
    const closes = isLast && (type & CLOSE) !== 0;
    const answers = client.answers;
    let at = offset;
    let left = length;
    // Alone and in turn: straight from where the handler wrote it to the socket.
    if (answers.outstanding === 1 && answers.readyCount === 0 && client.isWritable && length > 0) {
      const sent = this.#send(client, owner.address + at, left);
      if (sent < 0 && (client.state as number) === CLIENT_CLOSED) {
        freeBlocks(slab, block, blocks);
        return;
      }
      if (sent > 0) {
        at += sent;
        left -= sent;
        if (!isLast) this.#owe(task, sent);
      }
    }
    if (left === 0 && length > 0) {
      freeBlocks(slab, block, blocks);
      slab?.madeRoom();
    } else if (left > 0) {
      this.#queue(client, task.sequence, {
        owner: block >= 0 ? owner : copyOf(owner, at, left),
        fileFd: -1,
        at: block >= 0 ? at : 0,
        length: left,
        block,
        blocks,
        link: slab,
        task: isLast ? null : task,
        closes,
      });
    }
    if (!isLast) return;
    answers.finish(task.sequence);
    this.#owner.answered(client, task);
    // An empty last piece has no segment to carry the end behind those that wait.
    if (closes && length === 0 && answers.readyCount > 0) client.stopReading();
    if (closes && left === 0 && answers.readyCount === 0) this.#owner.finished(client);
    // The answers behind it may be ready by now.
    else if (answers.readyCount > 0) this.#markDirty(client);
  }

  #queue(client: Client, sequence: number, segment: Segment): void {
    this.direct.flushBefore(client);
    if (!client.answers.push(sequence, segment)) {
      this.#free(segment);
      return;
    }
    client.queuedBytes += segment.length;
    if (client.isWritable) this.#markDirty(client);
  }

  #markDirty(client: Client): void {
    if (client.isDirty) return;
    client.isDirty = true;
    this.#dirty.push(client);
  }

  /** Sends; gives the bytes taken (0 when the socket is full), or -1 when the client is gone. */
  #send(client: Client, address: number, length: number): number {
    return this.#sent(client, transmit(client.fd, address, length), length);
  }

  #sent(client: Client, sent: number, length: number): number {
    if (sent > 0) {
      this.#counters[DispatcherCounter.bytesSent] += sent;
      client.takenBytes += sent;
      if (sent < length) this.#full(client);
      this.#owner.progressed(client);
      return sent;
    }
    this.#full(client);
    if (sent === WOULD_BLOCK || sent === 0) return 0;
    this.#owner.broken(client);
    return -1;
  }

  #full(client: Client): void {
    client.isWritable = false;
    this.#owner.blocked(client);
  }

  /** Sends the first segment of memory, together with those behind it when they are short. */
  #sendFront(client: Client, segment: Segment): number {
    const isGathered = client.answers.readyCount > 1 && segment.length < GATHER_BYTES / 2;
    const wanted = isGathered ? this.#gather(client) : segment.length;
    const address = isGathered ? this.#staging.address : segment.owner.address + segment.at;
    if (!this.#isFileNext) return this.#send(client, address, wanted);
    // The kernel holds the head back until the first bytes of the file join it.
    this.#isFileNext = false;
    return this.#sent(client, transmitMore(client.fd, address, wanted), wanted);
  }

  /** Sends from a file; gives what `#send` gives. A file that has become shorter cannot be answered whole: reset. */
  #sendFile(client: Client, segment: Segment): number {
    const wanted = Math.min(segment.length, FILE_BUDGET);
    const sent = sendFromFile(client, segment, wanted);
    if (sent !== FILE_ENDED) return this.#sent(client, sent, wanted);
    this.#owner.broken(client);
    return -1;
  }

  /** Copies the segments that are ready into the staging buffer; gives the length. Stops at one that closes. */
  #gather(client: Client): number {
    let length = 0;
    client.answers.forEachReady((segment) => {
      const take = Math.min(segment.length, GATHER_BYTES - length);
      if (segment.fileFd >= 0) {
        this.#isFileNext = true;
        return false;
      }
      segment.owner.bytes.copy(this.#staging.bytes, length, segment.at, segment.at + take);
      length += take;
      return length < GATHER_BYTES && !segment.closes;
    });
    return length;
  }

  /** Takes `sent` bytes off the front; false when the client has been closed. */
  #sentFrom(client: Client, sent: number): boolean {
    const answers = client.answers;
    client.queuedBytes -= sent;
    let left = sent;
    for (let segment = answers.front(); segment !== undefined; segment = answers.front()) {
      const taken = Math.min(left, segment.length);
      segment.at += taken;
      segment.length -= taken;
      left -= taken;
      if (segment.task !== null && taken > 0) this.#owe(segment.task, taken);
      if (segment.length > 0) return true;
      this.#free(segment);
      answers.shift();
      if (segment.closes) {
        this.#owner.finished(client);
        return false;
      }
      if (left === 0) return client.state < CLIENT_LINGERING;
    }
    return true;
  }

  #owe(task: Task, bytes: number): void {
    task.creditOwed += bytes;
    if (task.creditOwed < CREDIT_STEP || task.state === TASK_OVER) return;
    if (task.isCreditWaiting || this.#tellCredit(task)) return;
    task.isCreditWaiting = true;
    this.#owner.retryLater(() => {
      if (!this.#tellCredit(task)) return false;
      task.isCreditWaiting = false;
      return true;
    });
  }

  #tellCredit(task: Task): boolean {
    if (task.state === TASK_OVER || task.link === null) return true;
    if (!task.link.credit(task.entry, task.creditOwed)) return false;
    task.creditOwed = 0;
    return true;
  }

  #free(segment: Segment): void {
    if (segment.fileFd >= 0) closeHeld(segment.fileFd);
    segment.owner.free();
    if (segment.blocks === 0 || segment.link === null) return;
    freeBlocks(segment.link, segment.block, segment.blocks);
    segment.link.madeRoom();
  }
}

const NOTHING = NativeBuffer.allocate(1);

/** How many blocks of a slab hold so many bytes. */
export function blocksOf(link: DispatcherLink<Task>, length: number): number {
  return Math.ceil(length / link.slab.blockBytes);
}

/** Gives a run of blocks back. */
export function freeBlocks(link: DispatcherLink<Task> | null, first: number, count: number): void {
  for (let i = 0; link !== null && i < count; i++) link.slab.free(first + i);
}

/** Copies bytes out of shared memory that is about to be given back. The copy is freed with its segment. */
export function copyOf(owner: NativeBuffer, at: number, length: number): NativeBuffer {
  // Left to the collector, the long ones of clients that read slowly are garbage by the megabyte.
  const copy = NativeBuffer.allocate(length, length >= FREED_BYTES);
  owner.bytes.copy(copy.bytes, 0, at, at + length);
  return copy;
}
