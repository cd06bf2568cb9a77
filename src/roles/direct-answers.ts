/**
 * Answers that the dispatcher gives itself while it reads a client's requests: inline handlers, static routes.
 *
 * Owned by the dispatcher. The answers to requests that came in one piece of input leave in one send: they are put one
 * behind the other into one buffer, which is the client's that is being read and is sent when that one has been read.
 * A long answer is sent with them at once, from where it lies: made a moment ago it is still in the caches, and where
 * its memory is freed before the next one is made, that gets the same. An answer goes there only when it is its turn and
 * nothing is queued before it; all others go the way of `answer-writer.ts`, and what is in the buffer goes before them.
 */
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import { CLOSE, OWNED } from "../channel/messages.ts";
import { writeLatin1 } from "../http/latin1.ts";
import { SendVector } from "../net/stream-socket.ts";
import { CLIENT_CLOSED, type Client } from "./client.ts";
import { closingCopy, closingHead, type LastAnswers } from "./last-answer.ts";

/** Answers are gathered up to this length; the body of a longer one is not copied. */
export const GATHERED_BYTES: number = 64 * 1024;

/** The way of all other answers. */
export interface DirectOwner {
  /** Queues bytes of the server's own for a client's answer. */
  reply(client: Client, sequence: number, bytes: NativeBuffer, closes: boolean): void;
  /** Sends now; gives the bytes taken (0 when the socket is full), or -1 when the client is gone. */
  send(client: Client, address: number, length: number): number;
  /** As `send`, with the pieces of a vector. */
  sendPieces(client: Client, pieces: SendVector): number;
  /** Queues the rest of answers that are finished, before all that follows. */
  rest(client: Client, bytes: NativeBuffer): void;
  /** Which answers say that the connection ends. */
  readonly last: LastAnswers;
}

/** Gathers answers of one client at a time. */
export class DirectAnswers {
  readonly #owner: DirectOwner;
  readonly #outgoing: NativeBuffer = NativeBuffer.allocate(GATHERED_BYTES);
  /** What is in `#outgoing`, and a long body. */
  readonly #pieces: SendVector = new SendVector(2);
  /** The client that is being read. */
  #client: Client | null = null;
  /** Bytes of its answers that are not sent. */
  #length = 0;

  constructor(owner: DirectOwner) {
    this.#owner = owner;
  }

  /** The requests of this client are read from now on. */
  begin(client: Client): void {
    this.#client = client;
  }

  /** They have been read. */
  end(): void {
    if (this.#length > 0) this.#flush();
    this.#client = null;
  }

  /**
   * Answers with `givenHead` (latin-1) and body[start..end), whole; the caller finishes the answer in the client's queue
   * afterwards. The body's memory must not change any more.
   * @param flags `CLOSE` to close the connection after it, `OWNED` if the body's memory is to be freed when it was sent
   */
  answer(
    client: Client,
    sequence: number,
    givenHead: string,
    body: Uint8Array | null,
    start: number,
    end: number,
    flags: number,
  ): void {
    const closes = (flags & CLOSE) !== 0;
    const { last } = this.#owner;
    const head =
      last.isMarking && !closes && last.takes(client, sequence) ? closingHead(givenHead) : givenHead;
    const length = head.length + end - start;
    if (this.#mayJoin(client, length, closes)) {
      const { bytes } = this.#outgoing;
      writeLatin1(bytes, head, this.#length);
      if (body !== null && end > start) {
        Buffer.prototype.copy.call(body, bytes, this.#length + head.length, start, end);
      }
      this.#length += length;
      return;
    }
    const long =
      body !== null && length > GATHERED_BYTES
        ? NativeBuffer.over(body.subarray(start, end), (flags & OWNED) !== 0)
        : null;
    if (long !== null && !closes && this.#mayJoin(client, head.length, false)) {
      writeLatin1(this.#outgoing.bytes, head, this.#length);
      this.#length += head.length;
      this.#sendWith(client, sequence, long);
      return;
    }
    const native = NativeBuffer.allocate(Math.max(1, long === null ? length : head.length));
    writeLatin1(native.bytes, head, 0);
    if (long !== null) {
      this.#owner.reply(client, sequence, native, false);
      this.#owner.reply(client, sequence, long, closes);
      return;
    }
    if (body !== null) Buffer.prototype.copy.call(body, native.bytes, head.length, start, end);
    this.#owner.reply(client, sequence, native, closes);
  }

  /** As `answer`, with bytes that are ready and do not change. */
  answerBytes(
    client: Client,
    sequence: number,
    givenHead: NativeBuffer,
    body: NativeBuffer | null,
    closes: boolean,
  ): void {
    const { last } = this.#owner;
    const head =
      last.isMarking && !closes && last.takes(client, sequence)
        ? closingCopy(givenHead, 0, givenHead.length)
        : givenHead;
    const length = head.length + (body === null ? 0 : body.length);
    if (this.#mayJoin(client, length, closes)) {
      const { bytes } = this.#outgoing;
      head.bytes.copy(bytes, this.#length);
      body?.bytes.copy(bytes, this.#length + head.length);
      this.#length += length;
      return;
    }
    if (length > GATHERED_BYTES && body !== null && !closes && this.#mayJoin(client, head.length, false)) {
      head.bytes.copy(this.#outgoing.bytes, this.#length);
      this.#length += head.length;
      this.#sendWith(client, sequence, body);
      return;
    }
    this.#owner.reply(client, sequence, head, closes && body === null);
    if (body !== null) this.#owner.reply(client, sequence, body, closes);
  }

  /** Whether no bytes wait here. */
  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** Something else is about to be queued for a client: what was answered before it goes first. */
  flushBefore(client: Client): void {
    if (this.#length > 0 && client === this.#client) this.#flush();
  }

  /** A client is gone. */
  drop(client: Client): void {
    if (client === this.#client) this.#length = 0;
  }

  /** Whether the next answer of a client may join its outgoing bytes; makes room for it. */
  #mayJoin(client: Client, length: number, closes: boolean): boolean {
    if (client !== this.#client || !client.isWritable || length > GATHERED_BYTES) return false;
    const { answers } = client;
    if (answers.outstanding !== 1 || answers.readyCount > 0) return false;
    if (closes && !client.parser.isAtEnd) return false;
    if (this.#length + length > GATHERED_BYTES) this.#flush();
    if (!client.isWritable || client.state === CLIENT_CLOSED || answers.readyCount > 0) return false;
    // Its request ends now, and the client with it as soon as this is sent.
    if (closes) client.isLastRequest = true;
    return true;
  }

  #flush(): void {
    const client = this.#client;
    const length = this.#length;
    this.#length = 0;
    if (client === null || client.state === CLIENT_CLOSED) return;
    const sent = Math.max(0, this.#owner.send(client, this.#outgoing.address, length));
    // A client whose socket failed is closed by now.
    if (sent === length || (client.state as number) === CLIENT_CLOSED) return;
    this.#keepRest(client, sent, length);
  }

  /** Sends what is gathered, which ends with the head of this answer, and the body behind it. */
  #sendWith(client: Client, sequence: number, body: NativeBuffer): void {
    const length = this.#length;
    const pieces = this.#pieces;
    this.#length = 0;
    pieces.clear();
    pieces.append(this.#outgoing.address, length);
    pieces.append(body.address, body.length);
    const sent = Math.max(0, this.#owner.sendPieces(client, pieces));
    if (sent === pieces.byteLength || client.state === CLIENT_CLOSED) {
      body.free();
      return;
    }
    if (sent < length) this.#keepRest(client, sent, length);
    this.#owner.reply(client, sequence, body.from(Math.max(0, sent - length)), false);
  }

  #keepRest(client: Client, sent: number, length: number): void {
    const rest = NativeBuffer.allocate(length - sent);
    this.#outgoing.bytes.copy(rest.bytes, 0, sent, length);
    this.#owner.rest(client, rest);
  }
}
