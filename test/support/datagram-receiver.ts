/** A unix datagram socket that keeps what it gets: the other end of sd_notify(3). */
import { bind, close, recv, socket } from "../../ffi/calls.ts";
import { AF_UNIX, MSG_DONTWAIT, SOCK_CLOEXEC, SOCK_DGRAM } from "../../ffi/constants.ts";
import { encodeSockaddrUn, SOCKADDR_UN_SIZE_BYTES } from "../../ffi/layout.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";

/** Receives datagrams at a path ("\0name": abstract). */
export class DatagramReceiver implements Disposable {
  readonly #fd: number;
  readonly #messages: string[] = [];

  constructor(path: string) {
    this.#fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const sockaddr = NativeBuffer.allocate(SOCKADDR_UN_SIZE_BYTES);
    const result = bind(this.#fd, sockaddr.address, encodeSockaddrUn(sockaddr.bytes, path));
    if (this.#fd < 0 || result < 0) throw new Error(`no socket at ${path}: ${result}`);
  }

  /** All that has come so far. */
  get messages(): readonly string[] {
    const buffer = NativeBuffer.allocate(1024);
    for (;;) {
      const length = recv(this.#fd, buffer.address, buffer.length, MSG_DONTWAIT);
      if (length < 0) return this.#messages;
      this.#messages.push(buffer.bytes.toString("utf8", 0, length));
    }
  }

  [Symbol.dispose](): void {
    close(this.#fd);
  }
}
