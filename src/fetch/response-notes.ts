/**
 * What a Response was made from, where the object itself does not tell: a stream, a file, or bytes.
 *
 * Reading a native Response is the only way to see its body, and reading starts a stream. So the global constructor is
 * replaced by a function that returns native objects and notes the few bodies that matter in a WeakMap. Strings, the
 * common case, cost nothing (FACTS). Responses that came from elsewhere have no note; `bodyKindOf` says what is known.
 *
 * Loaded on every thread that runs handlers, before user code.
 */

/** A body in memory that is text, or nothing is known of it. */
export const KIND_UNKNOWN = 0;
/** A typed array or ArrayBuffer: its implied type is application/octet-stream. */
export const KIND_BYTES = 1;
/** A Blob or file. */
export const KIND_BLOB = 2;
/** A ReadableStream, generator or iterable: it may never end. */
export const KIND_STREAM = 3;

type NativeResponse = typeof Response;

const kinds = new WeakMap<object, number>();
const NativeResponse: NativeResponse = globalThis.Response;
let isInstalled = false;

/** What kind of body a response has; one of `KIND_*`. */
export function bodyKindOf(response: Response): number {
  const kind = kinds.get(response);
  if (kind !== undefined) return kind;
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
    const response =
      (target as unknown) === NotingResponse
        ? new NativeResponse(body, init)
        : (Reflect.construct(NativeResponse, [body, init], target) as Response);
    if (typeof body === "object" && body !== null) note(response, kindOfBody(body));
    else if (typeof body === "function") note(response, KIND_STREAM);
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
      const kind = kinds.get(this);
      if (kind !== undefined) kinds.set(copy, kind);
      return copy;
    },
  };
  NativeResponse.prototype.clone = noting.clone;
  globalThis.Response = replacement;
}

function note(response: Response, kind: number): void {
  if (kind !== KIND_UNKNOWN) kinds.set(response, kind);
}
