/**
 * Wakes a thread that sleeps in its Poller, from any thread.
 *
 * An eventfd, registered by edges in the sleeper's Poller: every write is a new edge, even when the counter was not
 * zero before, so the sleeper never reads it. `wake` is the only call of this folder that may be made on another thread's
 * object; it makes one system call, so callers first look whether the sleeper sleeps at all.
 *
 * The owner makes the Waker and closes it; other threads `attach` to its fd number, which travels in `workerData`.
 *
 * Saturation: the counter holds up to 2^64 - 2, and a write that would pass it gives EAGAIN without an edge. 2^64 wake-ups
 * do not happen, but a foreign writer might; so on EAGAIN the counter is read (set to 0) and the write repeated.
 * Source: eventfd(2), epoll(7).
 */
import { close, eventfd, read, write } from "../../ffi/calls.ts";
import { EFD_CLOEXEC, EFD_NONBLOCK } from "../../ffi/constants.ts";
import { check, ERRNO } from "../../ffi/errno.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";

const COUNTER_SIZE_BYTES = 8;

// One pair for the thread; bytes and address stay together and live as long as the module.
const one = NativeBuffer.allocate(COUNTER_SIZE_BYTES);
one.bytes[0] = 1;
const drained = NativeBuffer.allocate(COUNTER_SIZE_BYTES);

/** Wakes one Poller. Made by its owner with `create`, by other threads with `attach`. */
export class Waker {
  /** The eventfd: register it with `Poller.registerReadable`, pass its number to the threads that wake. */
  readonly fd: number;
  #isOwner: boolean;

  private constructor(fd: number, isOwner: boolean) {
    this.fd = fd;
    this.#isOwner = isOwner;
  }

  /**
   * Makes a waker that this object owns.
   * @throws SyscallError when descriptors or memory are exhausted.
   */
  static create(): Waker {
    return new Waker(check("eventfd", eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), true);
  }

  /** Makes a handle on another thread's waker, which must outlive it. Its `close` does nothing. */
  static attach(fd: number): Waker {
    return new Waker(fd, false);
  }

  /**
   * Makes the owner's `Poller.wait` return, now or the next time it is called. Does not block.
   * @throws SyscallError when the fd is not an open eventfd (EBADF, EINVAL): the owner closed it too early.
   */
  wake(): void {
    let result = write(this.fd, one.address, COUNTER_SIZE_BYTES);
    while (result === -ERRNO.EAGAIN || result === -ERRNO.EINTR) {
      if (result === -ERRNO.EAGAIN) read(this.fd, drained.address, COUNTER_SIZE_BYTES);
      result = write(this.fd, one.address, COUNTER_SIZE_BYTES);
    }
    check("write", result);
  }

  /** Closes the eventfd if this object owns it; afterwards no thread may call `wake`. */
  close(): void {
    if (!this.#isOwner) return;
    this.#isOwner = false;
    close(this.fd);
  }
}
