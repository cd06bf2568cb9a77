/**
 * The task record: one request as it travels from a dispatcher to a handler thread.
 *
 *   word | field
 *   0    | method index (low 16), TASK_* flags (high 16)
 *   1    | bytes of the head
 *   2, 3 | start and end of the target within the head
 *   4    | number of header fields
 *   5    | index of the Host field, -1 without
 *   6    | bytes of the body that are in this record
 *   7    | stream within the client (0 in HTTP/1.1)
 *   8-12 | address of the client (`net/address.ts`)
 *   13   | route: 1 + the number of its handler, 0 for `fetch`, -2: to be found
 *   14-15| f64: length of the whole body, -1 if it is not known
 *   16   | when it came to be given to a handler: monotonic microseconds, the low 32 bits
 *   17   | not used
 *   18.. | four words a field: name start, name end, value start, value end, within the head
 *   then | the bytes of the head, then those of the body
 *
 * The head is copied as it came and the parser's offsets with it, so that no string is made before somebody asks for
 * it. The record is the same in a ring and in a buffer of its own (a task that waits in a dispatcher's backlog).
 */
import { FIELD_NUMBERS, type RequestHead } from "../http/request-head.ts";

/** Flag: the request is HTTP/1.0: its answer is never chunked. */
export const TASK_HTTP_1_0 = 1;
/** Flag: more of the body follows in BODY records once the handler gives credit. */
export const TASK_STREAMS_BODY = 2;
/** Flag: the client asked to close after this answer. */
export const TASK_CLOSES = 4;
/** Flag: the request has a body, be it an empty one of unknown length. */
export const TASK_HAS_BODY = 8;
/** Flag: the dispatcher wants to know whether the handler is quick (`QUICK` of messages.ts). */
export const TASK_MEASURED = 16;

/** The flags of a request with this head. */
export function taskFlags(head: RequestHead, hasBody: boolean): number {
  return (
    (head.minorVersion === 0 ? TASK_HTTP_1_0 : 0) |
    (head.keepAlive ? 0 : TASK_CLOSES) |
    (hasBody ? TASK_HAS_BODY : 0)
  );
}

/** Bytes before the field table. */
export const TASK_HEADER_BYTES = 72;
const STAMP_WORD = 16;

/** Bytes of the record for a head with so many fields and body bytes. */
export function taskRecordBytes(head: RequestHead, bodyBytes: number): number {
  return TASK_HEADER_BYTES + head.headerCount * FIELD_NUMBERS * 4 + head.headBytes + bodyBytes;
}

/** Bytes of the longest record of a request without its body, whose head is within limits. */
export function longestTaskRecord(limits: {
  readonly headBytes: number;
  readonly headerCount: number;
}): number {
  return TASK_HEADER_BYTES + limits.headerCount * FIELD_NUMBERS * 4 + limits.headBytes;
}

/** Memory that a record lies in: the same bytes as bytes and as words. */
export interface RecordMemory {
  readonly bytes: Buffer;
  readonly words: Int32Array;
}

/** Memory of this thread's own for a record of `length` bytes. */
export function allocateRecord(length: number): RecordMemory {
  const memory = new ArrayBuffer((length + 7) & ~7);
  return { bytes: Buffer.from(memory), words: new Int32Array(memory) };
}

/**
 * Writes a task record.
 *
 * @param target memory with at least `taskRecordBytes` free bytes from `offset` on
 * @param offset byte offset, a multiple of 8
 * @param source the bytes in which the head begins at `headStart`
 * @param peer five words with the client's address, from `peerIndex` on
 * @returns the byte offset behind the head, where `bodyBytes` bytes of body belong
 */
export function writeTaskRecord(
  target: RecordMemory,
  offset: number,
  head: RequestHead,
  source: Buffer,
  headStart: number,
  bodyBytes: number,
  flags: number,
  peer: Int32Array,
  peerIndex: number,
): number {
  const words = target.words;
  const base = offset >> 2;
  const headerCount = head.headerCount;
  words[base] = head.method | (flags << 16);
  words[base + 1] = head.headBytes;
  words[base + 2] = head.targetStart;
  words[base + 3] = head.targetEnd;
  words[base + 4] = headerCount;
  words[base + 5] = head.hostIndex;
  words[base + 6] = bodyBytes;
  words[base + 7] = 0;
  words[base + 8] = peer[peerIndex]!;
  words[base + 9] = peer[peerIndex + 1]!;
  words[base + 10] = peer[peerIndex + 2]!;
  words[base + 11] = peer[peerIndex + 3]!;
  words[base + 12] = peer[peerIndex + 4]!;
  words[base + 13] = head.route;
  writeLength(words, base + 14, head.contentLength);
  const fields = head.fields;
  const table = base + (TASK_HEADER_BYTES >> 2);
  const fieldWords = headerCount * FIELD_NUMBERS;
  for (let i = 0; i < fieldWords; i++) words[table + i] = fields[i]!;
  const headAt = offset + TASK_HEADER_BYTES + fieldWords * 4;
  source.copy(target.bytes, headAt, headStart, headStart + head.headBytes);
  return headAt + head.headBytes;
}

/** Bytes of a target that a bare record has. */
const BARE_TARGET_BYTES = 256;

/** Writes, at the beginning of `target`, method and target of a request as a record without anything else; a long target is cut. */
export function writeBareRecord(target: RecordMemory, view: TaskView): void {
  const { words } = target;
  const start = view.targetStart;
  const end = Math.min(view.targetEnd, start + BARE_TARGET_BYTES);
  words[0] = view.method;
  words[1] = end - start;
  words[2] = 0;
  words[3] = end - start;
  words[4] = 0;
  view.bytes.copy(target.bytes, TASK_HEADER_BYTES, start, end);
}

/** Notes in a record when its request was ready for a handler; `index` is the record's first word. */
export function stampTaskRecord(words: Int32Array, index: number, nowMs: number): void {
  // Modulo 2^32: differences of up to 35 minutes can still be told.
  words[index + STAMP_WORD] = nowMs * 1000;
}

/** The same for a record in a buffer of its own. */
export function stampTaskBuffer(record: Buffer, nowMs: number): void {
  record.writeInt32LE((nowMs * 1000) | 0, STAMP_WORD * 4);
}

const lengthScratch = new Float64Array(1);
const lengthWords = new Int32Array(lengthScratch.buffer);

function writeLength(words: Int32Array, index: number, length: number): void {
  lengthScratch[0] = length;
  words[index] = lengthWords[0]!;
  words[index + 1] = lengthWords[1]!;
}

/** Reads a task record; one object is used again and again, or belongs to a request that outlives its record. */
export class TaskView {
  bytes: Buffer;
  words: Int32Array;
  offset = 0;
  #base = 0;

  constructor(memory: RecordMemory) {
    this.bytes = memory.bytes;
    this.words = memory.words;
  }

  /** Points the view at the record at `offset` (bytes). */
  moveTo(memory: RecordMemory, offset: number): void {
    this.bytes = memory.bytes;
    this.words = memory.words;
    this.offset = offset;
    this.#base = offset >> 2;
  }

  /** Index into `METHODS` of `http/method.ts`. */
  get method(): number {
    return this.words[this.#base]! & 0xffff;
  }

  /** `TASK_*` flags. */
  get flags(): number {
    return this.words[this.#base]! >>> 16;
  }

  get headBytes(): number {
    return this.words[this.#base + 1]!;
  }

  get headerCount(): number {
    return this.words[this.#base + 4]!;
  }

  /** Index of the Host field, -1 without one. */
  get hostIndex(): number {
    return this.words[this.#base + 5]!;
  }

  /** Bytes of the body that are in the record. */
  get bodyBytes(): number {
    return this.words[this.#base + 6]!;
  }

  /** Word index of the five words with the client's address. */
  get peerIndex(): number {
    return this.#base + 8;
  }

  /** 1 + the number of the handler of its route, 0 for `fetch`, -2 where it is to be found by who reads this. */
  get route(): number {
    return this.words[this.#base + 13]!;
  }

  /** Length of the whole body in bytes, -1 if it is not known. */
  get contentLength(): number {
    lengthWords[0] = this.words[this.#base + 14]!;
    lengthWords[1] = this.words[this.#base + 15]!;
    return lengthScratch[0]!;
  }

  /** Byte offset of the head within `bytes`. */
  get headStart(): number {
    return this.offset + TASK_HEADER_BYTES + this.headerCount * FIELD_NUMBERS * 4;
  }

  /** Byte offset of the body within `bytes`. */
  get bodyStart(): number {
    return this.headStart + this.headBytes;
  }

  /** Byte offset of the target within `bytes`. */
  get targetStart(): number {
    return this.headStart + this.words[this.#base + 2]!;
  }

  get targetEnd(): number {
    return this.headStart + this.words[this.#base + 3]!;
  }

  /** Word index of the field table: four words a field, offsets within the head. */
  get fieldTable(): number {
    return this.#base + (TASK_HEADER_BYTES >> 2);
  }

  /** For how long the request has waited for its handler at `nowMs`, in ms; below 0 by as much as clocks differ. */
  waitedMs(nowMs: number): number {
    return ((nowMs * 1000 - this.words[this.#base + STAMP_WORD]!) | 0) / 1000;
  }

  /** A copy of header and head (not of the body) in memory of its own. */
  detach(): TaskView {
    const length = this.headStart + this.headBytes - this.offset;
    const copy = new ArrayBuffer((length + 7) & ~7);
    const memory = { bytes: Buffer.from(copy), words: new Int32Array(copy) };
    this.bytes.copy(memory.bytes, 0, this.offset, this.offset + length);
    return new TaskView(memory);
  }
}
