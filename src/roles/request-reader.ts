/**
 * The way in: bytes from the sockets of clients to events of the parser.
 *
 * Owned by the dispatcher. One receive buffer and one parser are lent to whichever client is read, so both stay in the
 * processor's cache. A client has a buffer of its own only while part of a head, or requests ahead of their turn, wait in
 * it, and keeps the parser while a request of it is not there to its end. A long body that is put together here is received
 * straight to its place. What becomes of the requests is the business of `request-intake.ts`.
 */
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import { DEFAULT_LIMITS, type ParserLimits } from "../http/limits.ts";
import { BODY, END, HEAD, NEED_DATA, RequestParser } from "../http/request-parser.ts";
import { errorReply, OVERLOADED_CLOSING_REPLY } from "../http/response-head.ts";
import { receive, WOULD_BLOCK } from "../net/stream-socket.ts";
import { PARSE_ERROR_AT } from "../shm/buckets.ts";
import { DispatcherCounter } from "../shm/counters.ts";
import { CLIENT_LINGERING, CLIENT_OPEN, type Client, NO_REQUEST, TOO_MANY } from "./client.ts";
import type { CollectedBody } from "./collected-body.ts";
import type { DirectAnswers } from "./direct-answers.ts";
import type { RequestIntake } from "./request-intake.ts";

/** Bytes read from one client in a turn. */
export const CHUNK_SIZE: number = 256 * 1024;
/** The same between bodies: what waits for its turn there is kept (`Client.held`). */
const HEAD_CHUNK_SIZE: number = 64 * 1024;
/** Bytes of answers that may wait for a client's socket, those that are in flight reckoned in; then no further requests are
 * read. */
export const MAX_QUEUED_BYTES: number = 256 * 1024;
/** Requests of one client that may be in flight, unless the options say otherwise; then reading pauses. */
export const DEFAULT_PIPELINED = 64;

/** What a client may send. */
export interface RequestBounds {
  /** What its requests are parsed within. */
  readonly parser: ParserLimits;
  /** Requests that may be in flight. */
  readonly pipelined: number;
  /** Requests that it may make at all. */
  readonly requests: number;
}

const DEFAULT_BOUNDS: RequestBounds = {
  parser: DEFAULT_LIMITS,
  pipelined: DEFAULT_PIPELINED,
  requests: Number.POSITIVE_INFINITY,
};

/** What the request reader asks of its dispatcher. */
export interface ReaderOwner {
  /** The peer has closed its half. */
  inputOver(client: Client): void;
  /** The connection failed. */
  broken(client: Client): void;
  /** A request has begun or ended, or its body has moved on. */
  progressed(client: Client): void;
}

/** Reads the requests of one dispatcher's clients. */
export class RequestReader {
  readonly #owner: ReaderOwner;
  readonly #intake: RequestIntake;
  readonly #counters: Float64Array;
  readonly #direct: DirectAnswers;
  readonly #bounds: RequestBounds;
  /** The parser that nobody has. */
  #spare: RequestParser | null = null;
  readonly #buffer: NativeBuffer = NativeBuffer.allocate(CHUNK_SIZE);

  constructor(
    owner: ReaderOwner,
    intake: RequestIntake,
    direct: DirectAnswers,
    counters: Float64Array,
    bounds: RequestBounds = DEFAULT_BOUNDS,
  ) {
    this.#owner = owner;
    this.#intake = intake;
    this.#direct = direct;
    this.#counters = counters;
    this.#bounds = bounds;
  }

  /** Whether a client may not be read now: too many requests in flight, or answers that it does not read, or its body
   * waits for its handler. */
  isPaused(client: Client): boolean {
    if (client.state === CLIENT_LINGERING) return false;
    if (client.state !== CLIENT_OPEN) return true;
    if (client.receiving !== null) return this.#intake.isFull(client.receiving);
    const { outstanding, readyCount } = client.answers;
    if (outstanding >= this.#bounds.pipelined || readyCount >= this.#bounds.pipelined) return true;
    // One that sends requests and does not read the answers would fill the memory. What is in flight may come to wait too; one
    // that does not send ahead is read on, to see it leave.
    const coming = client.tasks.length;
    return client.queuedBytes + (coming > 1 ? coming * client.answerBytes : 0) >= MAX_QUEUED_BYTES;
  }

  /** Parses what was held back and reads once; answers of this thread's own leave together. */
  read(client: Client): void {
    this.#direct.begin(client);
    this.#intake.beginClient();
    this.#read(client);
    this.#direct.end();
  }

  #read(client: Client): void {
    if (client.mustParse && client.state === CLIENT_OPEN) {
      client.mustParse = false;
      if (client.held !== null) this.#parse(client, client.held, client.heldStart, client.heldEnd);
      else this.#parse(client, this.#buffer, 0, 0);
      if (!client.isReadable || this.isPaused(client)) return;
    }
    let native = this.#buffer;
    let start = 0;
    if (client.held === null && client.receiving !== null) {
      const { body } = client.receiving;
      if (body !== null && body.content !== null) {
        this.#readBody(client, body, body.content);
        return;
      }
    } else if (client.held !== null && client.state === CLIENT_OPEN) {
      native = this.#roomIn(client);
      start = client.heldEnd;
    }
    const room = native.length - start;
    const length = client.parser.isInBody ? room : Math.min(room, HEAD_CHUNK_SIZE);
    const count = this.#receive(client, native, start, length);
    // What comes after the last request is dropped.
    if (count === 0 || client.state !== CLIENT_OPEN) return;
    if (start === 0) this.#parse(client, native, 0, count);
    else this.#parse(client, native, client.heldStart, start + count);
  }

  /** Receives the rest of a long body straight to where it is put together. */
  #readBody(client: Client, body: CollectedBody, content: NativeBuffer): void {
    const start = body.bodyBytes;
    const count = this.#receive(client, content, start, Math.min(CHUNK_SIZE, content.length - start));
    if (count > 0) this.#parse(client, content, start, start + count);
  }

  /** Receives to memory of `native`; gives the count, 0 when there is nothing, or no client any more. */
  #receive(client: Client, native: NativeBuffer, start: number, length: number): number {
    const count = receive(client.fd, native.address + start, length);
    if (count > 0) {
      // A short read means that there is no more, unless the end is near: that has to be read.
      if (count < length && !client.isHungUp) client.isReadable = false;
      this.#counters[DispatcherCounter.bytesReceived] += count;
      return count;
    }
    client.isReadable = false;
    if (count === 0) this.#owner.inputOver(client);
    else if (count !== WOULD_BLOCK) this.#owner.broken(client);
    return 0;
  }

  /** Makes sure that a client's own buffer has room behind what it holds. */
  #roomIn(client: Client): NativeBuffer {
    const held = client.held as NativeBuffer;
    if (client.heldEnd < held.length) return held;
    const length = client.heldEnd - client.heldStart;
    const grown = NativeBuffer.allocate(Math.max(1024, length * 2));
    held.bytes.copy(grown.bytes, 0, client.heldStart, client.heldEnd);
    client.held = grown;
    client.heldStart = 0;
    client.heldEnd = length;
    return grown;
  }

  /** Keeps bytes[start..end) for later. */
  #hold(client: Client, native: NativeBuffer, start: number, end: number, isToGrow: boolean): void {
    if (start === end) {
      client.held = null;
      return;
    }
    if (client.held !== native) {
      const length = end - start;
      const copy = NativeBuffer.allocate(isToGrow ? Math.max(256, length + (length >> 1)) : length);
      native.bytes.copy(copy.bytes, 0, start, end);
      client.held = copy;
      client.heldStart = 0;
      client.heldEnd = length;
      return;
    }
    client.heldStart = start;
    client.heldEnd = end;
  }

  /** Parses bytes[start..end) with the client's parser, or one that is lent to it until its request is over. */
  #parse(client: Client, native: NativeBuffer, start: number, end: number): void {
    if (client.parser === NO_REQUEST) {
      client.parser = this.#spare ?? new RequestParser(this.#bounds.parser);
      this.#spare = null;
    }
    const { parser } = client;
    this.#parseWith(parser, client, native, start, end);
    if (!parser.isFresh) return;
    client.parser = NO_REQUEST;
    this.#spare = parser;
  }

  #parseWith(parser: RequestParser, client: Client, native: NativeBuffer, start: number, end: number): void {
    const bytes = native.bytes;
    let position = start;
    if (client.proxy !== null) {
      const length = client.proxy.read(client, bytes, start, end);
      // Its deadline stays that of a head that has not come.
      if (length === 0) this.#hold(client, native, start, end, true);
      if (length === TOO_MANY) {
        this.#intake.fail(client, OVERLOADED_CLOSING_REPLY, 503);
        return;
      }
      if (length < 0) {
        this.#counters[DispatcherCounter.parseErrors] += 1;
        this.#owner.broken(client);
      }
      if (length <= 0) return;
      position += length;
    }
    for (;;) {
      const event = parser.next(bytes, position, end, this.#intake.head);
      position = parser.position;
      switch (event) {
        case HEAD:
          this.#intake.onHead(client, bytes, position, end);
          if (client.answers.assigned >= this.#bounds.requests) {
            client.isLastRequest = true;
            // It does not know yet, and may have sent more.
            client.mustLinger = true;
          }
          break;
        case BODY:
          if (!client.isDropping) this.#intake.onBody(client, bytes, parser.bodyStart, parser.bodyEnd);
          break;
        case END:
          this.#intake.onEnd(client);
          break;
        case NEED_DATA:
          this.#hold(client, native, position, end, true);
          this.#owner.progressed(client);
          return;
        default:
          this.#intake.fail(client, errorReply(parser.error?.status ?? 400), parser.error?.status ?? 400);
          this.#counters[DispatcherCounter.parseErrors] += 1;
          this.#counters[PARSE_ERROR_AT + (parser.error?.code ?? 0)] += 1;
          return;
      }
      if (client.state !== CLIENT_OPEN) {
        // Its last request is there: the time for it is over, and its handler has its own.
        this.#owner.progressed(client);
        return;
      }
      // What is left may hold whole requests: it is parsed again when the pause is over, or at this client's next turn.
      if (this.isPaused(client) || (event === END && this.#intake.isTurnOver)) {
        this.#hold(client, native, position, end, false);
        client.mustParse = true;
        this.#owner.progressed(client);
        return;
      }
    }
  }
}
