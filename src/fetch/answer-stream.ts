/**
 * Sends a ReadableStream as an answer.
 *
 * Runs on the thread that runs the handler. Pieces that are there in the same turn leave together; a stream that has
 * ended before its first flush is sent with its length. No more is read from it while the client is slow, and it is
 * cancelled when the client leaves.
 */
import { drainMicrotasks } from "bun:jsc";
import { FIRST, LAST } from "../channel/messages.ts";
import { threadLog } from "../log/log.ts";
import { closedError, type Exchange } from "./exchange.ts";

/** The head of a streamed answer. */
export interface StreamHead {
  readonly text: string;
  /** CLOSE or 0. */
  readonly flags: number;
  readonly isChunked: boolean;
}

/** Pieces are put together up to this length before they are sent. */
const GATHER_BYTES = 64 * 1024;
const LAST_CHUNK = Buffer.from("0\r\n\r\n");
const CRLF = Buffer.from("\r\n");

type Reader = ReadableStreamDefaultReader<Uint8Array | string>;
type Step = Awaited<ReturnType<Reader["read"]>>;

/**
 * Sends `stream` and ends the exchange.
 *
 * @param headFor makes the head, given the body's length or -1 when it is not known
 */
export function pumpStream(
  exchange: Exchange,
  stream: ReadableStream,
  headFor: (length: number) => StreamHead,
): void {
  const reader = stream.getReader() as Reader;
  exchange.onAbort = () => {
    reader.cancel(closedError()).catch(() => {});
  };
  pump(exchange, reader, headFor).catch((error) => {
    if (exchange.isDone) return;
    const log = exchange.host.log ?? threadLog();
    log.error("stream-error", "a response stream failed", { error }, [[error]]);
    exchange.cut();
  });
}

async function pump(
  exchange: Exchange,
  reader: Reader,
  headFor: (length: number) => StreamHead,
): Promise<void> {
  let head: StreamHead | null = null;
  let pending: Promise<Step> | null = null;
  for (;;) {
    const gathered: Uint8Array[] = [];
    let length = 0;
    let isEnd = false;
    // The piece that was waited for is the first of those that are there by now.
    if (pending !== null) await pending;
    while (length < GATHER_BYTES) {
      const read: Promise<Step> = pending ?? reader.read();
      pending = null;
      if (Bun.peek.status(read) === "pending") drainMicrotasks();
      if (Bun.peek.status(read) === "pending") {
        pending = read;
        break;
      }
      const step = await read;
      if (step.done) {
        isEnd = true;
        break;
      }
      const piece = bytesOf(step.value);
      if (piece.length === 0) continue;
      gathered.push(piece);
      length += piece.length;
    }
    if (head === null && !isEnd && pending === null) {
      // A large body may be in memory as a whole: one more look tells whether its length is known.
      pending = reader.read();
      if (Bun.peek.status(pending) === "pending") drainMicrotasks();
      if (Bun.peek.status(pending) === "fulfilled" && (await pending).done) isEnd = true;
    }
    if (exchange.isDone) return;
    if (length > 0 || isEnd || head === null) {
      const isFirst: boolean = head === null;
      head ??= headFor(isEnd ? length : -1);
      send(exchange, head, isFirst, gathered, length, isEnd);
    }
    if (isEnd) return;
    if (!exchange.hasCredit) await exchange.credit();
  }
}

function send(
  exchange: Exchange,
  head: StreamHead,
  isFirst: boolean,
  pieces: Uint8Array[],
  length: number,
  isEnd: boolean,
): void {
  const flags = (isFirst ? FIRST : 0) | (isEnd ? LAST | head.flags : 0);
  const text = isFirst ? head.text : "";
  if (!head.isChunked) {
    exchange.write(text, pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces), flags);
    return;
  }
  if (length === 0) {
    exchange.write(text, isEnd ? LAST_CHUNK : null, flags);
    return;
  }
  const parts: Uint8Array[] = [...pieces, CRLF];
  if (isEnd) parts.push(LAST_CHUNK);
  exchange.write(`${text}${length.toString(16)}\r\n`, Buffer.concat(parts), flags);
}

function bytesOf(piece: unknown): Uint8Array {
  if (piece instanceof Uint8Array) return piece;
  if (typeof piece === "string") return Buffer.from(piece);
  if (piece instanceof ArrayBuffer || piece instanceof SharedArrayBuffer) return new Uint8Array(piece);
  if (ArrayBuffer.isView(piece)) return new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength);
  throw new TypeError(`a response stream gives strings and bytes, but gave ${typeof piece}`);
}
