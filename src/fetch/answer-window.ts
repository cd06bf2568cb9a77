/**
 * How far a long answer may be ahead of its client.
 *
 * Owned by the exchange. Pure: the time is given. An answer that exists whole has its bytes in memory anyway, so its window is
 * wide from the start. A stream's is narrow until its client has shown that it reads fast: what is ahead of a client that
 * does not read lies in memory until it leaves, while a fast one is served with fewer hand-overs by a wide one. What the kernel
 * takes on its own, whether the client reads or not, shows nothing.
 */
import { ANSWER_WINDOW, STREAM_WINDOW } from "../channel/messages.ts";

/** Bytes that the buffers of both sockets may take of a client that reads nothing (2.6 MiB on one machine, at most 4 to send). */
const KERNEL_BYTES: number = 4 * 1024 * 1024;
/** The pace is looked at once for so many bytes taken. */
const PACE_BYTES: number = 1024 * 1024;
/** A client that takes PACE_BYTES in less time reads fast: 50 MiB/s. Below that a narrow window does as well. */
const PACE_MS = 20;

/** The window of one answer. */
export class AnswerWindow {
  readonly #isStream: boolean;
  #limit: number;
  #ahead = 0;
  /** Bytes taken since the pace was looked at last; the first ones show nothing. */
  #paced: number = PACE_BYTES - KERNEL_BYTES;
  #sinceMs = 0;

  /** @param isStream whether the answer is produced as it is sent */
  constructor(isStream: boolean) {
    this.#isStream = isStream;
    this.#limit = isStream ? STREAM_WINDOW : ANSWER_WINDOW;
  }

  /** Whether more may be sent now. The last piece may overdraw it. */
  get isOpen(): boolean {
    return this.#ahead < this.#limit;
  }

  /** So many bytes were sent. */
  sent(bytes: number): void {
    this.#ahead += bytes;
  }

  /** The client took so many bytes; `nowMs` by a clock that does not go back. */
  taken(bytes: number, nowMs: number): void {
    this.#ahead -= bytes;
    if (!this.#isStream) return;
    this.#paced += bytes;
    if (this.#paced < PACE_BYTES) return;
    // The first look only starts the clock.
    const isFast = this.#sinceMs !== 0 && (nowMs - this.#sinceMs) * PACE_BYTES < PACE_MS * this.#paced;
    this.#limit = isFast ? ANSWER_WINDOW : STREAM_WINDOW;
    this.#paced = 0;
    this.#sinceMs = nowMs;
  }
}
