/**
 * Turns a connection away politely: 503 with `Retry-After` and `Connection: close`.
 *
 * Used by the acceptor. A close with input that was not read resets the connection, and the reset could overtake the
 * answer (RFC 9112 section 9.6). So what has come is read first, which is the request or its beginning: the kernel hands
 * over connections whose first bytes are there.
 */
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import { OVERLOADED_CLOSING_REPLY } from "../http/response-head.ts";
import { closeSocket, receive, shutdownWrite, transmit } from "../net/stream-socket.ts";

/** What is read at most, in pieces of this length. */
const PIECE_BYTES: number = 64 * 1024;
const PIECES = 4;

/** Turns connections away. */
export class Refusal {
  readonly #reply: NativeBuffer = NativeBuffer.allocate(OVERLOADED_CLOSING_REPLY.length);
  readonly #input: NativeBuffer = NativeBuffer.allocate(PIECE_BYTES);

  constructor() {
    OVERLOADED_CLOSING_REPLY.copy(this.#reply.bytes);
  }

  /** Answers and closes; does not block. */
  refuse(fd: number): void {
    for (let piece = 0; piece < PIECES; piece++) {
      if (receive(fd, this.#input.address, PIECE_BYTES) < PIECE_BYTES) break;
    }
    transmit(fd, this.#reply.address, this.#reply.length);
    shutdownWrite(fd);
    closeSocket(fd);
  }
}
