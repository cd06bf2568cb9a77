/**
 * Follows a file that others rename or remove while this process appends to it: opens its path anew, in place of the old descriptor.
 *
 * The number of the descriptor stays, so threads that share it need not know; what they write goes to one file or the other, whole.
 * Nothing here waits but for the disk. Source: dup3(2), open(2), logrotate(8) without `copytruncate`.
 */
import { close, dup3, fstat, open } from "../../ffi/calls.ts";
import {
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_NONBLOCK,
  O_PATH,
  O_WRONLY,
  S_IFMT,
  S_IFREG,
} from "../../ffi/constants.ts";
import { ERRNO } from "../../ffi/errno.ts";
import { STAT_DEVICE_OFFSET, STAT_MODE_OFFSET, STAT_SIZE_BYTES } from "../../ffi/layout.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";

/** Device and inode, which are next to each other. */
const IDENTITY_WORDS = 4;
const IDENTITY_AT: number = STAT_DEVICE_OFFSET / 4;
const MODE = 0o644;

/** A file that is appended to, known by its path. */
export class RotatedFile {
  readonly #fd: number;
  readonly #path: NativeBuffer;
  readonly #found: NativeBuffer = NativeBuffer.allocate(STAT_SIZE_BYTES);
  readonly #foundWords: Int32Array = this.#found.int32();
  readonly #own: NativeBuffer = NativeBuffer.allocate(STAT_SIZE_BYTES);
  readonly #ownWords: Int32Array = this.#own.int32();

  /** @param path absolute: others may change the working directory */
  constructor(fd: number, path: string) {
    this.#fd = fd;
    this.#path = NativeBuffer.cString(path);
  }

  /**
   * Opens the path anew if it is not the file that is open any more; makes the file if it is gone. Gives 1 when it did, 0 when there was
   * no need to, or -errno: the old file stays open then.
   */
  follow(): number {
    const reference = open(this.#path.address, O_PATH | O_CLOEXEC, 0);
    if (reference < 0 && reference !== -ERRNO.ENOENT) return reference;
    if (reference >= 0) {
      const isSame = this.#isSame(reference);
      close(reference);
      if (isSame) return 0;
    }
    const flags = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC;
    const fresh = open(this.#path.address, flags, MODE);
    if (fresh < 0) return fresh;
    const result = this.#isRegular(fresh) ? dup3(fresh, this.#fd, O_CLOEXEC) : -ERRNO.EINVAL;
    close(fresh);
    return result < 0 ? result : 1;
  }

  #isSame(reference: number): boolean {
    if (fstat(reference, this.#found.address) < 0 || fstat(this.#fd, this.#own.address) < 0) return true;
    for (let word = IDENTITY_AT; word < IDENTITY_AT + IDENTITY_WORDS; word++) {
      if (this.#foundWords[word] !== this.#ownWords[word]) return false;
    }
    return true;
  }

  /** Lines of several threads would mix in anything else. */
  #isRegular(fd: number): boolean {
    const isKnown = fstat(fd, this.#found.address) >= 0;
    return isKnown && (this.#foundWords[STAT_MODE_OFFSET / 4]! & S_IFMT) === S_IFREG;
  }
}
