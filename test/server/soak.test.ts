/**
 * Many clients with random pipelining, splits, delays and kinds of requests: every answer right and in order, and
 * afterwards nothing in flight and no descriptor left. EPOLLO_SOAK_CLIENTS and EPOLLO_SOAK_REQUESTS set the size
 * (default 200 clients of 100 requests; the full one is 200 of 2,000); EPOLLO_SOAK_SEED repeats a run.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { requestBytes } from "../support/exchange.ts";
import { eventually, socketCount } from "../support/process-info.ts";
import { RawClient } from "../support/raw-client.ts";
import { MODES, type RunningServer, startInChild, stopAll } from "../support/servers.ts";
import { isBunTarget } from "../support/target.ts";

const CLIENTS = Number(process.env.EPOLLO_SOAK_CLIENTS ?? 200);
const REQUESTS = Number(process.env.EPOLLO_SOAK_REQUESTS ?? 100);
const SEED = Number(process.env.EPOLLO_SOAK_SEED ?? Date.now() % 1_000_000);
// The real server closes a connection that pipelines behind a pending answer.
const MOST_PIPELINED = isBunTarget ? 1 : 16;

afterEach(stopAll);

/** A small random generator (mulberry32), so that a failing run can be repeated by its seed. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

interface Exchange {
  readonly bytes: Buffer;
  readonly method: string;
  readonly status: number;
  readonly body: string;
}

function randomExchange(random: (below: number) => number, id: string): Exchange {
  const kind = random(20);
  const get = (target: string, body: string, status = 200): Exchange => ({
    bytes: requestBytes(target),
    method: "GET",
    status,
    body,
  });
  if (kind < 10) return get(`/id?id=${id}`, id);
  if (kind < 12) return get(`/slow?ms=${random(8)}&id=${id}`, id);
  if (kind === 12) return get(`/cpu?ms=1&id=${id}`, id);
  if (kind === 13) return get("/status/404", "status 404", 404);
  if (kind === 14) return get("/status/204", "", 204);
  if (kind === 15)
    return { bytes: requestBytes("/hello", { method: "HEAD" }), method: "HEAD", status: 200, body: "" };
  const body = `${id}:${"p".repeat(random(kind === 19 ? 40_000 : 2000))}`;
  if (kind === 16) {
    const half = body.length >> 1;
    const chunks = [body.slice(0, half), body.slice(half)].filter((chunk) => chunk.length > 0);
    const coded = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join("");
    const head = "POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    return { bytes: Buffer.from(`${head}${coded}0\r\n\r\n`), method: "POST", status: 200, body };
  }
  return { bytes: requestBytes("/body", { method: "POST", body }), method: "POST", status: 200, body };
}

async function runClient(server: RunningServer, index: number): Promise<number> {
  const random = randomFrom(SEED * 1000 + index);
  const client = await RawClient.connect(server.port, 60_000);
  let done = 0;
  while (done < REQUESTS) {
    const count = Math.min(REQUESTS - done, 1 + random(MOST_PIPELINED));
    const batch = Array.from({ length: count }, (_, position) =>
      randomExchange(random, `${index}-${done + position}`),
    );
    const bytes = Buffer.concat(batch.map((entry) => entry.bytes));
    const sending = client.send(
      bytes,
      random(3) === 0 ? { splits: [1 + random(bytes.length), bytes.length].toSorted((a, b) => a - b) } : {},
    );
    for (const expected of batch) {
      const response = await client.readResponse({ method: expected.method });
      if (response.status !== expected.status || response.text !== expected.body)
        throw new Error(
          `client ${index}, request ${done} (seed ${SEED}): expected ${expected.status} ${expected.body.slice(0, 60)}, ` +
            `got ${response.status} ${response.text.slice(0, 60)}`,
        );
      done++;
    }
    await sending;
    if (random(4) === 0) await Bun.sleep(random(4));
  }
  expect(client.unread.length).toBe(0);
  if (random(2) === 0) client.close();
  else client.reset();
  return done;
}

describe.each(MODES)("%s", (mode) => {
  test(`${CLIENTS} clients of ${REQUESTS} requests (seed ${SEED})`, async () => {
    const server = await startInChild(mode, { idleTimeout: 0, development: false });
    const warm = await RawClient.connect(server.port);
    await warm.send(requestBytes("/hello"));
    await warm.readResponse();
    warm.close();
    await Bun.sleep(50);
    const socketsBefore = socketCount(server.pid);
    const counts = await Promise.all(Array.from({ length: CLIENTS }, (_, index) => runClient(server, index)));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(CLIENTS * REQUESTS);
    await eventually(
      "no pending request",
      () => server.pendingRequests(),
      (count) => count === 0,
    );
    if (!isBunTarget) {
      const left = async (): Promise<number> => {
        const stats = (await server.stats())!;
        return stats.inFlight + stats.backlog + stats.connections;
      };
      await eventually("nothing in flight", left, (count) => count === 0);
    }
    await eventually(
      "the sockets to be closed",
      () => socketCount(server.pid),
      (count) => count <= socketsBefore,
    );
  }, 600_000);
});
