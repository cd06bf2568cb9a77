/**
 * The answer of a route that is a Response: made once, sent many times, by the dispatcher and without a handler.
 *
 * `StaticContent` is plain data that crosses threads; a `StaticAnswer` is made of it on the thread that sends it. Pure:
 * the clock is a string that is passed in. It does not know routes, clients or how bytes are sent.
 *
 * What goes out is BUN-SERVE.md section 11.2: Date only with the response's own status and not for HEAD; 304 and 412 for
 * GET and HEAD of a 200 alone, 412 first (RFC 9110 section 13.2.2). An entity tag that came without its quotes
 * matches too, and of several fields of one name only the first counts; both are Bun's ways.
 */
import { METHOD_GET, METHOD_HEAD } from "../http/method.ts";
import { isNullBodyStatus, reasonPhrase } from "../http/status.ts";

/** What a static answer consists of. */
export interface StaticContent {
  /** The response's status, 101 or 200 to 599. */
  readonly status: number;
  /**
   * Field lines, latin-1, each with its CRLF: those of the response without Content-Length and Transfer-Encoding, with
   * the type its body implies, and with the entity tag.
   */
  readonly fields: string;
  /** Value of the ETag field, "" for none. */
  readonly etag: string;
  /** Whether `fields` has a Date. */
  readonly hasDate: boolean;
  /** Whether `fields` asks to close the connection after the answer. */
  readonly closes: boolean;
  /** The body; nobody writes to it. */
  readonly body: Uint8Array;
}

/** An answer ready to be sent. Nobody writes to its bytes; they stay as they are when a new one is made. */
export interface StaticReply {
  /** The head, followed by the body where that is short. */
  readonly bytes: Buffer;
  /** The body that follows `bytes`, or null when there is no more. */
  readonly body: Uint8Array | null;
}

/** A body up to this length is copied behind its head, so that both go out in one piece. */
export const MAX_JOINED_BODY_BYTES: number = 16 * 1024;

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** By hand: a regular expression for blanks at the end is quadratic in the blanks a peer sends. */
function trim(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function entityTag(text: string): { readonly tag: string; readonly isWeak: boolean } {
  let tag = trim(text);
  const isWeak = tag.startsWith("W/");
  if (isWeak) tag = trim(tag.slice(2));
  if (tag.length >= 2 && tag.startsWith('"') && tag.endsWith('"')) tag = tag.slice(1, -1);
  return { tag, isWeak };
}

/** Tells whether a list of entity tags has that of the answer; commas inside quotes do not part them. */
function hasTag(list: string, etag: string, isStrong: boolean): boolean {
  const own = entityTag(etag);
  if (isStrong && own.isWeak) return false;
  let start = 0;
  let isQuoted = false;
  for (let at = 0; at <= list.length; at++) {
    const code = at === list.length ? 0x2c : list.charCodeAt(at);
    if (code === 0x22) isQuoted = !isQuoted;
    else if (code === 0x2c && (!isQuoted || at === list.length)) {
      const other = entityTag(list.slice(start, at));
      if (other.tag === own.tag && !(isStrong && other.isWeak)) return true;
      start = at + 1;
    }
  }
  return false;
}

function isStar(list: string): boolean {
  return trim(list) === "*";
}

/**
 * Gives the status to answer with: 304, 412, or the content's own.
 *
 * @param method index in METHODS
 * @param ifMatch value of the first If-Match field, or null
 * @param ifNoneMatch value of the first If-None-Match field, or null
 * @param ifModifiedSince value of the first If-Modified-Since field, or null; it counts without If-None-Match only (RFC
 *   9110 section 13.1.3)
 */
export function staticStatus(
  content: StaticContent,
  method: number,
  ifMatch: string | null,
  ifNoneMatch: string | null,
  ifModifiedSince: string | null = null,
): number {
  const { status, etag } = content;
  if (status !== 200 || (method !== METHOD_GET && method !== METHOD_HEAD)) return status;
  if (ifMatch && !isStar(ifMatch) && (etag === "" || !hasTag(ifMatch, etag, true))) return 412;
  if (ifNoneMatch && etag !== "" && (isStar(ifNoneMatch) || hasTag(ifNoneMatch, etag, false))) return 304;
  if (!ifNoneMatch && ifModifiedSince && isUnmodified(content, ifModifiedSince)) return 304;
  return status;
}

/** Whether the response's own Last-Modified is not after a date. */
function isUnmodified(content: StaticContent, since: string): boolean {
  const own = /^last-modified: (.*)\r$/m.exec(content.fields)?.[1];
  // NaN, from what is no date, compares as false.
  return own !== undefined && Date.parse(own) <= Date.parse(since);
}

/** Tells whether the body goes out with this status, as `staticStatus` gave it. */
function sendsBody(content: StaticContent, status: number): boolean {
  return status === content.status && status !== 205 && !isNullBodyStatus(status);
}

/**
 * Gives the head of an answer, latin-1, with the empty line.
 *
 * @param status what `staticStatus` gave
 * @param isHead whether the method is HEAD
 * @param date value for Date (IMF-fixdate)
 */
export function staticHead(content: StaticContent, status: number, isHead: boolean, date: string): string {
  let text = `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n${content.fields}`;
  if (status === content.status && !isHead && !content.hasDate) text += `Date: ${date}\r\n`;
  if (sendsBody(content, status)) text += `Content-Length: ${content.body.length}\r\n`;
  else if (!isNullBodyStatus(status)) text += "Content-Length: 0\r\n";
  return text + "\r\n";
}

/** A static answer on the thread that sends it; keeps what it encoded. */
export class StaticAnswer {
  readonly content: StaticContent;
  #date = "";
  #whole: StaticReply | null = null;
  #headOnly: StaticReply | null = null;
  #notModified: StaticReply | null = null;
  #failed: StaticReply | null = null;

  constructor(content: StaticContent) {
    this.content = content;
  }

  /** The status to answer with; see `staticStatus`. */
  status(
    method: number,
    ifMatch: string | null,
    ifNoneMatch: string | null,
    ifModifiedSince: string | null = null,
  ): number {
    if (ifMatch === null && ifNoneMatch === null && ifModifiedSince === null) return this.content.status;
    return staticStatus(this.content, method, ifMatch, ifNoneMatch, ifModifiedSince);
  }

  /**
   * Gives what to send. The same object comes again until the date changes.
   *
   * @param status what `status` gave
   * @param isHead whether the method is HEAD
   * @param date value for Date, the same string within a second (http/date.ts)
   */
  reply(status: number, isHead: boolean, date: string): StaticReply {
    if (status !== this.content.status) {
      if (status === 304) {
        this.#notModified ??= this.#encode(status, isHead, date);
        return this.#notModified;
      }
      this.#failed ??= this.#encode(status, isHead, date);
      return this.#failed;
    }
    if (isHead) {
      this.#headOnly ??= this.#encode(status, isHead, date);
      return this.#headOnly;
    }
    if (this.#whole === null || (this.#date !== date && !this.content.hasDate)) {
      this.#date = date;
      this.#whole = this.#encode(status, isHead, date);
    }
    return this.#whole;
  }

  #encode(status: number, isHead: boolean, date: string): StaticReply {
    const { content } = this;
    const head = staticHead(content, status, isHead, date);
    const isEmpty = isHead || content.body.length === 0 || !sendsBody(content, status);
    if (isEmpty) return { bytes: Buffer.from(head, "latin1"), body: null };
    if (content.body.length > MAX_JOINED_BODY_BYTES) {
      return { bytes: Buffer.from(head, "latin1"), body: content.body };
    }
    const bytes = Buffer.alloc(head.length + content.body.length);
    bytes.write(head, "latin1");
    bytes.set(content.body, head.length);
    return { bytes, body: null };
  }
}
