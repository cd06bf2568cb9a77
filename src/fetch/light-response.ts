/**
 * The Response of a short text or of bytes: an ordinary object that makes the native one when it is needed.
 *
 * Lives on a dispatcher, and nowhere else (`response-constructor.ts`): what Bun takes a Response for by its native object must be told
 * (`response-takers.ts`). A native Response takes memory of the allocator's, which is cold by then, and a turn of the collector
 * to give it back; most are made and returned, and nobody looks into them.
 *
 * It is `instanceof Response`. Whoever asks for more than the status gets the native object's answer, made the first time, and
 * from then on that one is the response.
 */
import { JSON_TYPE } from "./answer-head.ts";
import { delegate, dressAsNative, INSPECT } from "./delegate.ts";
import { fieldsOfLines } from "./light-fields.ts";
import { KIND_JSON, type LightInit, makeNoted, NativeResponse } from "./response-notes.ts";

/** What is sent as it is. */
export type LightBody = string | Uint8Array<ArrayBuffer>;

/** A Response as user code sees it; `instanceof Response`. */
export class LightResponse {
  readonly #kind: number;
  readonly #init: LightInit;
  /** Bytes are this object's own. */
  readonly #body: LightBody;
  #isSent = false;
  #native: Response | null = null;

  /** @param kind of the body, KIND_UNKNOWN for text */
  constructor(body: LightBody, kind: number, init: LightInit) {
    this.#body = body;
    this.#kind = kind;
    this.#init = init;
  }

  /** The status, 200 to 599. */
  get status(): number {
    return this.#init.status;
  }

  /** Whether the status is one of success. */
  get ok(): boolean {
    return this.#init.status < 300;
  }

  /** Whether the body was read or sent. */
  get bodyUsed(): boolean {
    return this.#native === null ? this.#isSent : this.#native.bodyUsed;
  }

  /** A response that has not become native, or null for any other object. */
  static lightOf(response: object): LightResponse | null {
    return #native in response && response.#native === null ? response : null;
  }

  /** The body of one that is light, to be sent: it counts as used from now on. */
  static take(response: LightResponse): LightBody {
    response.#isSent = true;
    return response.#body;
  }

  /** The kind of the body. */
  static kindOf(response: LightResponse): number {
    return response.#kind;
  }

  /** Status and fields. */
  static initOf(response: LightResponse): LightInit {
    return response.#init;
  }

  /** The native response that stands behind one. */
  static nativeOf(response: LightResponse): Response {
    response.#native ??= response.#makeNative();
    return response.#native;
  }

  /** The native response behind any object that has one; else the object itself. */
  static resolve<T>(value: T): T | Response {
    if (typeof value !== "object" || value === null || !(#native in value)) return value;
    return LightResponse.nativeOf(value as unknown as LightResponse);
  }

  #makeNative(): Response {
    const body = this.#body;
    const kind = this.#kind;
    const { status, lines, hasType } = this.#init;
    const headers = fieldsOfLines(lines);
    const isBare = headers.length === 0;
    if (kind === KIND_JSON && !hasType) headers.push(["content-type", JSON_TYPE]);
    const text = typeof body === "string" ? body : null;
    const native = makeNoted(body, { status, headers }, kind, text, isBare);
    if (this.#isSent) native.arrayBuffer().catch(() => {});
    return native;
  }
}

// The native object is printed.
Object.defineProperty(LightResponse.prototype, INSPECT, {
  value(this: LightResponse): unknown {
    return LightResponse.resolve(this);
  },
  configurable: true,
  writable: true,
});

/** Members of the native class. */
const NATIVE_NAMES: readonly PropertyKey[] = [
  ...["arrayBuffer", "blob", "body", "bytes", "clone", "formData", "headers", "json", "redirected"],
  ...["statusText", "text", "textStream", "type", "url"],
];

Object.setPrototypeOf(LightResponse.prototype, NativeResponse.prototype);
dressAsNative(LightResponse.prototype, NativeResponse.prototype);
delegate(LightResponse.prototype, NativeResponse.prototype, NATIVE_NAMES, LightResponse.nativeOf);
