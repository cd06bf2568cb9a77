/**
 * Short forms for tests that make one request on a connection of its own, over ./raw-client.ts.
 */
import { RawClient } from "./raw-client.ts";
import type { RawResponse } from "./response-parser.ts";

/** What to send beside the path. */
export interface RequestParts {
  readonly method?: string;
  readonly fields?: readonly string[];
  readonly body?: string | Uint8Array;
}

/** Builds the bytes of a request with Host and, when it has a body, Content-Length. */
export function requestBytes(target: string, parts: RequestParts = {}): Buffer {
  const body = Buffer.from(parts.body ?? "");
  const fields = ["Host: test.local", ...(parts.fields ?? [])];
  if (parts.body !== undefined) fields.push(`Content-Length: ${body.length}`);
  const head = `${parts.method ?? "GET"} ${target} HTTP/1.1\r\n${fields.join("\r\n")}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, "latin1"), body]);
}

/** Makes one request on a new connection and reads its answer. */
export async function exchange(port: number, target: string, parts: RequestParts = {}): Promise<RawResponse> {
  await using client = await RawClient.connect(port);
  await client.send(requestBytes(target, parts));
  return await client.readResponse({ method: parts.method ?? "GET" });
}
