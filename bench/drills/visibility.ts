/**
 * Promise 8: a server under load, whose handlers hang, whose clients make mistakes, are too many or too slow: what its metrics say is what
 * the clients counted, to the last one, and they are answered while all handlers hang.
 */
import { exchange } from "../../test/support/exchange.ts";
import { metric, parseMetrics } from "../../test/support/metrics-text.ts";
import { eventually } from "../../test/support/process-info.ts";
import { RawClient } from "../../test/support/raw-client.ts";
import type { RunningServer } from "../../test/support/servers.ts";
import type { Drill, DrillRun } from "../support/drill.ts";
import { startForDrill } from "../support/drill-server.ts";

const THREADS = 3;
const BACKLOG = 20;
const CONNECTIONS = 120;
const LIMIT_MS = 1000;
const LOAD_MS = 3000;
const EACH = 40;
const WAIT_MS = 15_000;

const MISTAKES: readonly [kind: string, status: number, bytes: string][] = [
  ["bad_content_length", 400, "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n"],
  ["bad_target", 400, "GET http://[::1]g/ HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["unknown_method", 501, "BREW / HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["unsupported_version", 505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"],
  ["head_too_large", 431, `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(20_000)}\r\n\r\n`],
];

/** What clients were answered, by status. */
class Tally {
  readonly byStatus: Map<number, number> = new Map();
  /** Longest time to an answer of the metrics while all handlers hang, in ms. */
  slowestScrapeMs = 0;

  /** Answers of 503 that say when to come again: too many waited. A handler that was cut off is answered without. */
  refused = 0;

  add(status: number): void {
    this.byStatus.set(status, (this.byStatus.get(status) ?? 0) + 1);
  }

  addAnswer({ status, headers }: Awaited<ReturnType<RawClient["readResponse"]>>): void {
    this.add(status);
    if (status === 503 && headers["retry-after"] !== undefined) this.refused++;
  }

  remove(status: number): void {
    this.byStatus.set(status, this.of(status) - 1);
  }

  of(status: number): number {
    return this.byStatus.get(status) ?? 0;
  }
}

/** Asks for the metrics on a connection of its own, which is there before there are too many. */
class Scraper {
  readonly #client: RawClient;
  readonly #tally: Tally;

  constructor(client: RawClient, tally: Tally) {
    this.#client = client;
    this.#tally = tally;
  }

  async read(): Promise<ReturnType<typeof parseMetrics>> {
    await this.#client.send("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
    const { status, text } = await this.#client.readResponse();
    // Counted behind the text that it is in.
    this.#tally.add(status);
    return parseMetrics(text);
  }
}

async function load(port: number, tally: Tally): Promise<void> {
  const end = performance.now() + LOAD_MS;
  await Promise.all(
    Array.from({ length: 8 }, async (_, index) => {
      await using client = await RawClient.connect(port, WAIT_MS);
      while (performance.now() < end) {
        const batch = 1 + (index % 4) * 5;
        await client.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n".repeat(batch));
        for (let count = 0; count < batch; count++) tally.addAnswer(await client.readResponse());
      }
    }),
  );
}

async function mistakes(port: number, tally: Tally): Promise<void> {
  for (const [, , bytes] of MISTAKES) {
    for (let count = 0; count < EACH; count++) {
      await using client = await RawClient.connect(port, WAIT_MS);
      await client.send(bytes);
      tally.add((await client.readResponse()).status);
    }
  }
}

/** All threads hang, the backlog is full, and more come: those are told at once, and metrics are answered meanwhile. */
async function overload(server: RunningServer, tally: Tally, scraper: Scraper): Promise<void> {
  const { port } = server;
  const ask = async (path: string): Promise<void> => {
    await using client = await RawClient.connect(port, WAIT_MS);
    await client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    tally.addAnswer(await client.readResponse());
  };
  const hanging = Array.from({ length: THREADS }, () => ask("/cpu?ms=6000000"));
  await eventually(
    "all threads to hang",
    async () => metric(await scraper.read(), 'epollo_handler_threads{state="busy"}'),
    (count) => count === THREADS,
  );
  const waiting = Array.from({ length: BACKLOG + EACH }, () => ask("/hello"));
  for (let round = 0; round < 10; round++) {
    const start = performance.now();
    await scraper.read();
    tally.slowestScrapeMs = Math.max(tally.slowestScrapeMs, performance.now() - start);
  }
  await Promise.all([...hanging, ...waiting]);
}

/** As many connections as there may be are held, more come, and those are told so. */
async function crowd(port: number, tally: Tally, scraper: Scraper): Promise<number> {
  const open = metric(await scraper.read(), "epollo_connections");
  const held: RawClient[] = [];
  for (let count = open; count < CONNECTIONS; count++) {
    const client = await RawClient.connect(port, WAIT_MS);
    await client.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    tally.add((await client.readResponse()).status);
    held.push(client);
  }
  let told = 0;
  for (let count = 0; count < EACH; count++) {
    await using client = await RawClient.connect(port, WAIT_MS);
    await client.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    if ((await client.readResponse().catch(() => null))?.status === 503) told++;
  }
  for (const client of held) client.close();
  return told;
}

/** Heads that never end. */
async function slow(port: number): Promise<void> {
  const clients = await Promise.all(Array.from({ length: EACH }, () => RawClient.connect(port, WAIT_MS)));
  for (const client of clients) await client.send("GET /hello HTTP/1.1\r\nHo");
  await eventually(
    "slow clients to be closed",
    () => clients.filter((client) => client.ending === "open").length,
    (count) => count === 0,
    WAIT_MS,
  );
}

/** One misery after the other, then the two accounts are compared. */
export const drill: Drill = {
  description:
    "load, wrong requests, handlers that hang, overload, too many and too slow clients: metrics say what the clients counted",
  promise: 8,
  boundSeconds: 45,
  isShort: true,
  runsOnBun: false,
  run: async (run) => {
    const server = await startForDrill(run, {
      threads: {
        dispatchers: 2,
        min: THREADS,
        max: THREADS,
        inline: false,
        handlerTimeout: LIMIT_MS,
        maxBacklog: BACKLOG / 2,
      },
      limits: { connections: CONNECTIONS, headTimeout: 1000 },
      observe: { metrics: "/metrics" },
    });
    const { port } = server;
    await exchange(port, "/hello");
    const tally = new Tally();
    await using client = await RawClient.connect(port, WAIT_MS);
    const scraper = new Scraper(client, tally);
    const before = await scraper.read();
    await load(port, tally);
    await mistakes(port, tally);
    await overload(server, tally, scraper);
    await eventually(
      "all threads to be there again",
      async () => (await server.stats())!.threads,
      ({ alive, starting }) => alive === THREADS && starting === 0,
      WAIT_MS,
    );
    for (let count = 0; count < EACH; count++) tally.add((await exchange(port, "/throw")).status);
    await eventually(
      "other clients to be gone",
      async () => (await server.stats())!.connections,
      (count) => count === 1,
      WAIT_MS,
    );
    const told = await crowd(port, tally, scraper);
    await slow(port);
    const after = await scraper.read();
    // It is not in its own text; the one before was not in its own either.
    tally.remove(200);
    compare(run, tally, told, (sample) => metric(after, sample) - metric(before, sample));
    for (const sample of ["epollo_requests_in_flight", "epollo_backlog_requests"])
      run.check(sample, metric(after, sample), "0 or, for the scrape, 1", metric(after, sample) <= 1);
    run.check(
      "ms to the metrics while all handlers hang, longest of 10",
      tally.slowestScrapeMs,
      "at most 500",
      tally.slowestScrapeMs <= 500,
    );
  },
};

function compare(run: DrillRun, tally: Tally, told: number, grown: (sample: string) => number): void {
  const same = (name: string, sample: string, counted: number): void => {
    const value = grown(sample);
    run.check(name, value, `as clients counted: ${counted}`, value === counted);
  };
  for (const status of [...tally.byStatus.keys()].sort())
    same(`answers of ${status}`, `epollo_responses_total{status="${status}"}`, tally.of(status));
  for (const [kind] of MISTAKES) same(`mistakes: ${kind}`, `epollo_parse_errors_total{kind="${kind}"}`, EACH);
  let all = 0;
  for (const count of tally.byStatus.values()) all += count;
  same("requests", "epollo_requests_total", all - MISTAKES.length * EACH);
  same("handlers cut off", "epollo_handler_threads_killed_total", THREADS);
  same("threads started in their place", "epollo_handler_threads_spawned_total", THREADS);
  same("threads retired", "epollo_handler_threads_retired_total", 0);
  const { refused } = tally;
  same("requests refused", "epollo_requests_refused_total", refused);
  same("requests cut off", "epollo_handler_timeouts_total", tally.of(503) - refused);
  run.check("refused at least", refused, `${EACH}`, refused >= EACH);
  same("connections told that there are too many", "epollo_connections_refused_total", told);
  same("clients that were too slow", "epollo_timeouts_total", EACH);
}
