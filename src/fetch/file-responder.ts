/**
 * Answers a request with a file: opens it, decides what of it is sent, and gives it to the dispatcher.
 *
 * Runs on the thread that runs the handler. Files up to SMALL_FILE_BYTES are read and sent in one piece with their head;
 * larger ones go as an open descriptor, and the dispatcher sends them with sendfile(2), so their bytes never come into
 * this process. What is decided is in `file-answer.ts`; opening is the host's (`FileAccess`).
 */
import { CLOSE } from "../channel/messages.ts";
import { TASK_CLOSES, type TaskView } from "../channel/task-record.ts";
import { METHOD_HEAD } from "../http/method.ts";
import { decodeFieldName, decodeFieldValue } from "../http/request-head.ts";
import { answerHead, FRAMING_NONE } from "./answer-head.ts";
import type { FoundFile } from "./directory.ts";
import type { Exchange } from "./exchange.ts";
import type { FileAccess } from "./file-access.ts";
import { answerFile, type FileFields, type FileRequest, type FileSource } from "./file-answer.ts";
import type { FileReference } from "./file-reference.ts";

/** What of a response goes with its file. */
export interface FileResponse {
  readonly status: number;
  /** The response's fields where it has some of its own, else null. */
  readonly headers: Headers | null;
  readonly fields: FileFields | null;
  readonly source: FileSource;
}

const SMALL_FILE_BYTES = 64 * 1024;

/** Value of the first field with this name (lower case), "" without one. */
export function fieldOf(view: TaskView, name: string): string {
  const head = view.headStart;
  for (let i = 0; i < view.headerCount; i++) {
    const row = view.fieldTable + i * 4;
    if (decodeFieldName(view.bytes, head, view.words, row) === name) {
      return decodeFieldValue(view.bytes, head, view.words, row);
    }
  }
  return "";
}

/** What a request says about the bytes of a file that it wants. */
export function fileRequestOf(view: TaskView): FileRequest {
  return {
    method: view.method,
    range: fieldOf(view, "range"),
    conditions: {
      ifMatch: fieldOf(view, "if-match"),
      ifNoneMatch: fieldOf(view, "if-none-match"),
      ifModifiedSince: fieldOf(view, "if-modified-since"),
      ifUnmodifiedSince: fieldOf(view, "if-unmodified-since"),
      ifRange: fieldOf(view, "if-range"),
    },
  };
}

/**
 * Opens a file and answers with it.
 *
 * @returns the error when it cannot be opened or is no regular file; nothing was sent then. `null` when it is answered,
 *   "stream" when it has no length (a pipe, a device) and is to be sent as a stream
 */
export function sendFile(
  exchange: Exchange,
  access: FileAccess,
  reference: FileReference,
  response: FileResponse,
): Error | "stream" | null {
  const opened = reference.path === null ? access.duplicate(reference.fd) : access.open(reference.path);
  if (typeof opened === "number") return access.error(opened, reference.path);
  if (opened.kind === "other") {
    access.close(opened.fd);
    return "stream";
  }
  if (opened.kind === "directory") {
    access.close(opened.fd);
    return Object.assign(new Error("Cannot stream a directory as a response body"), { code: "EISDIR" });
  }
  sendOpened(exchange, access, opened, reference, response);
  return null;
}

/** Answers with a file that is open; its descriptor is closed or given away. */
export function sendOpened(
  exchange: Exchange,
  access: FileAccess,
  opened: FoundFile,
  reference: { readonly start: number; readonly end: number; readonly name: string; readonly type: string },
  response: FileResponse,
): void {
  const view = exchange.view;
  if (view === null || exchange.isDone) {
    access.close(opened.fd);
    return;
  }
  const { size, mtimeMs, fd } = opened;
  const { start, end, name, type } = reference;
  const file = { source: response.source, size, mtimeMs, type, name, start, end };
  const answer = answerFile(file, response.fields, response.status, fileRequestOf(view));
  const framing = answer.contentLength < 0 ? FRAMING_NONE : answer.contentLength;
  const head = answerHead(answer.status, response.headers, answer.type, framing, Date.now(), answer.fields);
  const closes = (view.flags & TASK_CLOSES) !== 0 || head.closes ? CLOSE : 0;
  if (answer.length === 0 || view.method === METHOD_HEAD) {
    access.close(fd);
    exchange.answer(head.text, null, closes);
    return;
  }
  if (answer.length > SMALL_FILE_BYTES) {
    exchange.answerFile(head.text, fd, answer.offset, answer.length, closes);
    return;
  }
  const { text } = head;
  const bytes = access.read(fd, answer.length, answer.offset);
  access.close(fd);
  // A file that has become shorter since it was measured cannot be answered whole.
  if (typeof bytes === "number" || bytes.length < answer.length) exchange.cut();
  else exchange.answer(text, bytes, closes);
}
