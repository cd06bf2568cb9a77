/** Both ends of one pair in one thread, and requests as the parser hands them to a dispatcher. */
import { DispatcherLink } from "../../src/channel/dispatcher-link.ts";
import { HandlerLink } from "../../src/channel/handler-link.ts";
import { ANSWER, ANSWER_BLOCK, TYPE_MASK } from "../../src/channel/messages.ts";
import { PAIR_BYTES } from "../../src/channel/pair-memory.ts";
import { TaskView } from "../../src/channel/task-record.ts";
import { DEFAULT_LIMITS } from "../../src/http/limits.ts";
import { RequestHead } from "../../src/http/request-head.ts";
import { HEAD, RequestParser } from "../../src/http/request-parser.ts";
import { ControlBlock } from "../../src/shm/control-block.ts";

/** A parsed head and where it and what follows it lie. */
export interface ParsedRequest {
  readonly bytes: Buffer;
  readonly head: RequestHead;
  readonly headStart: number;
  readonly bodyStart: number;
  readonly bodyBytes: number;
}

/** Parses the head of a request in latin-1; what follows the head counts as its body. It lies behind other bytes. */
export function parseRequest(text: string, leading = "12345"): ParsedRequest {
  const bytes = Buffer.from(leading + text, "latin1");
  const parser = new RequestParser(DEFAULT_LIMITS);
  const head = new RequestHead(DEFAULT_LIMITS);
  const event = parser.next(bytes, leading.length, bytes.length, head);
  if (event !== HEAD) throw new Error(`no head in the request: event ${event}, ${parser.error?.status}`);
  return {
    bytes,
    head,
    headStart: parser.headStart,
    bodyStart: parser.position,
    bodyBytes: bytes.length - parser.position,
  };
}

/** Five words of an address that no test mistakes for another. */
export const PEER: Int32Array = Int32Array.of(-1, 4 | (8080 << 16), 0x0100007f, 3, 4, 5, -1);
/** Where the address starts in `PEER`. */
export const PEER_INDEX = 1;

/** A message from a handler, as the dispatcher reads it. */
export interface Result {
  readonly kind: number;
  readonly flags: number;
  readonly entry: number;
  readonly serial: number;
  /** Bytes of an answer, from the ring or from a block; empty for other messages. */
  readonly bytes: Buffer;
  /** First word of other messages. */
  readonly value: number;
  /** First of the blocks the bytes lay in, or -1. */
  readonly block: number;
  /** How many blocks those are. */
  readonly blocks: number;
}

/** A message to a handler, as it reads it. */
export interface Message {
  readonly kind: number;
  readonly flags: number;
  readonly entry: number;
  readonly serial: number;
  readonly bytes: Buffer;
}

/** A pair whose two ends belong to this thread. */
export class LinkPair<Task extends object = { name: string }> {
  readonly memory: SharedArrayBuffer = new SharedArrayBuffer(PAIR_BYTES);
  readonly control: ControlBlock = new ControlBlock(new SharedArrayBuffer(ControlBlock.bytes(1, 1)), 1, 1);
  readonly dispatcher: DispatcherLink<Task>;
  handler: HandlerLink;
  /** How often the handler's end woke the dispatcher. */
  dispatcherWakes = 0;

  constructor() {
    this.dispatcher = new DispatcherLink<Task>(0, new Uint8Array(this.memory), this.control.handlerParker(0));
    this.handler = this.attachHandler();
  }

  /** Makes the handler's end anew, as the successor of a dead thread does. */
  attachHandler(): HandlerLink {
    this.handler = new HandlerLink(new Uint8Array(this.memory), this.control.dispatcherParker(0), () => {
      this.dispatcherWakes++;
    });
    return this.handler;
  }

  /** Gives a task; the entry, or -1. */
  give(
    task: Task,
    request: ParsedRequest = parseRequest("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    flags = 0,
  ): number {
    const { head, bytes, headStart, bodyStart, bodyBytes } = request;
    return this.dispatcher.give(task, head, bytes, headStart, bodyStart, bodyBytes, flags, PEER, PEER_INDEX);
  }

  /** Gives and publishes a task, and has the handler start it. */
  start(task: Task): { entry: number; serial: number } {
    const entry = this.give(task);
    this.dispatcher.flush();
    const { tasks } = this.handler;
    if (entry < 0 || !tasks.next() || tasks.a !== entry || !this.handler.start(entry)) {
      throw new Error("the task did not reach the handler");
    }
    const serial = tasks.b;
    this.handler.release();
    return { entry, serial };
  }

  /** Reads all that the dispatcher has published and gives its space back. */
  readTasks(): Message[] {
    const { tasks } = this.handler;
    const messages: Message[] = [];
    while (tasks.next()) {
      messages.push({
        kind: tasks.type & TYPE_MASK,
        flags: tasks.type & ~TYPE_MASK,
        entry: tasks.a,
        serial: tasks.b,
        bytes: Buffer.from(
          tasks.bytes.subarray(tasks.payloadOffset, tasks.payloadOffset + tasks.payloadBytes),
        ),
      });
    }
    this.handler.release();
    return messages;
  }

  /** Reads all that the handler has published; frees the blocks unless they are to be kept, as by a slow client. */
  readResults(keepsBlocks = false): Result[] {
    const { results, slab } = this.dispatcher;
    const read: Result[] = [];
    while (results.next()) {
      const kind = results.type & TYPE_MASK;
      const word = results.payloadOffset >> 2;
      let bytes = Buffer.alloc(0);
      let block = -1;
      let blocks = 0;
      if (kind === ANSWER) {
        bytes = Buffer.from(
          results.bytes.subarray(results.payloadOffset, results.payloadOffset + results.payloadBytes),
        );
      } else if (kind === ANSWER_BLOCK) {
        block = results.words[word];
        const length = results.words[word + 1];
        blocks = Math.ceil(length / slab.blockBytes);
        for (let index = 0; index < blocks; index++) slab.accept(block + index);
        const at = slab.blockOffset(block);
        bytes = Buffer.from(slab.bytes.subarray(at, at + length));
        for (let index = 0; index < blocks && !keepsBlocks; index++) slab.free(block + index);
      }
      read.push({
        kind,
        flags: results.type & ~TYPE_MASK,
        entry: results.a,
        serial: results.b,
        bytes,
        value: results.words[word],
        block,
        blocks,
      });
    }
    this.dispatcher.release();
    return read;
  }
}

/** A view of a record that lies in a buffer of its own. */
export function viewOf(record: Buffer): TaskView {
  const words = new Int32Array(record.buffer as ArrayBuffer, record.byteOffset, record.length >> 2);
  return new TaskView({ bytes: record, words });
}

/** `length` bytes that differ from place to place. */
export function pattern(length: number, seed = 0): Buffer {
  const bytes = Buffer.alloc(length);
  for (let index = 0; index < length; index++) bytes[index] = (index * 31 + (index >> 8) + seed) & 0xff;
  return bytes;
}
