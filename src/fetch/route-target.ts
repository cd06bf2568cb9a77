/**
 * What a route leads to, as plain data: the thread that called `serve()` makes it of `routes`, dispatchers act on it.
 *
 * Types and constants only; any thread. Everything here can be sent to another thread; the handler functions stay where they are and
 * go by their number. It does not know how targets are found (router.ts) or made (serve/routes.ts).
 */
import type { StaticContent } from "./static-answer.ts";

/** A function of user code answers. */
export interface HandlerTarget {
  readonly kind: "handler";
  /** Number of the function among the handlers of the same `routes`, the same on every thread. */
  readonly handler: number;
}

/** A Response in memory answers. */
export interface StaticTarget {
  readonly kind: "static";
  readonly content: StaticContent;
}

/** A file answers; where it is missing, the next route that matches does (`RouteTable.matchAfter`), or `fetch`. */
export interface FileTarget {
  readonly kind: "file";
  /** Path as the user gave it, relative to the working directory. */
  readonly path: string;
  /** The file, for its slice and its size. */
  readonly file: Blob;
  /** Type by extension, or the one the user gave to `Bun.file`. */
  readonly type: string;
  /** Status to answer with, 200 but for a Response with another. */
  readonly status: number;
  /** Fields of the Response around the file, names in lower case, without Content-Length and Transfer-Encoding. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** Files below a directory answer; a missing one is answered with 404. */
export interface DirectoryTarget {
  readonly kind: "directory";
  /** Absolute path of the directory; it existed when the server started. */
  readonly path: string;
  /** The route's path up to its `*`, e.g. "/pub/". */
  readonly mount: string;
  /** Whether what is known of a file may be kept for a while (`statCache`). Default true. */
  readonly cachesStat: boolean;
}

/** What a route leads to. */
export type RouteTarget = HandlerTarget | StaticTarget | FileTarget | DirectoryTarget;

/** The route is for `fetch`, or there is none. */
export const ROUTE_FETCH = 0;
/** Who has given the request away does not know the routes any more: whoever runs the handlers has to find it. */
export const ROUTE_UNKNOWN = -2;
/** The request was answered. */
export const ROUTE_ANSWERED = -1;
