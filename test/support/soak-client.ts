/**
 * A client of the fixture app (../fixtures/app.ts) that knows what each of its random requests must be answered with. For soak
 * tests and drills.
 */
import { requestBytes } from "./exchange.ts";
import { RawClient } from "./raw-client.ts";

/** A request and the answer that it must get. */
export interface Exchange {
  readonly bytes: Buffer;
  readonly method: string;
  readonly status: number;
  readonly body: string;
}

/** A request of a random kind; `id` is a part of its answer. */
export function randomExchange(random: (below: number) => number, id: string): Exchange {
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

/** How many requests a client sends, and how. */
export interface SoakClientOptions {
  /** A word that no other client has. */
  readonly name: string;
  readonly random: (below: number) => number;
  /** Requests in all; fewer when `isOver` says so. */
  readonly requests: number;
  /** Requests that it sends before it has their answers. */
  readonly mostPipelined: number;
  /** Whether to send no more. Default: never. */
  isOver?(): boolean;
  /**
   * Called for each answer with 500 or 503 in place of the right one: a handler thread was killed under its request. Without
   * it they are wrong.
   */
  onLost?(status: number): void;
}

/**
 * One client with random pipelining, splits and delays. Gives the number of answers, all in order.
 *
 * @throws Error about the first answer that is wrong or missing
 */
export async function runSoakClient(port: number, options: SoakClientOptions): Promise<number> {
  const { name, random, requests, mostPipelined, isOver = () => false, onLost } = options;
  const client = await RawClient.connect(port, 60_000);
  let done = 0;
  while (done < requests && !isOver()) {
    const count = Math.min(requests - done, 1 + random(mostPipelined));
    const batch = Array.from({ length: count }, (_, position) =>
      randomExchange(random, `${name}-${done + position}`),
    );
    const bytes = Buffer.concat(batch.map((entry) => entry.bytes));
    const sending = client.send(
      bytes,
      random(3) === 0 ? { splits: [1 + random(bytes.length), bytes.length].toSorted((a, b) => a - b) } : {},
    );
    for (const expected of batch) {
      const response = await client.readResponse({ method: expected.method });
      const isRight = response.status === expected.status && response.text === expected.body;
      if (!isRight && onLost !== undefined && (response.status === 500 || response.status === 503))
        onLost(response.status);
      else if (!isRight)
        throw new Error(
          `client ${name}, request ${done}: expected ${expected.status} ${expected.body.slice(0, 60)}, ` +
            `got ${response.status} ${response.text.slice(0, 60)}`,
        );
      done++;
    }
    await sending;
    if (random(4) === 0) await Bun.sleep(random(4));
  }
  if (client.unread.length > 0) throw new Error(`client ${name}: ${client.unread.length} bytes too many`);
  if (random(2) === 0) client.close();
  else client.reset();
  return done;
}
