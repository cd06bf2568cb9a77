/**
 * Notes each answer that goes to a client: by its status, which is read from the head.
 *
 * Owned by the dispatcher. Called once an answer, by whoever has its head first, with the head as text or as bytes.
 */
import { STATUS_AT } from "../shm/buckets.ts";

/** Where the status stands in "HTTP/1.1 200 OK". */
const STATUS_OFFSET = 9;
const ZERO = 0x30;

/** Counts the answers of one dispatcher. */
export class AnswerRecorder {
  readonly #counters: Float64Array;

  /** @param counters the dispatcher's, with its buckets */
  constructor(counters: Float64Array) {
    this.#counters = counters;
  }

  /** An answer whose head is text. */
  text(head: string): void {
    const hundreds = head.charCodeAt(STATUS_OFFSET);
    this.#count(hundreds, head.charCodeAt(STATUS_OFFSET + 1), head.charCodeAt(STATUS_OFFSET + 2));
  }

  /** An answer whose head begins at `at` of `bytes`. */
  bytes(bytes: Uint8Array, at: number): void {
    const start = at + STATUS_OFFSET;
    this.#count(bytes[start]!, bytes[start + 1]!, bytes[start + 2]!);
  }

  #count(hundreds: number, tens: number, ones: number): void {
    const status = hundreds * 100 + tens * 10 + ones - 111 * ZERO;
    this.#counters[STATUS_AT + (status >= 100 && status < 600 ? status : 0)]! += 1;
  }
}
