/**
 * Reads `routes`: checks each value as Bun.serve does and turns it into what the router and the dispatchers need.
 *
 * Runs once, on the thread that called `serve()`; in pool mode again on each handler thread, which keeps the functions
 * only. It does not know how paths are matched. Paths themselves are checked with the options (options.ts).
 *
 * Entries come in the order in which Bun registers them, which decides between two routes of the same segments:
 * functions, then `false`, then Responses, files and directories. A GET route answers HEAD too, unless the same path has
 * its own; all but functions for any method take HEAD like a method of their own (measured, test/serve/routes.test.ts).
 */
import { TEXT_TYPE } from "../fetch/answer-head.ts";
import { fileReferenceOf } from "../fetch/file-reference.ts";
import { bodyKindOf, KIND_STREAM, KIND_UNKNOWN } from "../fetch/response-notes.ts";
import type { SentTarget } from "../fetch/route-responder.ts";
import type { FileTarget, RouteTarget } from "../fetch/route-target.ts";
import { ANY_METHOD, patternParams, type RouteEntry } from "../fetch/router.ts";
import type { StaticContent } from "../fetch/static-answer.ts";
import { METHOD_GET, METHOD_HEAD, METHODS } from "../http/method.ts";
import * as errors from "./errors.ts";

/** A function that answers a route. */
export interface RouteHandler {
  /** Called with the request and the server, the server being `this`. */
  readonly run: (this: unknown, request: Request, server: unknown) => unknown;
  /** The route's path. */
  readonly pattern: string;
  /** Parameters, as `paramsOf` of fetch/bun-request.ts takes them. */
  readonly names: readonly string[];
  /** Which segments of the path are parameters. */
  readonly segments: readonly number[];
}

/** What `routes` says. */
export interface ResolvedRoutes {
  /** Why the native server must serve these routes, or null when epollo can. */
  readonly needsNative: string | null;
  /** The routes for a RouteTable; can be sent to other threads. */
  readonly entries: readonly RouteEntry<RouteTarget>[];
  /** The functions, by the number that entries have. */
  readonly handlers: readonly RouteHandler[];
}

type Given = Readonly<Record<string, unknown>>;

/** The methods that an object of methods may have, in Bun's order of reading. */
const ROUTE_METHODS: readonly string[] = "CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT TRACE".split(" ");

const SKIPPED_FIELDS: ReadonlySet<string> = new Set(["content-length", "transfer-encoding"]);

/** A value that only the native server can serve. */
interface NativeOnly {
  readonly kind: "native";
  readonly reason: string;
}

class RouteReader {
  needsNative: string | null = null;
  readonly handlers: RouteHandler[] = [];
  readonly functions: RouteEntry<RouteTarget>[] = [];
  readonly nothing: RouteEntry<RouteTarget>[] = [];
  readonly answers: RouteEntry<RouteTarget>[] = [];

  read(pattern: string, value: unknown): void {
    if (value === false) {
      this.nothing.push({ pattern, methods: [METHOD_HEAD, ANY_METHOD], value: null });
    } else if (typeof value === "function") {
      checkParamNames(pattern);
      this.#addFunction(pattern, [ANY_METHOD], value as RouteHandler["run"]);
    } else if (!this.#readMethods(pattern, value)) {
      const target = resolveTarget(pattern, value);
      if (target === null) throw errors.routeValueUnusable();
      this.#addTarget(pattern, [METHOD_HEAD, ANY_METHOD], target);
    }
  }

  /** Returns whether the value is an object with a method of its own; what cannot answer is passed over. */
  #readMethods(pattern: string, value: unknown): boolean {
    if (typeof value !== "object" || value === null) return false;
    const found: { method: number; member: unknown; target: RouteTarget | NativeOnly | null }[] = [];
    let hasMethod = false;
    for (const name of ROUTE_METHODS) {
      if (!Object.hasOwn(value, name)) continue;
      const member = (value as Given)[name];
      if (!hasMethod) checkParamNames(pattern);
      hasMethod = true;
      const target = typeof member === "function" ? null : resolveTarget(pattern, member);
      if (typeof member === "function" || target !== null) {
        found.push({ method: METHODS.indexOf(name), member, target });
      }
    }
    const hasHead = found.some(({ method }) => method === METHOD_HEAD);
    for (const { method, member, target } of found) {
      const methods = method === METHOD_GET && !hasHead ? [METHOD_GET, METHOD_HEAD] : [method];
      if (target === null) this.#addFunction(pattern, methods, member as RouteHandler["run"]);
      else this.#addTarget(pattern, methods, target);
    }
    return hasMethod;
  }

  #addFunction(pattern: string, methods: readonly number[], run: RouteHandler["run"]): void {
    const value: RouteTarget = { kind: "handler", handler: this.handlers.length };
    this.handlers.push({ run, pattern, ...patternParams(pattern) });
    this.functions.push({ pattern, methods, value });
  }

  #addTarget(pattern: string, methods: readonly number[], value: RouteTarget | NativeOnly): void {
    if (value.kind === "native") this.needsNative ??= value.reason;
    else this.answers.push({ pattern, methods, value });
  }
}

/**
 * Checks and sorts `routes`.
 *
 * @param routes values by path; the paths start with a slash and are ASCII, undefined values are passed over
 * @throws TypeError with code ERR_INVALID_ARG_TYPE, or Error, as Bun.serve throws them, for the first value that is wrong
 */
export function resolveRoutes(routes: Readonly<Record<string, unknown>>): ResolvedRoutes {
  const reader = new RouteReader();
  for (const pattern of Object.keys(routes)) {
    const value = routes[pattern];
    if (value !== undefined) reader.read(pattern, value);
  }
  return {
    needsNative: reader.needsNative,
    entries: [...reader.functions, ...reader.nothing, ...reader.answers],
    handlers: reader.handlers,
  };
}

/** Like Bun, this takes any colon for the start of a name, and looks at functions' paths only. */
function checkParamNames(pattern: string): void {
  const seen = new Set<string>();
  for (const [, name] of pattern.matchAll(/:([^/]*)/g)) {
    if (/^\d/.test(name!)) throw errors.routeParamStartsWithDigit();
    if (seen.has(name!)) throw errors.routeParamTwice();
    seen.add(name!);
  }
}

/** Returns what a value that is no function leads to, or null when it cannot answer. */
function resolveTarget(pattern: string, value: unknown): RouteTarget | NativeOnly | null {
  if (typeof value !== "object" || value === null) return null;
  if (Object.prototype.toString.call(value) === "[object HTMLBundle]") {
    return { kind: "native", reason: "an HTML route" };
  }
  if (value instanceof Response) return resolveResponse(value);
  if (value instanceof Blob) return resolveFile(value, 200, []);
  return resolveDirectory(pattern, value as Given);
}

/** Returns null for a Blob in memory: Bun does not take it for a route. */
function resolveFile(
  file: Blob,
  status: number,
  fields: FileTarget["fields"],
): FileTarget | NativeOnly | null {
  // Nothing else tells a file from a Blob or File in memory without reading it.
  if (!Bun.inspect(file).startsWith("FileRef")) return null;
  const path = (file as Bun.BunFile).name;
  if (path === undefined) return { kind: "native", reason: "a route to a file descriptor" };
  return { kind: "file", path, file, type: file.type, status, fields };
}

function resolveResponse(response: Response): RouteTarget | NativeOnly {
  if (response.status === 0) throw errors.routeStatusZero();
  const kind = bodyKindOf(response);
  // A fetched Response may be in memory by now.
  if (kind === KIND_STREAM && response.url === "") throw errors.routeBodyStreams();
  // Bun says of a body in memory that was asked for as a stream and read that it streams; that cannot be seen here.
  if (response.bodyUsed) throw errors.routeBodyUsed();
  const fields = [...response.headers].filter(([name]) => !SKIPPED_FIELDS.has(name));
  // A copy is read: the same Response may be a route twice, or be sent by a handler too.
  const blob = peek(response.clone().blob());
  if (blob === null) throw errors.routeBodyStreams();
  const file = resolveFile(blob, response.status, fields);
  if (file !== null) return file;
  const bytes = peek(blob.bytes());
  if (bytes === null) throw errors.routeBodyStreams();
  const hasText = bytes.length > 0 && kind === KIND_UNKNOWN;
  return { kind: "static", content: staticContent(response.status, fields, hasText, bytes.slice()) };
}

/** The value of a promise that is settled already, or null. */
function peek<Value>(promise: Promise<Value>): Value | null {
  if (Bun.peek.status(promise) === "fulfilled") return Bun.peek(promise) as Value;
  promise.catch(() => {});
  return null;
}

function staticContent(
  status: number,
  given: readonly (readonly [name: string, value: string])[],
  hasText: boolean,
  body: Uint8Array,
): StaticContent {
  const names = new Map(given);
  let fields = hasText && !names.has("content-type") ? `content-type: ${TEXT_TYPE}\r\n` : "";
  for (const [name, value] of given) fields += `${name}: ${value}\r\n`;
  let etag = names.get("etag");
  if (etag === undefined) {
    etag = body.length === 0 ? "" : `"${Bun.hash.xxHash64(body).toString(16).padStart(16, "0")}"`;
    if (etag !== "") fields += `etag: ${etag}\r\n`;
  }
  return {
    status,
    fields,
    etag,
    hasDate: names.has("date"),
    closes: /(?:^|,)\s*close\s*(?:,|$)/i.test(names.get("connection") ?? ""),
    body,
  };
}

function resolveDirectory(pattern: string, value: Given): RouteTarget | NativeOnly | null {
  const { index, dir } = value;
  if (!isAbsent(index) && typeof index !== "string") throw errors.routeMemberNotAString("index", index);
  // What a build makes of an HTML import.
  if (typeof index === "string" && Array.isArray(value.files))
    return { kind: "native", reason: "an HTML route" };
  if (isAbsent(dir)) return null;
  if (typeof dir !== "string" && !(dir instanceof String)) throw errors.routeMemberNotAString("dir", dir);
  if (!isAbsent(value.style)) return { kind: "native", reason: "a framework route" };
  if (!pattern.endsWith("/*")) throw errors.directoryPathWithoutWildcard();
  if (pattern.includes(":")) throw errors.directoryPathWithParams();
  // The system ends a path at its first NUL.
  const path = String(dir).split("\0", 1)[0]!;
  checkDirectory(path);
  const cachesStat = isAbsent(value.statCache) || Boolean(value.statCache);
  // Loaded where they are used: programs without such routes start 3 ms sooner, and so does each thread.
  const { resolve } = require("node:path") as typeof import("node:path");
  return { kind: "directory", path: resolve(path), mount: pattern.slice(0, -1), cachesStat };
}

function checkDirectory(path: string): void {
  if (path === "") throw errors.directoryNotOpened("ENOENT", -2, "no such file or directory", "");
  const { closeSync, constants, openSync } = require("node:fs") as typeof import("node:fs");
  try {
    closeSync(openSync(path, constants.O_RDONLY | constants.O_DIRECTORY));
  } catch (mistake) {
    const { code, errno, message } = mistake as Error & { code: string; errno: number };
    const reason = /^\w+: (.*?), open/s.exec(message)?.[1] ?? message;
    throw errors.directoryNotOpened(code, errno, reason, path);
  }
}

/** The routes as other threads are told them: a file goes by its path and slice, since a Blob may stay behind. */
export function sentEntries(routes: ResolvedRoutes): RouteEntry<SentTarget>[] {
  return routes.entries.map(({ pattern, methods, value }) => ({
    pattern,
    methods,
    value: sentTarget(value),
  }));
}

function sentTarget(target: RouteTarget | null): SentTarget | null {
  if (target === null || target.kind !== "file") return target;
  const { kind, path, type, status, fields, file } = target;
  const whole = { path, fd: -1, start: 0, end: Number.POSITIVE_INFINITY, name: path, type };
  return { kind, path, type, status, fields, reference: fileReferenceOf(file) ?? whole };
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}
