/** The other end of a dispatcher's client. */
import { close, recv, shutdown } from "../../ffi/calls.ts";
import { MSG_DONTWAIT, MSG_PEEK, SHUT_WR } from "../../ffi/constants.ts";
import { ERRNO } from "../../ffi/errno.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import { resetSocket, transmit } from "../../src/net/stream-socket.ts";
import { receiveNow } from "./receive-now.ts";

/** What a peer finds when it looks at its socket. */
export type PeerState = "open" | "bytes" | "end" | "reset" | "closed here";

const one = NativeBuffer.allocate(1);

/** A blocking socket connected to a client's fd. */
export class Peer {
  readonly fd: number;
  #isClosed = false;
  #text = "";

  constructor(fd: number) {
    this.fd = fd;
  }

  /** Sends all of a text in latin-1, or bytes; the kernel's buffers must have room for it. */
  send(content: string | Buffer): void {
    const bytes = typeof content === "string" ? Buffer.from(content, "latin1") : content;
    const native = NativeBuffer.allocate(Math.max(1, bytes.length));
    bytes.copy(native.bytes);
    if (bytes.length > 0 && transmit(this.fd, native.address, bytes.length) !== bytes.length) {
      throw new Error("the peer could not send all of it");
    }
  }

  /** Sends as much of `bytes` from `at` on as the kernel takes; gives how much. */
  sendSome(bytes: Buffer, at: number): number {
    const length = Math.min(bytes.length - at, 1 << 20);
    if (length === 0) return 0;
    const native = NativeBuffer.allocate(length);
    bytes.copy(native.bytes, 0, at, at + length);
    return Math.max(0, transmit(this.fd, native.address, length));
  }

  /** All that has come since the start, in latin-1. */
  get received(): string {
    if (!this.#isClosed) this.#text += receiveNow(this.fd).toString("latin1");
    return this.#text;
  }

  /** What a read would find now. */
  get state(): PeerState {
    if (this.#isClosed) return "closed here";
    const result = recv(this.fd, one.address, 1, MSG_PEEK | MSG_DONTWAIT);
    if (result > 0) return "bytes";
    if (result === 0) return "end";
    return result === -ERRNO.EAGAIN ? "open" : "reset";
  }

  /** What a read finds once it finds `state`, or after 3 s: a busy kernel delivers what was sent here a little later. */
  async stateSoon(state: PeerState): Promise<PeerState> {
    // A reset is told once only: the read after it finds the end.
    let found = this.state;
    for (let attempt = 0; found !== state && attempt < 3000; attempt++) {
      await Bun.sleep(1);
      found = this.state;
    }
    return found;
  }

  /** Closes the sending half. */
  endSending(): void {
    shutdown(this.fd, SHUT_WR);
  }

  /** Closes the connection; with a reset if asked. */
  close(isReset = false): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (isReset) resetSocket(this.fd);
    else close(this.fd);
  }
}
