/**
 * Makes light Responses of what most handlers answer, and sends them: a text or bytes, with a plain object of fields at most.
 *
 * Installed on dispatchers alone, before user code (`installLightResponses`): that is where a native object is a sizeable part of
 * a request, and where few programs do what a Response that is none could be seen by.
 */
import { CLOSE, OWNED } from "../channel/messages.ts";
import { TASK_CLOSES } from "../channel/task-record.ts";
import { writeUtf8 } from "../http/latin1.ts";
import { METHOD_HEAD } from "../http/method.ts";
import { isNullBodyStatus } from "../http/status.ts";
import { answerBodyUsed, FREED_BYTES, SCRATCH_CHARACTERS, scratch, typeOf, wallMs } from "./answer.ts";
import { JSON_TYPE, linesHead } from "./answer-head.ts";
import type { Exchange } from "./exchange.ts";
import { hasType, readLines } from "./light-fields.ts";
import { type LightBody, LightResponse } from "./light-response.ts";
import {
  KIND_BYTES,
  KIND_JSON,
  KIND_UNKNOWN,
  type LightResponses,
  useLightResponses,
} from "./response-notes.ts";
import { installResponseTakers } from "./response-takers.ts";

const encoder = new TextEncoder();
let isMaking = true;

/** What `readInit` has read last. */
let initStatus = 200;
let initLines = "";
let initHasType = false;

/**
 * Reads the init of a Response; false where only the native class knows what to make of it.
 * @param type Content-Type to add to fields that have none; "" for none
 */
function readInit(given: unknown, type: string): boolean {
  initStatus = 200;
  initLines = "";
  initHasType = false;
  if (given === undefined) return true;
  if (typeof given !== "object" || given === null || Object.getPrototypeOf(given) !== Object.prototype)
    return false;
  const { status = 200, statusText, headers } = given as ResponseInit;
  // Neither those that have no body nor what is no status.
  if (!Number.isInteger(status) || status < 200 || status > 599 || isNullBodyStatus(status)) return false;
  if (statusText !== undefined || status === 205) return false;
  initStatus = status;
  if (headers === undefined) return true;
  if (typeof headers !== "object" || headers === null) return false;
  const lines = readLines(headers, type);
  if (lines === null) return false;
  initLines = lines;
  initHasType = hasType();
  return true;
}

/** Whether a body is memory of the commonest kinds, which nobody else writes to. */
function isMemory(body: object): body is Uint8Array | ArrayBuffer {
  return body instanceof Uint8Array ? body.buffer instanceof ArrayBuffer : body instanceof ArrayBuffer;
}

function light(body: LightBody, kind: number): Response {
  return new LightResponse(body, kind, initStatus, initLines, initHasType) as unknown as Response;
}

const responses: LightResponses = {
  make(body, init) {
    if (!isMaking) return null;
    if (typeof body === "string") return readInit(init, "") ? light(body, KIND_UNKNOWN) : null;
    if (typeof body !== "object" || body === null) return null;
    if (!isMemory(body) || !readInit(init, "")) return null;
    return light(new Uint8Array(body instanceof ArrayBuffer ? body.slice(0) : body), KIND_BYTES);
  },

  takesInit(init) {
    return isMaking && readInit(init, JSON_TYPE);
  },

  json(text) {
    return light(text, KIND_JSON);
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
  const type = length === 0 || LightResponse.hasType(response) ? "" : typeOf(LightResponse.kindOf(response));
  const head = linesHead(response.status, LightResponse.linesOf(response), type, length, wallMs(exchange));
  const flags = closes ? CLOSE : 0;
  if (isHead || length === 0) exchange.answer(head, null, flags);
  else exchange.answer(head, bytes, length < FREED_BYTES ? flags : flags | OWNED, length);
}

/** Has Responses made light where that can be, on this thread from now on. */
export function installLightResponses(): void {
  isMaking = true;
  installResponseTakers(LightResponse.resolve, () => {
    isMaking = false;
  });
  useLightResponses(responses);
}
