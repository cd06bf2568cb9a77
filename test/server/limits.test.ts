/**
 * `limits` over real sockets: each bound that a program sets holds, with the status it is to have. The defaults, which
 * are Bun's, are in test/conformance/limits.test.ts and timeouts.test.ts.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { requestBytes } from "../support/exchange.ts";
import { RawClient } from "../support/raw-client.ts";
import { MODES, startServer, stopAll } from "../support/servers.ts";
import { isBunTarget } from "../support/target.ts";

afterAll(stopAll);

const WAIT_MS = 4000;

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
      await client.send(requestBytes("/bytes/50000000"));
      await Bun.sleep(2000);
      client.resume();
      expect((await client.readUntilClose()).length).toBeLessThan(50_000_000);
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
});
