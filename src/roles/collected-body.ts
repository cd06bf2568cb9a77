/**
 * A task record whose body is still arriving: the head, then room for the body.
 *
 * Owned by the dispatcher. A short body lies behind the head in the record, which grows a few times at most. A long one
 * of known length, for a handler on this thread, has memory of its own, exactly as long as the body: the socket
 * receives into it, and the handler gets it as it is.
 */
import { NativeBuffer } from "../../ffi/native-buffer.ts";

/** Memory that a body gets before any of it has come: one that is announced and never sent must not cost more. */
const FIRST_BYTES = 4096;

/** A record with a growing body. */
export class CollectedBody {
  bytes: Buffer;
  words: Int32Array;
  /** Where a long body is put together; null for a short one. */
  readonly content: NativeBuffer | null;
  readonly #headBytes: number;
  /** Bytes of the body so far. */
  bodyBytes = 0;

  /**
   * @param recordBytes length of the record without its body
   * @param expectedBytes length of the body where it is known, else 0
   * @param isLong whether the body gets memory of its own
   */
  constructor(recordBytes: number, expectedBytes: number, isLong = false) {
    this.#headBytes = recordBytes;
    // Not zeroed: what is not received is never shown. Longer than what a record may hold, so that it does not move.
    this.content = isLong ? NativeBuffer.over(Bun.allocUnsafe(expectedBytes)) : null;
    const firstBytes = isLong ? 0 : Math.min(FIRST_BYTES, Math.max(expectedBytes, 512));
    const memory = new ArrayBuffer((recordBytes + firstBytes + 7) & ~7);
    this.bytes = Buffer.from(memory);
    this.words = new Int32Array(memory);
  }

  /** Appends source[start..end) to the body. */
  append(source: Buffer, start: number, end: number): void {
    if (this.content !== null) {
      // Received in place, most of it is there already.
      if (source !== this.content.bytes) source.copy(this.content.bytes, this.bodyBytes, start, end);
      this.bodyBytes += end - start;
      return;
    }
    const at = this.#headBytes + this.bodyBytes;
    const needed = at + end - start;
    if (needed > this.bytes.length) {
      const memory = new ArrayBuffer((Math.max(needed, this.bytes.length * 2) + 7) & ~7);
      const grown = Buffer.from(memory);
      this.bytes.copy(grown, 0, 0, at);
      this.bytes = grown;
      this.words = new Int32Array(memory);
    }
    source.copy(this.bytes, at, start, end);
    this.bodyBytes += end - start;
  }

  /** Writes how much of the body the record holds, and adds flags (`TASK_*`). */
  finish(bodyBytes: number, flags: number): void {
    this.words[6] = bodyBytes;
    this.words[0] |= flags << 16;
    this.#recordBytes = this.#headBytes + bodyBytes;
  }

  #recordBytes = 0;

  /** The record after `finish`. */
  record(): Buffer {
    return this.bytes.subarray(0, this.#recordBytes);
  }

  /** The body so far, in memory of its own. */
  body(): Buffer {
    if (this.content !== null) return this.content.bytes.subarray(0, this.bodyBytes);
    return Buffer.from(this.bytes.subarray(this.#headBytes, this.#headBytes + this.bodyBytes));
  }
}
