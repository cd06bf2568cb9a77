/**
 * Makes light Responses of what most handlers answer, and sends them: a text or bytes, with a plain object of fields at most.
 *
 * Installed on dispatchers alone, before user code (`installLightResponses`): that is where a native object is a sizeable part of
 * a request, and where few programs do what a Response that is none could be seen by.
 */
import { CLOSE } from "../channel/messages.ts";
import { TASK_CLOSES } from "../channel/task-record.ts";
import { writeUtf8 } from "../http/latin1.ts";
import { METHOD_HEAD } from "../http/method.ts";
import { isNullBodyStatus } from "../http/status.ts";
import { answerBodyUsed, SCRATCH_CHARACTERS, scratch, sendWhole, typeOf, wallMs } from "./answer.ts";
import { JSON_TYPE, linesHead } from "./answer-head.ts";
import type { Exchange } from "./exchange.ts";
import { readLines } from "./light-fields.ts";
import { type LightBody, LightResponse } from "./light-response.ts";
import {
  KIND_BYTES,
  KIND_JSON,
  KIND_UNKNOWN,
  type LightInit,
  type LightResponses,
  useLightResponses,
} from "./response-notes.ts";
import { installResponseTakers } from "./response-takers.ts";

const encoder = new TextEncoder();
let isMaking = true;

const BARE: LightInit = { status: 200, lines: "", hasType: false };

/**
 * Reads the init of a Response; null where only the native class knows what to make of it.
 * @param type Content-Type to add to fields that have none; "" for none
 */
function readInit(given: unknown, type: string): LightInit | null {
  if (given === undefined) return BARE;
  if (typeof given !== "object" || given === null || Object.getPrototypeOf(given) !== Object.prototype)
    return null;
  const { status = 200, statusText, headers } = given as ResponseInit;
  // Neither those that have no body nor what is no status.
  if (!Number.isInteger(status) || status < 200 || status > 599 || isNullBodyStatus(status)) return null;
  if (statusText !== undefined || status === 205) return null;
  if (headers === undefined) return { status, lines: "", hasType: false };
  if (typeof headers !== "object" || headers === null) return null;
  const fields = readLines(headers, type);
  return fields === null ? null : { status, lines: fields.lines, hasType: fields.hasType };
}

/** A copy of a body of the commonest kinds of memory; null for all others, and for memory that is somewhere else by now. */
function copyOf(body: object): Uint8Array<ArrayBuffer> | null {
  try {
    // Not by its `buffer`: to ask a short array for that moves its bytes.
    if (body instanceof Uint8Array) return new Uint8Array(body);
    return body instanceof ArrayBuffer ? new Uint8Array(body.slice(0)) : null;
  } catch {
    return null;
  }
}

function light(body: LightBody, kind: number, init: LightInit): Response {
  return new LightResponse(body, kind, init) as unknown as Response;
}

const responses: LightResponses = {
  make(body, init) {
    if (!isMaking || body === null) return null;
    if (typeof body !== "string" && !(body instanceof Uint8Array || body instanceof ArrayBuffer)) return null;
    const read = readInit(init, "");
    if (read === null) return null;
    if (typeof body === "string") return light(body, KIND_UNKNOWN, read);
    const bytes = copyOf(body);
    return bytes === null ? null : light(bytes, KIND_BYTES, read);
  },

  readJsonInit(init) {
    return isMaking ? readInit(init, JSON_TYPE) : null;
  },

  json(text, init) {
    return light(text, KIND_JSON, init);
  },

  resolve: LightResponse.resolve,

  send(exchange, given, fail) {
    const response = LightResponse.lightOf(given);
    if (response === null) return false;
    const { view } = exchange;
    if (exchange.isDone || view === null) return true;
    if (response.bodyUsed) {
      fail(answerBodyUsed());
      return true;
    }
    sendBody(
      exchange,
      response,
      LightResponse.take(response),
      view.method === METHOD_HEAD,
      (view.flags & TASK_CLOSES) !== 0,
    );
    return true;
  },
};

function sendBody(
  exchange: Exchange,
  response: LightResponse,
  body: LightBody,
  isHead: boolean,
  closes: boolean,
): void {
  let bytes: Uint8Array;
  let length: number;
  if (typeof body !== "string") {
    bytes = body;
    ({ length } = body);
  } else if (body.length <= SCRATCH_CHARACTERS) {
    bytes = scratch;
    length = writeUtf8(scratch, body, 0);
  } else {
    bytes = encoder.encode(body);
    ({ length } = bytes);
  }
  const { status, lines, hasType } = LightResponse.initOf(response);
  const type = length === 0 || hasType ? "" : typeOf(LightResponse.kindOf(response));
  const head = linesHead(status, lines, type, length, wallMs(exchange));
  sendWhole(exchange, head, bytes, length, isHead, closes ? CLOSE : 0);
}

/** Has Responses made light where that can be, on this thread from now on. */
export function installLightResponses(): void {
  isMaking = true;
  installResponseTakers(LightResponse.resolve, () => {
    isMaking = false;
  });
  useLightResponses(responses);
}
