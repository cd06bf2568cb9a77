/**
 * `limits` over real sockets: each bound that a program sets holds, with the status it is to have. The defaults, which
 * are Bun's, are in test/conformance/limits.test.ts and timeouts.test.ts.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { exchange, requestBytes } from "../support/exchange.ts";
import { eventually } from "../support/process-info.ts";
import { RawClient } from "../support/raw-client.ts";
import { MODES, startServer, stopAll } from "../support/servers.ts";
import { isBunTarget } from "../support/target.ts";

afterAll(stopAll);

const WAIT_MS = 15_000;

describe.skipIf(isBunTarget).each([...MODES])("%s", (mode) => {
  test("heads and trailers", async () => {
    await using server = await startServer(mode, {
      limits: {
        headerBytes: 200,
        headerCount: 3,
        requestLineBytes: 40,
        trailerBytes: 20,
        chunkExtensionBytes: 10,
      },
    });
    const chunked = "POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    const cases: readonly [string | Buffer, number][] = [
      [requestBytes("/hello", { fields: ["A: 1", "B: 2"] }), 200],
      [requestBytes("/hello", { fields: ["A: 1", "B: 2", "C: 3"] }), 431],
      [requestBytes(`/hello?${"x".repeat(20)}`), 414],
      [requestBytes("/hello", { fields: [`A: ${"x".repeat(160)}`] }), 431],
      [`${chunked}1\r\na\r\n0\r\nA: ${"x".repeat(30)}\r\n\r\n`, 431],
      [`${chunked}1;${"x".repeat(40)}\r\na\r\n0\r\n\r\n`, 413],
      [`${chunked}1;x=y\r\na\r\n0\r\nA: x\r\n\r\n`, 200],
    ];
    for (const [bytes, status] of cases) {
      await using client = await RawClient.connect(server.port);
      await client.send(bytes);
      expect((await client.readResponse()).status).toBe(status);
    }
  });

  test("a head of 64 KiB with 4,000 fields, when it is allowed", async () => {
    await using server = await startServer(mode, { limits: { headerBytes: 65_536, headerCount: 4096 } });
    await using client = await RawClient.connect(server.port);
    const fields = Array.from({ length: 4000 }, (_, index) => `x${index}: ${index}`);
    await client.send(requestBytes("/echo", { method: "POST", fields, body: "b".repeat(32_000) }));
    const { headers, body } = JSON.parse((await client.readResponse()).text);
    expect([headers.x0, headers.x3999, body.length]).toEqual(["0", "3999", 32_000]);
  });

  test("a head, a body, and a client that does not read have their time, and are closed then", async () => {
    await using server = await startServer(mode, {
      idleTimeout: 0,
      limits: { headTimeout: 700, bodyTimeout: 700, writeTimeout: 700 },
    });
    const drip = async (bytes: string): Promise<void> => {
      await using client = await RawClient.connect(server.port, WAIT_MS);
      const sending = client.send(bytes, { splits: "bytes", delayMs: 20 });
      expect((await client.readUntilClose()).toString("latin1")).not.toContain("200 OK");
      await sending;
    };
    const read = async (): Promise<void> => {
      await using client = await RawClient.connect(server.port, WAIT_MS);
      client.pause();
      await client.send(requestBytes("/bytes/20000000"));
      await Bun.sleep(4000);
      client.resume();
      expect((await client.readUntilClose()).length).toBeLessThan(20_000_000);
      expect(client.ending).toBe("reset");
    };
    await Promise.all([
      drip(`GET /hello HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(100)}\r\n\r\n`),
      drip(`POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 200\r\n\r\n${"x".repeat(200)}`),
      drip(`POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${"1\r\nx\r\n".repeat(40)}`),
      read(),
    ]);
    expect((await server.stats())!.inFlight).toBe(0);
  });

  // Reason: the deadline of a head or a body went on while the handler of a connection's last request ran.
  test("the time for a head and a body is over when they are there, also those of a connection's last request", async () => {
    await using server = await startServer(mode, {
      idleTimeout: 60,
      limits: { headTimeout: 700, bodyTimeout: 700, requestsPerConnection: 2 },
    });
    const target = "/slow?ms=2500&id=a";
    const fields = ["Connection: close"];
    const ask = async (...requests: Buffer[]): Promise<void> => {
      await using client = await RawClient.connect(server.port, WAIT_MS);
      for (const request of requests) {
        // The head first, so that the time for the body begins.
        await client.send(request.subarray(0, 100));
        await Bun.sleep(50);
        await client.send(request.subarray(100));
        expect((await client.readResponse()).status).toBe(200);
      }
    };
    await Promise.all([
      ask(requestBytes(target, { fields })),
      ask(requestBytes(target, { method: "POST", fields, body: "b" })),
      ask(requestBytes(target, { method: "POST", fields, body: "b".repeat(300_000) })),
      ask(requestBytes("/hello"), requestBytes(target)),
    ]);
  });

  test("requests of one connection in flight", async () => {
    await using server = await startServer(mode, { limits: { pipelined: 3 } });
    await using client = await RawClient.connect(server.port);
    await client.send(requestBytes("/slow?ms=300&id=a").toString().repeat(10));
    let most = 0;
    for (let index = 0; index < 10; index++) {
      const response = client.readResponse();
      await Bun.sleep(20);
      most = Math.max(most, (await server.stats())!.inFlight);
      expect((await response).text).toBe("a");
    }
    expect(most).toBe(3);
  });

  test("connections past the limit are told so, politely, and there is room again when one closes", async () => {
    await using server = await startServer(mode, { limits: { connections: 2 } });
    const first = await RawClient.connect(server.port);
    const second = await RawClient.connect(server.port);
    for (const client of [first, second]) {
      await client.send(requestBytes("/hello"));
      expect((await client.readResponse()).text).toBe("hello");
    }
    await using third = await RawClient.connect(server.port);
    await third.send(requestBytes("/hello", { method: "POST", body: "x".repeat(1000) }));
    const refused = await third.readResponse();
    expect([refused.status, refused.headers["retry-after"], refused.headers.connection]).toEqual([
      503,
      "1",
      "close",
    ]);
    await third.readUntilClose();
    expect([third.ending, (await server.stats())!.connectionsRefused]).toEqual(["fin", 1]);
    first.close();
    await eventually(
      "room",
      () => exchange(server.port, "/hello"),
      ({ status }) => status === 200,
    );
    await second.send(requestBytes("/hello"));
    expect((await second.readResponse()).status).toBe(200);
    second.close();
  });

  test("connections of one address past the limit are told so", async () => {
    await using server = await startServer(mode, { limits: { connectionsPerAddress: 2 } });
    const clients = [await RawClient.connect(server.port), await RawClient.connect(server.port)];
    for (const client of clients) {
      await client.send(requestBytes("/hello"));
      expect((await client.readResponse()).status).toBe(200);
    }
    expect((await exchange(server.port, "/hello")).status).toBe(503);
    for (const client of clients) client.reset();
    await eventually(
      "room",
      () => exchange(server.port, "/hello"),
      ({ status }) => status === 200,
    );
  });

  test("connections past the limit may wait instead", async () => {
    await using server = await startServer(mode, { limits: { connections: 1, whenFull: "wait" } });
    const first = await RawClient.connect(server.port);
    await first.send(requestBytes("/hello"));
    expect((await first.readResponse()).text).toBe("hello");
    const waiting = await Promise.all([1, 2, 3].map(() => RawClient.connect(server.port)));
    for (const client of waiting)
      await client.send(requestBytes("/hello", { fields: ["Connection: close"] }));
    await Bun.sleep(100);
    expect(waiting.map((client) => client.unread.length)).toEqual([0, 0, 0]);
    first.close();
    for (const client of waiting) expect((await client.readResponse()).text).toBe("hello");
    expect((await server.stats())!.connectionsRefused).toBe(0);
    for (const client of waiting) client.close();
  });

  test("clients that send requests and read no answers are not read for ever", async () => {
    await using server = await startServer(mode, { idleTimeout: 0 });
    await using client = await RawClient.connect(server.port);
    client.pause();
    const requests = requestBytes("/bytes/20000").toString().repeat(2000);
    client.push(Buffer.from(requests));
    await Bun.sleep(500);
    const { requests: taken } = (await server.stats())!;
    expect(taken).toBeLessThan(1500);
    client.resume();
    for (let index = 0; index < 2000; index++) expect((await client.readResponse()).body.length).toBe(20_000);
  });

  test("clients that do not read hold up no other's long answers", async () => {
    await using server = await startServer(mode, {
      idleTimeout: 0,
      threads: { dispatchers: 1, min: 1, max: 1 },
    });
    const slow = await Promise.all(Array.from({ length: 24 }, () => RawClient.connect(server.port)));
    for (const client of slow) {
      client.pause();
      // More than the kernel takes.
      await client.send(requestBytes("/bytes/12000000"));
    }
    await Bun.sleep(300);
    for (let index = 0; index < 3; index++) {
      expect((await exchange(server.port, "/bytes/1000000")).body.length).toBe(1_000_000);
    }
    expect((await server.stats())!.inFlight).toBe(24);
    for (const client of slow) client.reset();
  });

  test("requests of one connection: the last answer says so, whoever makes it, and nothing after it runs", async () => {
    await using server = await startServer(mode, { limits: { requestsPerConnection: 3 } });
    const lasts = [
      requestBytes("/hello"),
      requestBytes("/bytes/100000"),
      requestBytes("/stream"),
      requestBytes("/throw"),
      requestBytes("/body", { method: "POST", body: "x".repeat(100_000) }),
      requestBytes("/hello", { method: "HEAD" }),
    ];
    for (const last of lasts) {
      await using client = await RawClient.connect(server.port);
      const method = last.toString("latin1", 0, 4) === "HEAD" ? "HEAD" : "GET";
      await client.send(Buffer.concat([requestBytes("/id?id=1"), requestBytes("/id?id=2"), last, last]));
      for (const id of ["1", "2"]) {
        const { text, headers } = await client.readResponse();
        expect([text, headers.connection]).toEqual([id, undefined as never]);
      }
      const response = await client.readResponse({ method });
      expect(response.headers.connection).toBe("close");
      expect((await client.readUntilClose()).length).toBe(0);
      expect(client.ending).toBe("fin");
    }
    expect((await server.stats())!.requests).toBe(3 * lasts.length);
  });

  test("clients of a proxy are counted by the address that it tells", async () => {
    await using server = await startServer(mode, {
      limits: { connectionsPerAddress: 2 },
      proxyProtocol: { from: ["127.0.0.1"] },
    });
    const open = async (address: string): Promise<[RawClient, number]> => {
      const client = await RawClient.connect(server.port);
      await client.send(`PROXY TCP4 ${address} 198.51.100.2 56324 443\r\n${requestBytes("/hello")}`);
      return [client, (await client.readResponse()).status];
    };
    const of = ["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2"];
    const opened: [RawClient, number][] = [];
    for (const address of of) opened.push(await open(address));
    expect(opened.map(([, status]) => status)).toEqual([200, 200, 503, 200, 200]);
    for (const [client] of opened) client.reset();
    await eventually(
      "room",
      () => open("192.0.2.1"),
      ([client, status]) => {
        client.reset();
        return status === 200;
      },
    );
  });
});

describe.skipIf(isBunTarget)("pool: bounds in bytes", () => {
  test("of what waits for a thread: what comes past it is answered with 503 at once, short requests wait", async () => {
    const BODY = "b".repeat(20_000);
    await using server = await startServer("pool", {
      threads: { dispatchers: 1, min: 1, max: 1, inline: false },
      limits: { backlogBytes: 100_000 },
    });
    await exchange(server.port, "/hello");
    const blocking = exchange(server.port, "/cpu?ms=1500");
    await eventually(
      "the thread to be busy",
      () => server.stats(),
      (stats) => stats!.inFlight === 1,
    );
    let isBlocked = true;
    const asked = Array.from({ length: 40 }, async () => {
      const { status, text, headers } = await exchange(server.port, "/body", { method: "POST", body: BODY });
      if (status === 200) expect(text).toBe(BODY);
      else expect([status, headers["retry-after"], isBlocked]).toEqual([503, "1", true]);
      return status;
    });
    await eventually(
      "all of them to wait or to be refused",
      () => server.stats(),
      (stats) => stats!.requests >= 42,
    );
    const short = exchange(server.port, "/hello");
    void blocking.then(() => {
      isBlocked = false;
    });
    expect((await blocking).status).toBe(200);
    const statuses = await Promise.all(asked);
    const refused = statuses.filter((status) => status === 503).length;
    // 100,000 bytes are four of these requests; a few more may wait in the thread's own queue.
    expect(refused).toBeLessThan(40);
    expect(refused).toBeGreaterThanOrEqual(32);
    expect((await short).text).toBe("hello");
  });

  test("a second: a body that comes slower, and a client that reads slower, are cut off", async () => {
    await using server = await startServer("pool", {
      idleTimeout: 0,
      limits: { minBodyRate: 1000, minWriteRate: 1000 },
    });
    const send = async (rate: number): Promise<string> => {
      await using client = await RawClient.connect(server.port, 30_000);
      const body = "b".repeat(rate * 12);
      await client.send(requestBytes("/body-length", { method: "POST", body }), {
        splits: { every: rate / 5 },
        delayMs: 200,
        untilAnswered: true,
      });
      return await client.readResponse().then(
        ({ status, text }) => `${status} ${text}`,
        (error: Error) => error.message.slice(0, 16),
      );
    };
    const read = async (): Promise<string> => {
      await using client = await RawClient.connect(server.port, 30_000);
      client.pause();
      await client.send(requestBytes("/bytes/50000000"));
      await Bun.sleep(12_000);
      client.resume();
      const { length } = await client.readUntilClose();
      return `${client.ending} ${length < 50_000_000}`;
    };
    const [slow, quick, reader] = await Promise.all([send(500), send(2000), read()]);
    expect([slow, quick, reader]).toEqual(["connection ended", "200 24000", "reset true"]);
    expect((await server.stats())!.inFlight).toBe(0);
  }, 40_000);
});
