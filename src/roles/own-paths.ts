/**
 * Paths that the server answers itself, when its options ask for them: the metrics, the live page, and how it is.
 *
 * Owned by the dispatcher, which asks before it looks at routes; no handler thread takes part, so they answer when all
 * of those hang. A path matches to the byte, with or without a query.
 */
import { METHOD_GET, METHOD_HEAD } from "../http/method.ts";
import type { RequestHead } from "../http/request-head.ts";
import { reasonPhrase } from "../http/status.ts";
import { type ControlBlock, HANDLER_READY } from "../shm/control-block.ts";
import { LIVE_PAGE, LIVE_PAGE_FIELDS } from "./live-page.ts";
import { liveStats } from "./live-stats.ts";
import { METRICS_TYPE, metricsText } from "./metrics.ts";
import type { ServerMemory } from "./server-memory.ts";

/** Paths that the server answers itself; null where it does not. */
export interface OwnPathSettings {
  readonly metrics: string | null;
  /** The live page; its numbers are at this path with "/stats" behind it. */
  readonly page: string | null;
  /** Answered with 200 as long as this thread runs. */
  readonly live: string | null;
  /** Answered with 200 when the server takes new work, otherwise with 503. */
  readonly ready: string | null;
  /** Whether handler threads start with the first request: then the server is ready without any. */
  readonly isReadyWithoutHandlers: boolean;
}

interface OwnPath {
  readonly path: Buffer;
  readonly type: string;
  readonly body: () => string;
  /** Whether the answer is 503 now; null where it never is. */
  readonly isUnavailable: (() => boolean) | null;
}

const QUESTION_MARK = 0x3f;
const HEALTH_TYPE = "text/plain; charset=utf-8";
const READY = "ready\n";

/** Whether the server takes new work, in a word for people. */
function readinessOf(control: ControlBlock, isReadyWithoutHandlers: boolean): string {
  if (control.isUnready) return "stopping\n";
  if (isReadyWithoutHandlers) return READY;
  for (let slot = 0; slot < control.handlerCount; slot++) {
    if (control.handlerState(slot) === HANDLER_READY) return READY;
  }
  return "no handler thread is ready\n";
}

/** Answers for the server's own paths. */
export class OwnPaths {
  readonly #paths: readonly OwnPath[];

  constructor(settings: OwnPathSettings, memory: ServerMemory, control: ControlBlock) {
    const paths: OwnPath[] = [];
    const add = (
      path: string,
      type: string,
      body: () => string,
      isUnavailable: OwnPath["isUnavailable"] = null,
    ): void => {
      paths.push({ path: Buffer.from(path, "latin1"), type, body, isUnavailable });
    };
    if (settings.metrics !== null) add(settings.metrics, METRICS_TYPE, () => metricsText(memory, control));
    if (settings.page !== null) {
      add(settings.page, `text/html; charset=utf-8\r\n${LIVE_PAGE_FIELDS.trimEnd()}`, () => LIVE_PAGE);
      add(`${settings.page}/stats`, "application/json", () => liveStats(memory, control));
    }
    if (settings.live !== null) add(settings.live, HEALTH_TYPE, () => "alive\n");
    if (settings.ready !== null) {
      const readiness = (): string => readinessOf(control, settings.isReadyWithoutHandlers);
      add(settings.ready, HEALTH_TYPE, readiness, () => readiness() !== READY);
    }
    this.#paths = paths;
  }

  /** The whole answer to a request for one of the paths, or null when it is for another. */
  reply(head: RequestHead, bytes: Uint8Array, headStart: number): Buffer | null {
    const start = headStart + head.targetStart;
    const end = headStart + head.targetEnd;
    for (const own of this.#paths) {
      if (!matches(own.path, bytes, start, end)) continue;
      if (head.method !== METHOD_GET && head.method !== METHOD_HEAD) {
        return encode(405, "Allow: GET, HEAD\r\n", head, "");
      }
      const fields = `Content-Type: ${own.type}\r\nCache-Control: no-store\r\n`;
      return encode(own.isUnavailable?.() ? 503 : 200, fields, head, own.body());
    }
    return null;
  }
}

function matches(path: Buffer, bytes: Uint8Array, start: number, end: number): boolean {
  const { length } = path;
  const rest = end - start - length;
  if (rest < 0 || (rest > 0 && bytes[start + length] !== QUESTION_MARK)) return false;
  for (let i = 0; i < length; i++) if (bytes[start + i] !== path[i]) return false;
  return true;
}

function encode(status: number, fields: string, head: RequestHead, body: string): Buffer {
  const content = Buffer.from(body);
  const closes = head.keepAlive ? "" : "Connection: close\r\n";
  const lines = `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n${fields}${closes}Content-Length: ${content.length}\r\n\r\n`;
  return head.method === METHOD_HEAD
    ? Buffer.from(lines, "latin1")
    : Buffer.concat([Buffer.from(lines, "latin1"), content]);
}
