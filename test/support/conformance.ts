/**
 * The table runner of the conformance suites: one server with a counting handler, one connection for each case.
 *
 * A refused case must show all of: the status, `Connection: close`, exactly one answer, FIN (not RST), no handler
 * call. An accepted case: the answers, in order, and as many handler calls. Runs in the test's process, main mode:
 * the parser lives on the dispatcher in every mode.
 */
import { expect } from "bun:test";
import { RawClient, type Splits } from "./raw-client.ts";
import { type RunningServer, startClosure } from "./servers.ts";
import { isBunTarget } from "./target.ts";

/**
 * Leaves out, when the suites run against the real Bun.serve, the cases whose names are listed: those where it is
 * known to differ from RFC 9112 or from epollo (BUN-SERVE.md section 6). Against epollo every case runs.
 */
export function casesFor<Case extends readonly [name: string, ...rest: unknown[]]>(
  cases: readonly Case[],
  differsInBun: readonly string[],
): Case[] {
  for (const name of differsInBun)
    if (!cases.some((entry) => entry[0] === name)) throw new Error(`no case is called ${name}`);
  return cases.filter(([name]) => !isBunTarget || !differsInBun.includes(name));
}

/** What the handler saw of a request. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A server that counts the calls of its handler and keeps what they saw. */
export interface CountingServer {
  readonly server: RunningServer;
  readonly seen: Seen[];
}

/** Starts a counting server; every request is answered with "ok". */
export function startCounting(options: Record<string, unknown> = {}): CountingServer {
  const seen: Seen[] = [];
  const server = startClosure({
    ...options,
    fetch: async (request: Request) => {
      // Counted when called, filled in when the body is there: a body that never becomes whole still counts.
      const index =
        seen.push({
          method: request.method,
          url: request.url,
          headers: Object.fromEntries(request.headers),
          body: "",
        }) - 1;
      const body = await request.text();
      seen[index] = { ...seen[index]!, body };
      return new Response("ok");
    },
  });
  return { server, seen };
}

/** Sends bytes and asserts the refusal described above. `earlier` requests before the bad one must be answered 200. */
export async function expectRefused(
  counting: CountingServer,
  bytes: string,
  status: number,
  options: { splits?: Splits; earlier?: number; mayHaveBeenCalled?: boolean } = {},
): Promise<void> {
  const callsBefore = counting.seen.length;
  const earlier = options.earlier ?? 0;
  await using client = await RawClient.connect(counting.server.port);
  const isSplit = options.splits !== undefined;
  await client.send(bytes, isSplit ? { splits: options.splits!, untilAnswered: true } : {});
  const responses = await client.readResponsesUntilClose({ acceptsReset: isSplit });
  expect(responses.map((response) => response.status)).toEqual([...new Array(earlier).fill(200), status]);
  expect(responses.at(-1)!.headers.connection?.toLowerCase()).toBe("close");
  // A byte that was under way when the server closed is answered by the kernel, with RST.
  if (!isSplit) expect(client.ending).toBe("fin");
  if (!options.mayHaveBeenCalled) expect(counting.seen.length - callsBefore).toBe(earlier);
}

/** Sends bytes and asserts that they are `count` (default 1) requests, each answered 200; returns what was seen. */
export async function expectAccepted(
  counting: CountingServer,
  bytes: string,
  options: { splits?: Splits; count?: number; method?: string } = {},
): Promise<Seen[]> {
  const callsBefore = counting.seen.length;
  const count = options.count ?? 1;
  await using client = await RawClient.connect(counting.server.port);
  await client.send(bytes, options.splits === undefined ? {} : { splits: options.splits });
  for (let index = 0; index < count; index++) {
    const response = await client.readResponse({ method: options.method ?? "GET" });
    expect(response.status).toBe(200);
  }
  expect(client.unread.toString("latin1")).toBe("");
  expect(counting.seen.length - callsBefore).toBe(count);
  return counting.seen.slice(callsBefore);
}
