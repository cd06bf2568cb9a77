/**
 * The edge-triggered epoll instance of one thread.
 *
 * Owned by one thread (acceptor or dispatcher), which alone registers and waits; other threads reach it only through a
 * `Waker` registered in it. It must not know what the descriptors are or what the tokens mean.
 *
 * The contract (mio's, for edges):
 *  - An event says that something *may* have changed; it can be spurious. After it, repeat the operation until it gives
 *    WOULD_BLOCK: nothing more is promised before that, and a half-read socket gives no second event.
 *  - Both interests of a client are registered once, at its start, so the hot path makes no epoll_ctl call. Registering
 *    reports what is already ready.
 *  - Readable and writable are reliable; error and hang-up are hints: the read that follows finds out what happened.
 *  - Each event carries a token, slot and generation, as two 32-bit numbers. An event for a slot that was given to another
 *    client meanwhile has the old generation and is dropped by its receiver.
 *
 * Events land in one preallocated array that is read as 32-bit words, so an event costs no allocation and no BigInt.
 * Source: epoll(7), epoll_ctl(2), epoll_wait(2).
 */
import { close, epollCreate1, epollCtl, epollWait } from "../../ffi/calls.ts";
import {
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLLERR,
  EPOLLET,
  EPOLLEXCLUSIVE,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLRDHUP,
} from "../../ffi/constants.ts";
import { check, ERRNO, syscallError } from "../../ffi/errno.ts";
import { EPOLL_EVENT_DATA_OFFSET, EPOLL_EVENT_SIZE_BYTES } from "../../ffi/layout.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";

/** Is how many events one `wait` gives at most; the rest comes with the next one. */
export const EVENT_CAPACITY = 512;

/** Is set in an event's flags when bytes, a connection or the end may be read: EPOLLIN, EPOLLRDHUP, EPOLLHUP or EPOLLERR. */
export const READABLE: number = EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
/** Is set in an event's flags when bytes may be written, or the attempt will tell why not: EPOLLOUT, EPOLLHUP or EPOLLERR. */
export const WRITABLE: number = EPOLLOUT | EPOLLHUP | EPOLLERR;
/** Is set in an event's flags when the peer has ended its sending direction or the connection is gone: a hint. */
export const HANGUP: number = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

/** Is set in an event's flags when both directions are gone: EPOLLHUP or EPOLLERR. */
export const DISCONNECTED: number = EPOLLHUP | EPOLLERR;

const CLIENT_INTEREST = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
const READABLE_INTEREST = EPOLLIN | EPOLLET;
const SHARED_INTEREST: number = READABLE_INTEREST | EPOLLEXCLUSIVE;
const STRIDE_WORDS = EPOLL_EVENT_SIZE_BYTES / 4;
const SLOT_WORD = EPOLL_EVENT_DATA_OFFSET / 4;
const GENERATION_WORD = SLOT_WORD + 1;

/** Owns an epoll instance and its event array. */
export class Poller {
  /** The epoll descriptor; closed by `close`. */
  readonly fd: number;
  readonly #events: NativeBuffer = NativeBuffer.allocate(EVENT_CAPACITY * EPOLL_EVENT_SIZE_BYTES);
  readonly #eventWords: Int32Array = this.#events.int32();
  readonly #eventsAddress: number = this.#events.address;
  readonly #interest: NativeBuffer = NativeBuffer.allocate(EPOLL_EVENT_SIZE_BYTES);
  readonly #interestWords: Int32Array = this.#interest.int32();

  /** @throws SyscallError when the process or the system is out of descriptors or memory. */
  constructor() {
    this.fd = check("epoll_create1", epollCreate1(EPOLL_CLOEXEC));
  }

  /**
   * Watches a client's socket for reading and writing, by edges.
   * @param slot 32-bit number that comes back with each event, see `slotOf`.
   * @param generation 32-bit number that comes back with it, see `generationOf`.
   * @returns 0, or -errno (ENOMEM, ENOSPC: the limit of watches; EEXIST: registered before).
   */
  register(fd: number, slot: number, generation: number): number {
    return this.#add(fd, CLIENT_INTEREST, slot, generation);
  }

  /** Watches a listener or a waker, for reading only, by edges. Arguments and result as `register`. */
  registerReadable(fd: number, slot: number, generation: number): number {
    return this.#add(fd, READABLE_INTEREST, slot, generation);
  }

  /**
   * Watches as `registerReadable` does what other pollers watch too: of those that block in `wait`, the kernel wakes one.
   * Arguments and result as `register`.
   */
  registerShared(fd: number, slot: number, generation: number): number {
    return this.#add(fd, SHARED_INTEREST, slot, generation);
  }

  /**
   * Watches as `registerReadable` does what its owner cannot do without; closes this poller if that fails.
   * @throws SyscallError when the system is out of memory or watches.
   */
  requireReadable(fd: number, slot: number): void {
    const result = this.registerReadable(fd, slot, 0);
    if (result >= 0) return;
    this.close();
    throw syscallError("epoll_ctl", result);
  }

  /**
   * Stops watching a descriptor that stays open. Closing it does the same, unless it was duplicated.
   * @returns 0, or -errno (ENOENT: was not registered).
   */
  deregister(fd: number): number {
    return epollCtl(this.fd, EPOLL_CTL_DEL, fd, 0);
  }

  /**
   * Waits for events, which `slotOf`, `generationOf` and `flagsOf` then give until the next call.
   * Blocks up to `timeoutMs` whole milliseconds (0: not at all, -1: without end); round a wait up, or it becomes a spin.
   * @returns the number of events; 0 when the time is over or a signal came.
   * @throws SyscallError when the poller is closed (EBADF): a mistake of the owner.
   */
  wait(timeoutMs: number): number {
    const result = epollWait(this.fd, this.#eventsAddress, EVENT_CAPACITY, timeoutMs);
    if (result >= 0) return result;
    if (result === -ERRNO.EINTR) return 0;
    throw syscallError("epoll_wait", result);
  }

  /** Gives the slot of event `index` (0 to the result of `wait` minus 1), as the int32 that was registered. */
  slotOf(index: number): number {
    return this.#eventWords[index * STRIDE_WORDS + SLOT_WORD]!;
  }

  /** Gives the generation of event `index`, as the int32 that was registered. */
  generationOf(index: number): number {
    return this.#eventWords[index * STRIDE_WORDS + GENERATION_WORD]!;
  }

  /** Gives the flags of event `index`: test with READABLE, WRITABLE and HANGUP. */
  flagsOf(index: number): number {
    return this.#eventWords[index * STRIDE_WORDS]!;
  }

  /** Closes the epoll descriptor. What was registered stays open. */
  close(): void {
    close(this.fd);
  }

  #add(fd: number, interest: number, slot: number, generation: number): number {
    const words = this.#interestWords;
    words[0] = interest;
    words[SLOT_WORD] = slot;
    words[GENERATION_WORD] = generation;
    return epollCtl(this.fd, EPOLL_CTL_ADD, fd, this.#interest.address);
  }
}
