/**
 * Paths that the server answers itself, when its options ask for them: the metrics.
 *
 * Owned by the dispatcher, which asks before it looks at routes; no handler thread takes part, so they answer when all
 * of those hang. A path matches to the byte, with or without a query.
 */
import { METHOD_GET, METHOD_HEAD } from "../http/method.ts";
import type { RequestHead } from "../http/request-head.ts";
import { reasonPhrase } from "../http/status.ts";
import type { ControlBlock } from "../shm/control-block.ts";
import { METRICS_TYPE, metricsText } from "./metrics.ts";
import type { ServerMemory } from "./server-memory.ts";

/** Paths that the server answers itself; null where it does not. */
export interface OwnPathSettings {
  readonly metrics: string | null;
}

interface OwnPath {
  readonly path: Buffer;
  readonly type: string;
  readonly body: () => string;
}

const QUESTION_MARK = 0x3f;

/** Answers for the server's own paths. */
export class OwnPaths {
  readonly #paths: readonly OwnPath[];

  constructor(settings: OwnPathSettings, memory: ServerMemory, control: ControlBlock) {
    const paths: OwnPath[] = [];
    const add = (path: string, type: string, body: () => string): void => {
      paths.push({ path: Buffer.from(path, "latin1"), type, body });
    };
    if (settings.metrics !== null) add(settings.metrics, METRICS_TYPE, () => metricsText(memory, control));
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
      return encode(200, fields, head, own.body());
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
