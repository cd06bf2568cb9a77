/**
 * Runs a wire case: sends its bytes to a server on a connection of its own and notes the answers and how the
 * connection goes on.
 *
 * Theory of operation: when the answers of a case are there, a probe (one more request) tells whether the connection is
 * still open; no waiting is needed. Only a case that says that it closes waits for the end, which then is told apart
 * into FIN and RST.
 */
import { RawClient } from "../support/raw-client.ts";
import type { RawResponse } from "../support/response-parser.ts";
import { mask, type Observation, showBody } from "./observation.ts";

/** One step of a client: bytes to send (latin-1), milliseconds to wait, answers to read, or FIN. */
export type Step = string | number | { readonly answers: number } | "FIN";

/** A case on the wire, as data. */
export interface WireCase {
  /** Unique; appears in docs/compatibility.md if the servers differ. */
  readonly id: string;
  /** Section of BUN-SERVE.md. */
  readonly section: string;
  /** Name of the module under ./programs. */
  readonly program: string;
  readonly send: string | readonly Step[];
  /** How many answers come; default 1. */
  readonly answers?: number;
  /** Methods of the requests, for the framing of their answers; default: that of the first, then GET. */
  readonly methods?: readonly string[];
  /** Whether the server closes afterwards; default: a probe asks. */
  readonly closes?: boolean;
  /** Why the case is not run in pool mode. */
  readonly notInPool?: string;
}

const PROBE = "GET /probe HTTP/1.1\r\nHost: probe.local\r\n\r\n";
// How long a server that does what is not expected holds a case up.
const PATIENCE_MS = 2000;

/** Runs a case against a port of 127.0.0.1. */
export async function observeWire(wire: WireCase, port: number): Promise<Observation> {
  const steps = typeof wire.send === "string" ? [wire.send] : wire.send;
  const methods = wire.methods ?? [/^[\w-]*/.exec(String(steps[0]))![0]];
  const count = wire.answers ?? 1;
  const answers: Observation[] = [];
  await using client = await RawClient.connect(port, PATIENCE_MS);
  const readTo = async (wanted: number): Promise<boolean> => {
    while (answers.length < wanted) {
      const answer = await readAnswer(client, methods[answers.length] ?? "GET");
      answers.push(answer);
      if (typeof answer === "string") return false;
    }
    return true;
  };
  let isFine = true;
  for (const step of steps) {
    if (step === "FIN") client.halfClose();
    else if (typeof step === "string") await client.send(step);
    else if (typeof step === "number") await Bun.sleep(step);
    else isFine = isFine && (await readTo(step.answers));
  }
  isFine = isFine && (await readTo(count));
  let connection: string = client.ending;
  if (wire.closes) {
    const rest = await client.readUntilClose().catch(() => null);
    connection = client.ending;
    if (rest !== null && rest.length > 0) answers.push(`then ${showBody(rest)}`);
  } else if (isFine) {
    await client.send(PROBE);
    const probe = await readAnswer(client, "GET");
    connection = typeof probe === "string" ? "closed" : "open";
  }
  return mask({ answers, connection });
}

/** Reads an answer; text when there is no whole one. */
async function readAnswer(client: RawClient, method: string): Promise<Observation> {
  try {
    return showAnswer(await client.readResponse({ method }));
  } catch (problem) {
    const message = (problem as Error).message;
    const received = showBody(client.unread);
    if (message.startsWith("timed out")) return `no whole answer: ${received}`;
    if (message.startsWith("connection ended")) return `${client.ending} after: ${received}`;
    return `malformed (${message.split(":")[0]}): ${received}`;
  }
}

/** Makes an answer comparable: names in lower case and in alphabetical order. */
export function showAnswer(response: RawResponse): Observation {
  const headers = Object.entries(response.headers).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    status: `${response.status} ${response.reason}`,
    headers: Object.fromEntries(headers),
    ...(response.cookies.length > 0 ? { cookies: [...response.cookies] } : {}),
    framing: response.framing,
    body: showBody(response.body),
  };
}
