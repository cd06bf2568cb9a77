/**
 * Notes each answer that goes to a client: counts it by its status, which is read from the head, and tells the access log.
 *
 * Owned by the dispatcher. `text` or `bytes` is called once an answer, by whoever has its head first; `more` with what follows of
 * it; then `end`, or `dropped` when the client is gone before that.
 */
import { STATUS_AT } from "../shm/buckets.ts";
import type { AccessLog } from "./access-log.ts";
import type { Client } from "./client.ts";

/** Where the status stands in "HTTP/1.1 200 OK". */
const STATUS_OFFSET = 9;
const ZERO = 0x30;
const HEAD_END = Buffer.from("\r\n\r\n");

/** Counts the answers of one dispatcher. */
export class AnswerRecorder {
  readonly #counters: Float64Array;
  readonly #log: AccessLog | null;

  /** @param counters the dispatcher's, with its buckets */
  constructor(counters: Float64Array, log: AccessLog | null = null) {
    this.#counters = counters;
    this.#log = log;
  }

  /** An answer whose head is text, and the bytes of its body that come with it. */
  text(client: Client, sequence: number, head: string, bodyBytes: number): void {
    const hundreds = head.charCodeAt(STATUS_OFFSET);
    const status = this.#count(
      hundreds,
      head.charCodeAt(STATUS_OFFSET + 1),
      head.charCodeAt(STATUS_OFFSET + 2),
    );
    // A long head travels as bytes of the body.
    if (this.#log !== null) this.#log.first(client, sequence, status, bodyBytes);
  }

  /** An answer whose head begins at `at` of `bytes`; `length` bytes of both head and body come now. */
  bytes(client: Client, sequence: number, bytes: Buffer, at: number, length: number): void {
    const start = at + STATUS_OFFSET;
    const status = this.#count(bytes[start]!, bytes[start + 1]!, bytes[start + 2]!);
    if (this.#log === null) return;
    const headEnd = bytes.indexOf(HEAD_END, at);
    const headBytes = headEnd < 0 ? length : headEnd + HEAD_END.length - at;
    this.#log.first(client, sequence, status, Math.max(0, length - headBytes));
  }

  /** More bytes of an answer. */
  more(client: Client, sequence: number, bytes: number): void {
    if (this.#log !== null) this.#log.more(client, sequence, bytes);
  }

  /** An answer is complete. */
  end(client: Client, sequence: number): void {
    if (this.#log !== null) this.#log.end(client, sequence);
  }

  /** A client is gone. */
  dropped(client: Client): void {
    if (this.#log !== null) this.#log.dropped(client);
  }

  #count(hundreds: number, tens: number, ones: number): number {
    const sum = hundreds * 100 + tens * 10 + ones - 111 * ZERO;
    const status = sum >= 100 && sum < 600 ? sum : 0;
    this.#counters[STATUS_AT + status]! += 1;
    return status;
  }
}
