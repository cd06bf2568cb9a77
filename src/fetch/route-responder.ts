/**
 * Finds the route of a request, and answers those that need no user code: static Responses, files, directories.
 *
 * Runs in the dispatcher; where the dispatcher does not know the routes (module mode, after a reload) on the thread that
 * runs the handlers. A file route whose file is missing is passed over, as with Bun.serve; one whose file
 * cannot be opened for want of descriptors or memory is answered by 500.
 */
import { CLOSE } from "../channel/messages.ts";
import { TASK_CLOSES, type TaskView } from "../channel/task-record.ts";
import { HttpDate } from "../http/date.ts";
import { decodeLatin1 } from "../http/latin1.ts";
import { METHOD_HEAD } from "../http/method.ts";
import { answerHead } from "./answer-head.ts";
import { type DirectorySource, findInDirectory, typeOfName } from "./directory.ts";
import type { Exchange } from "./exchange.ts";
import type { FileAccess } from "./file-access.ts";
import { fileFieldsOf } from "./file-answer.ts";
import type { FileReference } from "./file-reference.ts";
import { fieldOf, sendFile, sendOpened } from "./file-responder.ts";
import {
  type DirectoryTarget,
  type FileTarget,
  type HandlerTarget,
  ROUTE_ANSWERED,
  ROUTE_FETCH,
  type StaticTarget,
} from "./route-target.ts";
import { type Match, type RouteEntry, RouteTable, routePath } from "./router.ts";
import { StaticAnswer } from "./static-answer.ts";

/** A file route whose slice is known; unlike `FileTarget` it can be sent to any thread. */
export interface OpenableFileTarget extends Omit<FileTarget, "file"> {
  readonly reference: FileReference;
}

/** What a route leads to, as threads are told. */
export type SentTarget = HandlerTarget | StaticTarget | OpenableFileTarget | DirectoryTarget;

/** Files, and directories to open them beneath. */
export interface RouteFiles extends FileAccess {
  /** A directory for the life of the thread; -errno when it cannot be opened now. */
  directory(path: string): DirectorySource | number;
  /** Whether a failure to open means that there is nothing to serve. */
  isMissing(result: number): boolean;
}

/** A target with what this thread keeps for it. */
export type PreparedTarget =
  | HandlerTarget
  | { readonly kind: "static"; readonly answer: StaticAnswer }
  | OpenableFileTarget
  | DirectoryTarget;

/** The routes of one server on one thread. */
export class RouteResponder {
  readonly #table: RouteTable<PreparedTarget>;
  readonly #files: RouteFiles;
  readonly #date: HttpDate = new HttpDate();

  constructor(entries: readonly RouteEntry<SentTarget>[], files: RouteFiles) {
    this.#files = files;
    this.#table = new RouteTable(
      entries.map(({ pattern, methods, value }) => ({ pattern, methods, value: prepare(value) })),
    );
  }

  /** Finds the route of a target (as it came, query included) and method. */
  find(target: string, method: number): Match<PreparedTarget> | null {
    return this.#table.match(routePath(target), method);
  }

  /** The route after one that was passed over. */
  findAfter(target: string, method: number, previous: Match<PreparedTarget>): Match<PreparedTarget> | null {
    return this.#table.matchAfter(routePath(target), method, previous);
  }

  /** Date for a static answer. */
  date(nowMs: number): string {
    return this.#date.format(nowMs);
  }

  /** Answers a request if its route needs no user code. Gives 1 + the number of its handler, ROUTE_FETCH or ROUTE_ANSWERED. */
  route(exchange: Exchange, view: TaskView): number {
    const target = decodeLatin1(view.bytes, view.targetStart, view.targetEnd);
    const { method } = view;
    let match = this.find(target, method);
    while (match !== null) {
      if (match.value.kind === "handler") return match.value.handler + 1;
      if (this.answer(exchange, view, match.value, target)) return ROUTE_ANSWERED;
      match = this.findAfter(target, method, match);
    }
    return ROUTE_FETCH;
  }

  /** Answers with a target; false when it is passed over. */
  answer(
    exchange: Exchange,
    view: TaskView,
    target: Exclude<PreparedTarget, HandlerTarget>,
    requestTarget: string,
  ): boolean {
    if (target.kind === "static") this.#sendStatic(exchange, view, target.answer);
    else if (target.kind === "file") return this.#sendFile(exchange, view, target);
    else this.#sendFromDirectory(exchange, view, target, requestTarget);
    return true;
  }

  #sendStatic(exchange: Exchange, view: TaskView, answer: StaticAnswer): void {
    const isHead = view.method === METHOD_HEAD;
    const status = answer.status(
      view.method,
      fieldOf(view, "if-match") || null,
      fieldOf(view, "if-none-match") || null,
      fieldOf(view, "if-modified-since") || null,
    );
    const reply = answer.reply(status, isHead, this.date(Date.now()));
    const closes = (view.flags & TASK_CLOSES) !== 0 || answer.content.closes ? CLOSE : 0;
    exchange.answer(decodeLatin1(reply.bytes, 0, reply.bytes.length), reply.body, closes);
  }

  #sendFile(exchange: Exchange, view: TaskView, target: OpenableFileTarget): boolean {
    const headers = new Headers(target.fields.map(([name, value]): [string, string] => [name, value]));
    const fields = fileFieldsOf(headers, target.type);
    const result = sendFile(exchange, this.#files, target.reference, {
      status: target.status,
      headers: fields === null ? null : headers,
      fields,
      source: "route",
    });
    if (result === null) return true;
    const errno = result === "stream" ? undefined : (result as { errno?: number }).errno;
    if (errno === undefined || this.#files.isMissing(errno)) return false;
    // The file is there: `fetch` must not answer in its place, perhaps that it is not.
    this.#sendEmpty(exchange, view, 500, "");
    return true;
  }

  #sendFromDirectory(
    exchange: Exchange,
    view: TaskView,
    target: DirectoryTarget,
    requestTarget: string,
  ): void {
    const source = this.#files.directory(target.path);
    const path = routePath(requestTarget);
    const query = requestTarget.slice(
      requestTarget.indexOf("?") < 0 ? requestTarget.length : requestTarget.indexOf("?"),
    );
    const found =
      typeof source === "number"
        ? ({ kind: this.#files.isMissing(source) ? "missing" : "failed" } as const)
        : findInDirectory(path, query, target.mount.length, source);
    if (found.kind === "file") {
      const reference = {
        start: 0,
        end: Number.POSITIVE_INFINITY,
        name: found.name,
        type: typeOfName(found.name),
      };
      const response = { status: 200, headers: null, fields: null, source: "directory" as const };
      sendOpened(exchange, this.#files, found.file, reference, response);
      return;
    }
    const status = found.kind === "redirect" ? 301 : found.kind === "failed" ? 500 : 404;
    this.#sendEmpty(
      exchange,
      view,
      status,
      found.kind === "redirect" ? `location: ${found.location}\r\n` : "",
    );
  }

  #sendEmpty(exchange: Exchange, view: TaskView, status: number, fields: string): void {
    const head = answerHead(status, null, "", 0, Date.now(), fields);
    exchange.answer(head.text, null, (view.flags & TASK_CLOSES) !== 0 ? CLOSE : 0);
  }
}

function prepare(target: SentTarget | null): PreparedTarget | null {
  if (target === null || target.kind !== "static") return target;
  return { kind: "static", answer: new StaticAnswer(target.content) };
}
