/**
 * What a Response was made from, where the object itself does not tell: a stream, a file, or bytes; and the text of one that was
 * made from a string or by `Response.json`, which need not be read back from the native object then. Nor need its fields, while
 * nobody has asked for them: to look costs a native object of its own.
 *
 * Reading a native Response is the only way to see its body, and reading starts a stream. So the global constructor is
 * replaced by a function that returns native objects with a note: a private field, which nobody else can see (about
 * 20 ns; a WeakMap costs 40). Responses without one are foreign: made by a constructor that somebody took hold of before
 * it was replaced (srvx and h3 do when they are loaded; in main mode that is before `serve()`), or by HTMLRewriter.
 *
 * The objects are of a native subclass that nobody sees, for its `headers` alone: the native getter cannot be replaced. What takes a
 * Response takes one of a subclass (test/fetch/response-takers.test.ts tries what Bun has).
 *
 * Installed on every thread that runs handlers, before user code wherever that is possible.
 */

import { JSON_TYPE } from "./answer-head.ts";
import type { Exchange } from "./exchange.ts";
import type { FieldLines } from "./light-fields.ts";

/** A body in memory that is text, or nothing is known of it. */
export const KIND_UNKNOWN = 0;
/** A typed array or ArrayBuffer: its implied type is application/octet-stream. */
export const KIND_BYTES = 1;
/** A Blob or file. */
export const KIND_BLOB = 2;
/** A ReadableStream, generator or iterable: it may never end. */
export const KIND_STREAM = 3;
/** The text of `Response.json(value)`. */
export const KIND_JSON = 4;

type NativeResponse = typeof Response;

/** A constructor that gives back what it is called with, so that a subclass adds its fields to that. */
const Returning = class {
  constructor(object: object) {
    // biome-ignore lint/correctness/noConstructorReturn: this is what it is for
    return object;
  }
};

/** The note: a field of the Response itself. */
class Note extends Returning {
  readonly #kind: number;
  /** The body, if it is a string that was not sent. */
  #text: string | null;
  #isTextSent = false;
  /** Whether its fields are those that its kind implies: none were given, and nobody has asked for them. */
  #isBare: boolean;

  constructor(response: Response, kind: number, text: string | null = null, isBare = false) {
    super(response);
    this.#kind = kind;
    this.#text = text;
    this.#isBare = isBare;
  }

  /** Whether the fields of an object are those that its kind implies. */
  static isBare(object: object): boolean {
    // With another prototype they may be asked for in a way that is not seen here.
    return #isBare in object && object.#isBare && Object.getPrototypeOf(object) === NotedResponse.prototype;
  }

  /** Notes that somebody has the fields of an object, and may change them. */
  static showFields(object: object): void {
    if (#isBare in object) object.#isBare = false;
  }

  /** The text noted on an object, or null. */
  static textOf(object: object): string | null {
    return #text in object ? object.#text : null;
  }

  /** Notes that the text was sent. */
  static sendText(object: object): void {
    if (!(#text in object)) return;
    object.#text = null;
    object.#isTextSent = true;
  }

  /** Whether the text was sent. */
  static isTextSent(object: object): boolean {
    return #text in object && object.#isTextSent;
  }

  /** The kind noted on an object, or -1. */
  static kindOf(object: object): number {
    return #kind in object ? object.#kind : -1;
  }
}

/** The native constructor. */
export const NativeResponse: NativeResponse = globalThis.Response;

/** The class of what the replaced constructor makes. */
class NotedResponse extends NativeResponse {
  // An implicit constructor passes on a list of arguments, which takes longer.
  constructor(body?: Bun.BodyInit | null, init?: ResponseInit) {
    super(body, init);
  }

  override get headers(): Headers {
    Note.showFields(this);
    return super.headers;
  }
}
Object.defineProperty(NotedResponse.prototype, "headers", { enumerable: true });
// So that it is the global one, inherited.
Reflect.deleteProperty(NotedResponse.prototype, "constructor");
let isInstalled = false;

/** What a light Response is given besides its body. */
export interface LightInit extends FieldLines {
  /** 200 to 599, none of those without a body. */
  readonly status: number;
}

/** What makes Responses of text and bytes without a native object (`light-responses.ts`), and sends them. */
export interface LightResponses {
  /** The response of what was given to the constructor; null where only the native class knows what to make of that. */
  make(body: unknown, init: unknown): Response | null;
  /** The init of `Response.json`; null where only the native method knows what to make of it. */
  readJsonInit(init: unknown): LightInit | null;
  /** The response of `Response.json`. */
  json(text: string, init: LightInit): Response;
  /** The native response behind a light one; any other value as it is. */
  resolve<T>(value: T): T | Response;
  /** Answers with a response; false if it is none of these, or has become native. */
  send(exchange: Exchange, response: Response, fail: (error: unknown) => void): boolean;
}

/** Null on threads whose Responses are all native: all but dispatchers. */
export let lights: LightResponses | null = null;

/** Has Responses made by `made` where that can be, on this thread from now on; by null, as native ones. */
export function useLightResponses(made: LightResponses | null): void {
  lights = made;
}

/** Makes a noted Response, of the class that is not seen. */
export function makeNoted(
  body: Bun.BodyInit,
  init: ResponseInit | undefined,
  kind: number,
  text: string | null,
  isBare: boolean,
): Response {
  const response = new NotedResponse(body, init);
  new Note(response, kind, text, isBare);
  return response;
}

/** Whether a response has no note and was not fetched: its body may be anything, a stream without end included. */
export function isForeign(response: Response): boolean {
  return Note.kindOf(response) < 0 && response.url === "";
}

/**
 * The body of a response that was made from a string, or from a value alone by `Response.json`, and was not sent; null
 * otherwise. It is not used afterwards unless `noteTextSent` says so: the native object knows nothing of it.
 */
export function bodyTextOf(response: Response): string | null {
  return Note.textOf(response);
}

/** Whether a response has no fields but those that the kind of its body implies, which the native object need not be asked for. */
export function isBare(response: Response): boolean {
  return Note.isBare(response);
}

/** The text of a response was sent: the body counts as used. */
export function noteTextSent(response: Response): void {
  Note.sendText(response);
}

/** Whether the body of a response was sent as its text, which the native `bodyUsed` does not show. */
export function isTextSent(response: Response): boolean {
  return Note.isTextSent(response);
}

/** What kind of body a response has; one of `KIND_*`. */
export function bodyKindOf(response: Response): number {
  const kind = Note.kindOf(response);
  if (kind >= 0) return kind;
  // A fetched response is passed through as a stream.
  return response.url === "" ? KIND_UNKNOWN : KIND_STREAM;
}

function kindOfBody(body: object): number {
  if (body instanceof ArrayBuffer || ArrayBuffer.isView(body) || body instanceof SharedArrayBuffer) {
    return KIND_BYTES;
  }
  if (body instanceof Blob) return KIND_BLOB;
  if (body instanceof ReadableStream || Symbol.asyncIterator in body) return KIND_STREAM;
  return KIND_UNKNOWN;
}

/** Replaces the global Response constructor on this thread; once, however often it is called. */
export function installResponseNotes(): void {
  if (isInstalled) return;
  isInstalled = true;
  function NotingResponse(body?: Bun.BodyInit | null, init?: ResponseInit): Response {
    const target = new.target as unknown as NativeResponse | undefined;
    if (target === undefined)
      throw new TypeError("Class constructor Response cannot be invoked without 'new'");
    if (lights !== null && (target as unknown) === NotingResponse) {
      const light = lights.make(body, init);
      if (light !== null) return light;
      init = lights.resolve(init);
    }
    const response =
      (target as unknown) === NotingResponse
        ? new NotedResponse(body, init)
        : (Reflect.construct(NativeResponse, [body, init], target) as Response);
    const isBare = init === undefined && (target as unknown) === NotingResponse;
    if (typeof body === "string") {
      new Note(response, KIND_UNKNOWN, body, isBare);
      return response;
    }
    let kind = KIND_UNKNOWN;
    if (typeof body === "object" && body !== null) kind = kindOfBody(body);
    else if (typeof body === "function") kind = KIND_STREAM;
    new Note(response, kind, null, isBare && kind === KIND_BYTES);
    return response;
  }
  const replacement = NotingResponse as unknown as NativeResponse;
  Object.setPrototypeOf(replacement, NativeResponse);
  Object.defineProperties(replacement, {
    name: { value: "Response" },
    length: { value: NativeResponse.length },
    prototype: { value: NativeResponse.prototype },
  });
  NativeResponse.prototype.constructor = replacement;
  const clone = NativeResponse.prototype.clone;
  const noting = {
    clone(this: Response): Response {
      const copy = clone.call(this) as Response;
      const kind = Note.kindOf(this);
      if (kind >= 0) new Note(copy, kind, Note.textOf(this));
      return copy;
    },
  };
  NativeResponse.prototype.clone = noting.clone;
  for (const name of ["json", "redirect", "error"] as const) noteStatic(replacement, name);
  globalThis.Response = replacement;
}

/** Its toJSON gives nothing: what a value with such a one is to the native method, which would ask it a second time. */
const JSON_OF_NOTHING = { toJSON: (): undefined => undefined };

/**
 * `Response.json(value)`, with its text noted. It is made here, since to read it back from what the native method makes costs more;
 * the type is that of a response of the native method, as are the errors.
 */
function noteJson(
  native: (...given: unknown[]) => Response,
): (value: unknown, init: unknown) => Response | null {
  const { stringify } = JSON;
  const typed = Reflect.apply(native, NativeResponse, [null]) as Response;
  const isTypeKnown = typed.headers.get("content-type") === JSON_TYPE;
  return (value, init) => {
    if (typeof value !== "object") return null;
    const read = isTypeKnown && lights !== null ? lights.readJsonInit(init) : null;
    if (init !== undefined && read === null) return null;
    const text = stringify(value) as string | undefined;
    if (text === undefined) {
      const empty = Reflect.apply(native, NativeResponse, [JSON_OF_NOTHING, init]);
      new Note(empty, KIND_UNKNOWN);
      return empty;
    }
    if (read !== null) return lights!.json(text, read);
    return makeNoted(text, typed, KIND_JSON, text, isTypeKnown);
  };
}

/** Notes what a static method makes: a body in memory. */
function noteStatic(replacement: NativeResponse, name: "json" | "redirect" | "error"): void {
  const native = NativeResponse[name] as (...given: unknown[]) => Response;
  const jsonOf = name === "json" ? noteJson(native) : null;
  const { [name]: noting } = {
    [name](): Response {
      const made = jsonOf !== null && arguments.length > 0 ? jsonOf(arguments[0], arguments[1]) : null;
      if (made !== null) return made;
      const response = Reflect.apply(native, NativeResponse, arguments);
      new Note(response, KIND_UNKNOWN);
      return response;
    },
  };
  const flags = Object.getOwnPropertyDescriptor(NativeResponse, name);
  const value = Object.defineProperty(noting as typeof native, "length", { value: native.length });
  Object.defineProperty(replacement, name, { ...flags, value });
}
