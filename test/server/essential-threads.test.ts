/**
 * Dispatchers and the acceptor that end without having been asked to, or hang in a handler that runs there: what they held is
 * closed, they are started again, and the listener goes on accepting. Not for Bun.serve, which has no such threads.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import type { Server } from "../../src/index.ts";
import type { LogRecord } from "../../src/log/log.ts";
import { OUTSIDE } from "../../src/roles/blocked-report.ts";
import { exchange, type RequestParts, requestBytes } from "../support/exchange.ts";
import { MODULE, serveHosting } from "../support/hosting-server.ts";
import { eventually, fdCount, settledDescriptors } from "../support/process-info.ts";
import { RawClient } from "../support/raw-client.ts";
import { isBunTarget } from "../support/target.ts";

/** A thread that gets no processor for as long is taken for one that hangs: more than a loaded machine withholds. */
const LIMIT_MS = 1000;

const NativeWorker = globalThis.Worker;
/** The Workers that were started since the last server was, by name. */
const workers: { name: string; worker: Worker }[] = [];
beforeAll(() => {
  globalThis.Worker = class extends NativeWorker {
    constructor(
      url: string | URL,
      options?: WorkerOptions & { workerData?: { epolloLog?: { thread: string } } },
    ) {
      super(url, options);
      workers.push({ name: options?.workerData?.epolloLog?.thread ?? "", worker: this });
    }
  };
});
afterAll(() => {
  globalThis.Worker = NativeWorker;
});

let server: Server | null = null;
let log: LogRecord[] = [];
afterEach(async () => {
  await server?.stop(true);
  server = null;
});

function start(threads: object = {}, options: object = {}): Server {
  workers.length = 0;
  log = [];
  // One handler thread, so that descriptors of another one are not taken for left over.
  const own = { dispatchers: 1, min: 1, max: 1, inline: true, handlerTimeout: LIMIT_MS };
  server = serveHosting({ ...own, ...threads }, log, options);
  return server;
}
/** What tells a handler what to do. */
const order = (what: string): RequestParts => ({ fields: [`X-Do: ${what}`] });
const logged = (event: string): LogRecord[] => log.filter((record) => record.event === event);
const port = (): number => server!.port!;

/** Asks until requests run on the dispatcher, many in a row: while its code is cold, one that took long has the next go elsewhere. */
async function untilInline(client: RawClient): Promise<void> {
  const IN_A_ROW = 20;
  const deadline = Date.now() + 15_000;
  let row = 0;
  while (row < IN_A_ROW && Date.now() < deadline) {
    const before = server!.stats().requestsInline;
    await client.send(requestBytes("/"));
    await client.readResponse();
    row = server!.stats().requestsInline > before ? row + 1 : 0;
  }
  expect(row).toBe(IN_A_ROW);
}

/** The acceptor starts after the other threads (`acceptor-start.ts`); waits until it is there, and has opened what it needs. */
async function untilAcceptor(): Promise<Worker> {
  const acceptor = (): Worker | undefined => workers.find(({ name }) => name === "acceptor")?.worker;
  await eventually("the acceptor to start", acceptor, (worker) => worker !== undefined);
  await settledDescriptors();
  return acceptor()!;
}

async function warmUp(): Promise<void> {
  await untilAcceptor();
  await using client = await RawClient.connect(port());
  await untilInline(client);
}

/** Whether all is as before: answers, and no descriptor too many. */
async function goesOn(fds: number): Promise<void> {
  for (let round = 0; round < 5; round++) expect((await exchange(port(), "/")).text).toBe("fine");
  await eventually(
    "nothing to be in flight",
    () => server!.stats(),
    ({ inFlight, backlog, connections }) => inFlight + backlog + connections === 0,
  );
  await eventually("descriptors to be closed", fdCount, (count) => count <= fds).catch(() =>
    expect(readdirSync("/proc/self/fd").length).toBeLessThanOrEqual(fds),
  );
}

describe.skipIf(isBunTarget)("a dispatcher that hangs in a handler", () => {
  test("is ended: 503 for that request, a reset for its other clients, and none runs handlers any more", async () => {
    start();
    await warmUp();
    const fds = fdCount();
    await using idle = await RawClient.connect(port());
    await idle.send(requestBytes("/"));
    await idle.readResponse();
    const stream = await RawClient.connect(port());
    await stream.send(requestBytes("/stream"));
    await eventually(
      "the stream to begin",
      () => stream.unread.length,
      (length) => length > 0,
    );
    const answer = await exchange(port(), "/", order("hang"));
    expect([answer.status, answer.headers.connection]).toEqual([503, "close"]);
    await eventually(
      "the others to be reset",
      () => [idle.ending, stream.ending].join(),
      (endings) => endings === "reset,reset",
    );
    stream.close();
    const before = server!.stats().requestsInline;
    for (let round = 0; round < 50; round++) expect((await exchange(port(), "/")).text).toBe("fine");
    expect(server!.stats().requestsInline).toBe(before);
    expect(logged("dispatcher-hangs")).toMatchObject([{ method: "GET", path: "/", module: MODULE.href }]);
    expect(logged("thread-restarted").length).toBe(1);
    await goesOn(fds);
  }, 40_000);

  test("also when it hangs outside of a request", async () => {
    start();
    await warmUp();
    const fds = fdCount();
    expect((await exchange(port(), "/", order("hangLater"))).text).toBe("fine");
    await eventually(
      "it to be ended",
      async () => {
        // Without a client nobody is harmed, and nobody looks.
        const client = await RawClient.connect(port());
        await client.send(requestBytes("/"));
        await Bun.sleep(50);
        client.close();
        return logged("thread-restarted").length;
      },
      (count) => count === 1,
      15_000,
    );
    // What a handler left behind belongs to no request any more.
    expect(logged("dispatcher-hangs").map(({ path, message }) => [path, message])).toEqual([
      [undefined, expect.stringContaining(OUTSIDE) as never],
    ]);
    await goesOn(fds);
  }, 40_000);

  test("a pipelined request that hangs does not get the answer to the one before it", async () => {
    start();
    await warmUp();
    await using client = await RawClient.connect(port());
    await client.send(Buffer.concat([requestBytes("/"), requestBytes("/", order("hang"))]));
    await eventually(
      "the connection to end",
      () => client.ending,
      (ending) => ending !== "open",
    );
    const text = client.unread.toString("latin1");
    if (text.includes(" 503 ")) expect(text.indexOf("fine")).toBeWithin(0, text.indexOf(" 503 "));
  }, 40_000);
});

describe.skipIf(isBunTarget)("a dispatcher that ends", () => {
  test("is started again; handlers are told that its requests are over, and theirs go on", async () => {
    start({ handlerTimeout: Infinity });
    await warmUp();
    const fds = fdCount();
    const slow = await RawClient.connect(port());
    await slow.send(requestBytes("/slow?ms=60000"));
    await eventually(
      "it to be in flight",
      () => server!.stats().inFlight,
      (count) => count === 1,
    );
    await using dying = await RawClient.connect(port());
    await dying.send(requestBytes("/", order("die")));
    await eventually(
      "its clients to be closed",
      () => [slow.ending, dying.ending].includes("open"),
      (isOpen) => !isOpen,
    );
    await eventually(
      "the handler to be told",
      () => server!.stats().handlers.reduce((sum, { inFlight }) => sum + inFlight, 0),
      (count) => count === 0,
    );
    expect(server!.stats().threads).toMatchObject({ killed: 0 });
    await goesOn(fds + 1);
  }, 40_000);

  test("its successor takes the answers of handlers that had no time to hear of it", async () => {
    start({ handlerTimeout: Infinity });
    await warmUp();
    const blocked = await RawClient.connect(port());
    await blocked.send(requestBytes("/block?ms=600"));
    await eventually(
      "its handler to run",
      () => server!.stats().handlers.reduce((sum, { inFlight }) => sum + inFlight, server!.stats().inFlight),
      (count) => count > 0,
    );
    await using dying = await RawClient.connect(port());
    await dying.send(requestBytes("/", order("die")));
    await eventually(
      "it to be started again",
      () => logged("thread-restarted").length,
      (count) => count === 1,
    );
    expect((await exchange(port(), "/")).text).toBe("fine");
    await eventually(
      "the handler to be done",
      () => server!.stats().handlers.reduce((sum, { inFlight }) => sum + inFlight, 0),
      (count) => count === 0,
    );
    for (let round = 0; round < 10; round++) expect((await exchange(port(), "/")).text).toBe("fine");
    expect([logged("thread-restarted").length, logged("dispatcher-failed")]).toEqual([1, []]);
    blocked.close();
  }, 20_000);

  test("over and over: each time its clients are closed, and the listener accepts", async () => {
    start({ inline: false, dispatchers: 2 });
    await untilAcceptor();
    await exchange(port(), "/");
    const fds = fdCount();
    for (let round = 1; round <= 4; round++) {
      const clients = await Promise.all(Array.from({ length: 8 }, () => RawClient.connect(port())));
      for (const client of clients) {
        await client.send(requestBytes("/"));
        expect((await client.readResponse()).text).toBe("fine");
      }
      // It lives for more than a second: one that ends at once, again and again, is given up.
      await Bun.sleep(1100);
      const name = `dispatcher ${round % 2}`;
      const { worker } = workers.findLast((started) => started.name === name)!;
      worker.terminate();
      // A thread in epoll_wait is not reached; the next thing it does is its end.
      await eventually(
        "it to be started again",
        async () => {
          for (const client of clients) if (client.ending === "open") await client.send(requestBytes("/"));
          return logged("thread-restarted").length;
        },
        (count) => count === round,
      );
      for (const client of clients) client.close();
      // One that is ended from outside may have been about to note a descriptor.
      await goesOn(fds + round);
    }
  }, 40_000);

  test.each([
    [2, 0, "fine after 3 dispatchers", ""],
    [3, 1, "", "dispatcher 0 has ended unexpectedly (code"],
  ])("at once, %p times: the process ends with %p", async (times, code, output, message) => {
    const program = new URL("../fixtures/dying-dispatcher.ts", import.meta.url).pathname;
    const child = Bun.spawn([process.execPath, "run", program, String(times)], {
      stdout: "pipe",
      stderr: "pipe",
    });
    const [text, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    expect([await child.exited, text.trim()]).toEqual([code, output]);
    expect(errors).toContain(message);
    if (code === 1) expect(errors).toContain("again and again; the server is stopped");
  });
});

describe.skipIf(isBunTarget)("connections of a dispatcher that ends are counted no more", () => {
  const LIMIT = 6;
  const ENDINGS = ["die", "hang", "hangLater"];

  test.each([
    ["connections", { connections: LIMIT }],
    ["connectionsPerAddress", { connectionsPerAddress: LIMIT }],
    ["both, proxies told", { connections: LIMIT, connectionsPerAddress: LIMIT, isProxied: true }],
  ])(
    "%s: as many come in as before, and no more",
    async (_, { isProxied, ...limits }: Record<string, unknown>) => {
      const proxied = isProxied ? { proxyProtocol: { from: ["127.0.0.1"] } } : {};
      const hello = isProxied ? "PROXY TCP4 10.1.1.1 10.2.2.2 1 2\r\n" : "";
      const open = async (): Promise<RawClient> => {
        const client = await RawClient.connect(port());
        await client.send(Buffer.concat([Buffer.from(hello), requestBytes("/")]));
        return client;
      };
      for (const ending of ENDINGS) {
        start({}, { limits, ...proxied });
        const clients: RawClient[] = [];
        const enter = async (): Promise<number> => {
          clients.push(await open());
          return (await clients.at(-1)!.readResponse()).status;
        };
        // Until requests run there.
        expect(await enter()).toBe(200);
        const first = clients[0]!;
        await untilInline(first);
        for (let count = 1; count < LIMIT; count++) expect(await enter()).toBe(200);
        // One slow run meanwhile, and they would not any more.
        await untilInline(first);
        await first.send(requestBytes("/", order(ending)));
        await eventually(
          "it to be started again",
          async () => {
            for (const client of clients.slice(1)) {
              if (client.ending === "open") await client.send(requestBytes("/")).catch(() => {});
            }
            return logged("thread-restarted").length;
          },
          (count) => count === 1,
        );
        for (const client of clients.splice(0)) client.close();
        for (let count = 0; count < LIMIT; count++) expect(await enter()).toBe(200);
        const [status, refused] = [await enter().catch(() => 0), server!.stats().connectionsRefused];
        expect([503, 0]).toContain(status);
        if (!isProxied || status === 503) expect(refused).toBe(1);
        for (const client of clients) client.close();
        await server!.stop(true);
      }
    },
    30_000,
  );

  test("an acceptor that waits for room hears of it", async () => {
    start({}, { limits: { connections: 2, whenFull: "wait" } });
    await warmUp();
    const dying = await RawClient.connect(port());
    const other = await RawClient.connect(port());
    for (const client of [dying, other]) {
      await client.send(requestBytes("/"));
      await client.readResponse();
    }
    const waiting = await RawClient.connect(port());
    await waiting.send(requestBytes("/"));
    await Bun.sleep(50);
    expect(waiting.unread.length).toBe(0);
    await dying.send(requestBytes("/", order("die")));
    expect((await waiting.readResponse()).text).toBe("fine");
    for (const client of [dying, other, waiting]) client.close();
  }, 40_000);
});

describe.skipIf(isBunTarget)("an acceptor that ends", () => {
  test("is started again: who connects meanwhile is served", async () => {
    start({ inline: false });
    await exchange(port(), "/");
    const worker = await untilAcceptor();
    const fds = fdCount();
    worker.terminate();
    await eventually(
      "it to be started again",
      async () => {
        // What wakes it is a client, which may be lost with it: between the kernel and the thread's first note of it.
        const client = await RawClient.connect(port());
        await client.send(requestBytes("/"));
        await Bun.sleep(50);
        client.close();
        return logged("thread-restarted").map(({ message }) => message.split(" ")[0]);
      },
      (names) => names.join() === "acceptor",
    );
    const answers = await Promise.all(Array.from({ length: 30 }, () => exchange(port(), "/")));
    expect(answers.every(({ text }) => text === "fine")).toBe(true);
    await goesOn(fds + 2);
  }, 40_000);
});
