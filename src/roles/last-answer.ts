/**
 * The last answer of a client of a server that stops, or of one that has made all the requests that a connection may make
 * (`limits.requestsPerConnection`): it says `Connection: close`, so that the client does not send its
 * next request into a connection that is about to end (RFC 9112 section 9.6).
 *
 * Owned by the dispatcher. The field is put behind the status line where answers pass on their way out, whoever made
 * them, so handlers need not know that the server stops. While it runs, all this costs one comparison an answer.
 */
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import { SERVER_DRAINING, SERVER_FINISHING } from "../shm/control-block.ts";
import { CLIENT_OPEN, type Client } from "./client.ts";

const FIELD = "Connection: close\r\n";
const LF = 10;

/** Marks the last answers of one dispatcher's clients. */
export class LastAnswers {
  /** Whether the server stops: each client gets the answers to what it has sent, and no more. */
  isStopping = false;
  /** Whether answers are to be looked at: the server stops, or connections may make so many requests only. */
  isMarking: boolean;
  readonly #requestLimit: number;
  /** Whether clients without a request are closed. */
  isDraining = false;

  /** @param requestLimit requests that a connection may make */
  constructor(requestLimit: number = Number.POSITIVE_INFINITY) {
    this.#requestLimit = requestLimit;
    this.isMarking = requestLimit !== Number.POSITIVE_INFINITY;
  }

  /** The server is in this state (`SERVER_*`) now. */
  enter(state: number): void {
    this.isDraining = state === SERVER_DRAINING;
    this.isStopping = this.isDraining || state === SERVER_FINISHING;
    this.isMarking = this.isStopping || this.#requestLimit !== Number.POSITIVE_INFINITY;
  }

  /**
   * Whether the answer whose head is about to be sent is its client's last; then the client is read no further than the
   * end of that request. Asked once for each answer while `isMarking`.
   */
  takes(client: Client, sequence: number): boolean {
    if (sequence + 1 === this.#requestLimit) {
      // The reader stops after it by itself.
      if (client.isLastMarked) return false;
      client.isLastMarked = true;
      return true;
    }
    if (!this.isStopping) return false;
    if (client.state !== CLIENT_OPEN || client.isLastRequest) return false;
    // A client that sent requests ahead gets all of their answers.
    if (client.isFollowed || !client.answers.isNewest(sequence)) return false;
    client.isLastRequest = true;
    if (client.parser.isIdle) client.stopReading();
    return true;
  }

  /** Gives an answer of the server's own as it is to be sent; the same bytes unless it is its client's last. */
  mark(client: Client, sequence: number, bytes: Buffer): Buffer {
    if (!this.isMarking || !this.takes(client, sequence)) return bytes;
    return Buffer.from(closingHead(bytes.toString("latin1")), "latin1");
  }
}

/** Puts the field into a head that is a string. */
export function closingHead(head: string): string {
  const at = head.indexOf("\n") + 1;
  return at === 0 ? head : head.slice(0, at) + FIELD + head.slice(at);
}

/** Copies length bytes at `offset` of memory that begins with a head, with the field. */
export function closingCopy(owner: NativeBuffer, offset: number, length: number): NativeBuffer {
  const end = offset + length;
  const found = owner.bytes.subarray(offset, end).indexOf(LF) + 1;
  const added = found === 0 ? 0 : FIELD.length;
  const copy = NativeBuffer.allocate(length + added);
  owner.bytes.copy(copy.bytes, 0, offset, offset + found);
  if (added > 0) copy.bytes.write(FIELD, found, "latin1");
  owner.bytes.copy(copy.bytes, found + added, offset + found, end);
  return copy;
}
