/** Short forms for writing cases. */
import type { Step, WireCase } from "../wire.ts";

/** A case without what its suite says for all. */
export type Draft = Omit<WireCase, "section" | "program"> & Partial<Pick<WireCase, "section" | "program">>;

/** Makes cases of drafts. */
export function suite(section: string, program: string, drafts: readonly Draft[]): WireCase[] {
  return drafts.map((draft) => ({ section, program, ...draft }));
}

/** The bytes of a request with Host, and with Content-Length where it has a body. */
export function bytesOf(line: string, fields: readonly string[] = [], body?: string): string {
  const all = ["Host: test.local", ...fields];
  if (body !== undefined) all.push(`Content-Length: ${Buffer.byteLength(body, "latin1")}`);
  const [method, target] = line.includes(" ") ? line.split(" ") : ["GET", line];
  return `${method} ${target} HTTP/1.1\r\n${all.join("\r\n")}\r\n\r\n${body ?? ""}`;
}

/** One request. `line` is a target, or a method and a target. */
export function request(
  id: string,
  line: string,
  fields: readonly string[] = [],
  body?: string,
  more: Partial<Draft> = {},
): Draft {
  return { id, send: bytesOf(line, fields, body), ...more };
}

/** One request, given by its bytes. */
export function raw(id: string, send: string | readonly Step[], more: Partial<Draft> = {}): Draft {
  return { id, send, ...more };
}
