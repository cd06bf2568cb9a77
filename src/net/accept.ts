/**
 * Taking connections from a listening socket.
 *
 * Used by the acceptor thread, or by any thread with a listener of its own. Knows nothing of what becomes of a client.
 *
 * accept4 takes one connection and makes it non-blocking and close-on-exec in the same call. Its errors are of four
 * kinds, and mixing them up stops a server: Linux hands pending network errors of the *new* connection to accept, which
 * must be treated as "try the next one" (accept(2), "Error handling"); running out of descriptors leaves the connection in the
 * queue, and with an edge-triggered poller nobody would ever be told of it again. For that case there is a spare
 * descriptor: give it up, accept the client, close it, so that it learns at once instead of hanging.
 */
import { accept4, close, open, shutdown } from "../../ffi/calls.ts";
import { O_CLOEXEC, O_RDONLY, SHUT_RDWR, SOCK_CLOEXEC, SOCK_NONBLOCK } from "../../ffi/constants.ts";
import { ERRNO, errnoName } from "../../ffi/errno.ts";
import { SOCKADDR_STORAGE_SIZE_BYTES } from "../../ffi/layout.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";

/** Is the size of the buffer for `acceptClient`: a sockaddr (128 bytes), then the uint32 of its length. */
export const ACCEPT_BUFFER_SIZE_BYTES: number = SOCKADDR_STORAGE_SIZE_BYTES + 4;

/** Says: nothing to accept now, wait for the listener's next edge. */
export const ACCEPT_WAIT = 0;
/** Says: this connection failed or a signal came, accept the next one at once. */
export const ACCEPT_RETRY = 1;
/** Says: out of descriptors or memory; shed load (`SpareDescriptor`) or try again after a pause. */
export const ACCEPT_EXHAUSTED = 2;
/** Says: the listener itself is unusable (closed, not listening): stop accepting. */
export const ACCEPT_FATAL = 3;

/** Names the four kinds of accept errors. */
export type AcceptFailure =
  | typeof ACCEPT_WAIT
  | typeof ACCEPT_RETRY
  | typeof ACCEPT_EXHAUSTED
  | typeof ACCEPT_FATAL
  | typeof ACCEPT_OVER;

const ACCEPT_FLAGS = SOCK_NONBLOCK | SOCK_CLOEXEC;

/** Makes a buffer for `acceptClient`; one for each thread that accepts. */
export function allocateAcceptBuffer(): NativeBuffer {
  return NativeBuffer.allocate(ACCEPT_BUFFER_SIZE_BYTES);
}

/**
 * Accepts one connection. Does not block.
 * @param buffer from `allocateAcceptBuffer`; its first 128 bytes hold the peer's sockaddr afterwards (see `encodePeer`).
 * @returns the client's fd, owned by the caller, or -errno: pass it to `classifyAcceptFailure`.
 */
export function acceptClient(listenerFd: number, buffer: NativeBuffer): number {
  // The kernel shortens the length to that of the address, so it is written anew each time.
  buffer.bytes[SOCKADDR_STORAGE_SIZE_BYTES] = SOCKADDR_STORAGE_SIZE_BYTES;
  return accept4(listenerFd, buffer.address, buffer.address + SOCKADDR_STORAGE_SIZE_BYTES, ACCEPT_FLAGS);
}

/** Listening has been shut down: there will be no more clients. */
export const ACCEPT_OVER = 4;

/** Says what to do about a negative result of `acceptClient`. Unknown errors count as fatal. */
export function classifyAcceptFailure(result: number): AcceptFailure {
  switch (-result) {
    case ERRNO.EAGAIN:
      return ACCEPT_WAIT;
    // Not listening any more, accept(2).
    case ERRNO.EINVAL:
      return ACCEPT_OVER;
    case ERRNO.EINTR:
    case ERRNO.ECONNABORTED:
    // Network errors of the new connection, accept(2).
    case ERRNO.ENETDOWN:
    case ERRNO.EPROTO:
    case ERRNO.ENOPROTOOPT:
    case ERRNO.EHOSTDOWN:
    case ERRNO.ENONET:
    case ERRNO.EHOSTUNREACH:
    case ERRNO.EOPNOTSUPP:
    case ERRNO.ENETUNREACH:
    // Firewall rules forbid the connection; protocols may add the others. accept(2).
    case ERRNO.EPERM:
    case ERRNO.ESOCKTNOSUPPORT:
    case ERRNO.EPROTONOSUPPORT:
    case ERRNO.ETIMEDOUT:
    case ERRNO.ECONNRESET:
      return ACCEPT_RETRY;
    case ERRNO.EMFILE:
    case ERRNO.ENFILE:
    case ERRNO.ENOBUFS:
    case ERRNO.ENOMEM:
      return ACCEPT_EXHAUSTED;
    default:
      return ACCEPT_FATAL;
  }
}

/** Names a negative result of `acceptClient` for people: `EPERM`. */
export function acceptFailureName(result: number): string {
  return errnoName(result);
}

const nullDevice = NativeBuffer.cString("/dev/null");

/**
 * Holds one descriptor in reserve for the moment when the process has none left.
 *
 * Another thread may take the freed number first; then `shed` gives -EMFILE again and the caller waits.
 */
export class SpareDescriptor {
  #fd: number;

  /** Opens /dev/null. If that fails there is no reserve, and `shed` tries again to get one. */
  constructor() {
    this.#fd = open(nullDevice.address, O_RDONLY | O_CLOEXEC, 0);
  }

  /** Whether there is a reserve now. */
  get isHeld(): boolean {
    return this.#fd >= 0;
  }

  /**
   * Gives the reserve up, accepts one client, closes it, and takes a reserve again.
   * @returns 0 when a client was turned away, otherwise accept's -errno (WOULD_BLOCK: the queue is empty).
   */
  shed(listenerFd: number): number {
    this.close();
    const client = accept4(listenerFd, 0, 0, ACCEPT_FLAGS);
    if (client >= 0) close(client);
    this.#fd = open(nullDevice.address, O_RDONLY | O_CLOEXEC, 0);
    return Math.min(client, 0);
  }

  /** Gives the reserve up for good. */
  close(): void {
    if (this.#fd >= 0) close(this.#fd);
    this.#fd = -1;
  }
}

/** Makes a socket stop listening: connections that wait for accept are reset, new ones refused. For any thread. */
export function stopListening(fd: number): void {
  shutdown(fd, SHUT_RDWR);
}
