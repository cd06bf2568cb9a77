/** `proxyProtocol` over real sockets: whose address `requestIP` gives, and what becomes of those who do not say. */
import { afterAll, describe, expect, test } from "bun:test";
import { requestBytes } from "../support/exchange.ts";
import { RawClient } from "../support/raw-client.ts";
import { MODES, startServer, stopAll } from "../support/servers.ts";
import { isBunTarget } from "../support/target.ts";

afterAll(stopAll);

const HEADER = Buffer.from("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n");
const CLIENT = { address: "192.0.2.1", family: "IPv4", port: 56324 };
const BINARY = Buffer.concat([
  Buffer.from("\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24", "latin1"),
  Buffer.from(`20010db8${"0".repeat(23)}1`.repeat(2) + "00500051", "hex"),
]);
const TRUSTED = { proxyProtocol: { from: ["127.0.0.1"] } };

describe.skipIf(isBunTarget).each(MODES)("%s", (mode) => {
  test("requestIP is the client's, for all requests of the connection", async () => {
    await using server = await startServer(mode, TRUSTED);
    for (const [header, client] of [
      [HEADER, CLIENT],
      [BINARY, { address: "2001:db8::1", family: "IPv6", port: 80 }],
    ] as const) {
      await using proxy = await RawClient.connect(server.port);
      await proxy.send(Buffer.concat([header, requestBytes("/ip"), requestBytes("/ip")]));
      expect(
        [(await proxy.readResponse()).text, (await proxy.readResponse()).text].map((text) =>
          JSON.parse(text),
        ),
      ).toEqual([client, client]);
      await proxy.send(requestBytes("/ip"));
      expect(JSON.parse((await proxy.readResponse()).text)).toEqual(client);
    }
  });

  test("in pieces of any size", async () => {
    await using server = await startServer(mode, TRUSTED);
    const bytes = Buffer.concat([BINARY, requestBytes("/ip")]);
    for (const size of [1, 7, BINARY.length - 1, BINARY.length, BINARY.length + 1]) {
      await using proxy = await RawClient.connect(server.port);
      for (let at = 0; at < bytes.length; at += size) {
        await proxy.send(bytes.subarray(at, at + size));
        if (size > 1 || at % 10 === 0) await Bun.sleep(1);
      }
      expect(JSON.parse((await proxy.readResponse()).text).address).toBe("2001:db8::1");
    }
  });

  test("a trusted peer that does not say who it is for gets no answer", async () => {
    await using server = await startServer(mode, TRUSTED);
    for (const bytes of [
      requestBytes("/ip"),
      Buffer.from("PROXY TCP4 1.2.3.4\r\n"),
      Buffer.from("\r\n\r\nx"),
    ]) {
      await using proxy = await RawClient.connect(server.port);
      await proxy.send(bytes);
      expect((await proxy.readUntilClose()).length).toBe(0);
    }
  });

  test("its header has a time of its own, however it dribbles in", async () => {
    await using server = await startServer(mode, { ...TRUSTED, limits: { headTimeout: 400 } });
    for (const interval of [1000, 60]) {
      await using proxy = await RawClient.connect(server.port);
      let isClosed = false;
      const closed = proxy.readUntilClose().then((rest) => {
        isClosed = true;
        return rest.length;
      });
      for (let at = 0; at < HEADER.length && !isClosed; at++) {
        await proxy.send(HEADER.subarray(at, at + 1)).catch(() => {});
        await Promise.race([closed, Bun.sleep(interval)]);
      }
      expect([isClosed, await closed]).toEqual([true, 0]);
    }
  });

  test("other peers speak HTTP, and their headers are malformed requests", async () => {
    await using server = await startServer(mode, { proxyProtocol: { from: ["192.0.2.0/24", "unix"] } });
    await using client = await RawClient.connect(server.port);
    await client.send(requestBytes("/ip"));
    expect(JSON.parse((await client.readResponse()).text).address).toBe("127.0.0.1");
    await using liar = await RawClient.connect(server.port);
    await liar.send(Buffer.concat([HEADER, requestBytes("/ip")]));
    expect((await liar.readResponsesUntilClose()).map(({ status }) => status)).toEqual([400]);
  });

  test("a stopping server closes a proxy's connection on which nothing has come", async () => {
    await using server = await startServer(mode, TRUSTED);
    await using used = await RawClient.connect(server.port);
    await used.send(HEADER);
    await Bun.sleep(20);
    await server.stop();
    expect((await used.readUntilClose()).length).toBe(0);
  });
});

test.skipIf(isBunTarget)("peers of a unix socket", async () => {
  const unix = `\0epollo-proxy-${process.pid}`;
  await using server = await startServer("main", { unix, proxyProtocol: { from: ["unix"] } });
  expect(server.url).toContain("abstract://");
  const received = Promise.withResolvers<string>();
  const socket = await Bun.connect({
    unix,
    socket: {
      data: (_, data) => received.resolve(data.toString()),
      error: (_, error) => received.reject(error),
    },
  });
  socket.write(Buffer.concat([HEADER, requestBytes("/ip")]));
  expect(await received.promise).toContain(JSON.stringify(CLIENT));
  socket.end();
});
