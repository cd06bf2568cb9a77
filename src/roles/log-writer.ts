/**
 * Lines on their way to a file, many in one write.
 *
 * Owned by one dispatcher; several write to the same descriptor. It never waits: what the file does not take stays in a buffer of
 * BUFFER_BYTES, and lines that do not fit there are dropped and counted. Lines are at most LINE_BYTES long.
 */
import { monotonicMs } from "../../ffi/clock.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import { writeLatin1 } from "../http/latin1.ts";
import { append } from "../net/append.ts";
import { RotatedFile } from "../net/rotated-file.ts";
import { WOULD_BLOCK } from "../net/stream-socket.ts";
import { BoundedLog } from "./bounded-log.ts";

/** What lines are written to. */
export interface AccessLogTarget {
  readonly fd: number;
  readonly isSocket: boolean;
  /** Its path, where it is a file that may be renamed and is to be made anew then; null for anything else. */
  readonly path: string | null;
  /** The longest write, Infinity for any: lines of several threads do not mix as long as none is longer. */
  readonly pieceBytes: number;
}

/** The longest line, its end included. */
export const LINE_BYTES = 4096;
const BUFFER_BYTES: number = 256 * 1024;
/** Lines are written when there are so many bytes of them, or when the first is so old, in ms. */
const FULL_BYTES: number = 32 * 1024;
const WAIT_MS = 200;
/** Pause when the file takes no more, in ms. */
const RETRY_MS = 20;
/** Time between two looks at whether the file was renamed, in ms. */
const ROTATION_MS = 1000;
const LINE_FEED = 0x0a;

/** Writes the lines of one dispatcher. */
export class LogWriter {
  readonly #target: AccessLogTarget;
  readonly #onDropped: (lines: number) => void;
  readonly #failures: BoundedLog = new BoundedLog("access-log-failed");
  readonly #native: NativeBuffer = NativeBuffer.allocate(BUFFER_BYTES);
  readonly #file: RotatedFile | null;
  #followedMs = 0;
  #start = 0;
  #end = 0;
  #dueMs = Number.POSITIVE_INFINITY;
  /** The file took no more when it was asked last. */
  #isBlocked = false;

  /** @param onDropped called with the number of lines that were dropped */
  constructor(target: AccessLogTarget, onDropped: (lines: number) => void) {
    this.#target = target;
    this.#onDropped = onDropped;
    this.#file = target.path === null ? null : new RotatedFile(target.fd, target.path);
  }

  /** When lines are to be written at the latest, in monotonic ms; Infinity without any. */
  get dueMs(): number {
    return this.#dueMs;
  }

  /** Adds a line, latin-1, with its line feed. */
  add(line: string): void {
    const { length } = line;
    if (length > BUFFER_BYTES - this.#end && !this.#makeRoom(length)) {
      this.#onDropped(1);
      return;
    }
    writeLatin1(this.#native.bytes, line, this.#end);
    if (this.#end === this.#start) this.#dueMs = monotonicMs() + WAIT_MS;
    this.#end += length;
    if (this.#end - this.#start >= FULL_BYTES && !this.#isBlocked) this.#dueMs = 0;
  }

  /** Writes what is due. */
  look(nowMs: number): void {
    if (nowMs >= this.#dueMs) this.flush(nowMs);
  }

  /** Writes all that the file takes now. */
  flush(nowMs: number = monotonicMs()): void {
    if (this.#file !== null && nowMs - this.#followedMs >= ROTATION_MS) this.#follow(nowMs);
    while (this.#end > this.#start) {
      const length = this.#pieceLength();
      const { fd, isSocket } = this.#target;
      const taken = append(fd, isSocket, this.#native.address + this.#start, length);
      this.#isBlocked = taken === WOULD_BLOCK || taken === 0;
      if (this.#isBlocked) {
        this.#dueMs = nowMs + RETRY_MS;
        return;
      }
      if (taken < 0) {
        this.#failures.say(`the access log cannot be written (errno ${-taken}): lines are lost`, nowMs);
        this.#onDropped(this.#countLines());
        break;
      }
      this.#start += taken;
    }
    this.#start = 0;
    this.#end = 0;
    this.#dueMs = Number.POSITIVE_INFINITY;
  }

  /** Lines that come after the file was renamed belong into the one that is there now. */
  #follow(nowMs: number): void {
    // The rest of a line belongs to its beginning.
    if (this.#start > 0 && this.#native.bytes[this.#start - 1] !== LINE_FEED) return;
    this.#followedMs = nowMs;
    const result = this.#file!.follow();
    if (result < 0) {
      const message = `the access log cannot be opened anew (errno ${-result}): lines go on to the file that was renamed`;
      this.#failures.say(message, nowMs);
    }
  }

  /** All, or as many whole lines as one write may hold. */
  #pieceLength(): number {
    const length = this.#end - this.#start;
    const { pieceBytes } = this.#target;
    if (length <= pieceBytes) return length;
    const last = this.#native.bytes.lastIndexOf(LINE_FEED, this.#start + pieceBytes - 1);
    return last < this.#start ? pieceBytes : last + 1 - this.#start;
  }

  /** Moves what is left to the front, or writes first; false when there is no room for so many bytes. */
  #makeRoom(length: number): boolean {
    // While the file takes nothing it is asked at its time only, however many lines come.
    if (monotonicMs() >= this.#dueMs) this.flush();
    if (this.#start > 0) {
      this.#native.bytes.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    return length <= BUFFER_BYTES - this.#end;
  }

  #countLines(): number {
    let count = 0;
    for (let i = this.#start; i < this.#end; i++) if (this.#native.bytes[i] === LINE_FEED) count++;
    return count;
  }
}
