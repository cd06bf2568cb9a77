/** Which connections go on and which are closed after an answer (BUN-SERVE.md section 6.6), and half-close. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { requestBytes } from "../support/exchange.ts";
import { RawClient } from "../support/raw-client.ts";
import { MODES, type RunningServer, startServer, stopAll } from "../support/servers.ts";
import { isBunTarget } from "../support/target.ts";

afterAll(stopAll);

describe.each(MODES)("%s", (mode) => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startServer(mode);
  });

  test("HTTP/1.1 goes on", async () => {
    await using client = await RawClient.connect(server.port);
    for (let index = 0; index < 50; index++) {
      await client.send(requestBytes(`/id?id=${index}`));
      expect((await client.readResponse()).text).toBe(String(index));
    }
    expect(client.ending).toBe("open");
  });

  const CLOSING: readonly [name: string, bytes: string][] = [
    ["Connection: close", "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"],
    ["close in a list", "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: foo, Close\r\n\r\n"],
    [
      "close in a second line",
      "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: foo\r\nConnection: close\r\n\r\n",
    ],
    ["HTTP/1.0", "GET /hello HTTP/1.0\r\n\r\n"],
    ["HTTP/1.0 with keep-alive", "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"],
  ];
  test.each(CLOSING)("%s: one answer, then FIN, and what follows is not served", async (_name, bytes) => {
    await using client = await RawClient.connect(server.port);
    await client.send(bytes + bytes);
    const responses = await client.readResponsesUntilClose();
    expect(responses.map(({ text }) => text)).toEqual(["hello"]);
  });

  test("Connection: close in the response closes after it", async () => {
    await using client = await RawClient.connect(server.port);
    await client.send(requestBytes("/close"));
    const responses = await client.readResponsesUntilClose();
    expect(responses.map(({ text, headers }) => [text, headers.connection])).toEqual([["bye", "close"]]);
    expect(client.ending).toBe("fin");
  });

  test("Connection: keep-alive changes nothing in HTTP/1.1", async () => {
    await using client = await RawClient.connect(server.port);
    for (let index = 0; index < 3; index++) {
      await client.send(requestBytes("/hello", { fields: ["Connection: keep-alive"] }));
      expect((await client.readResponse()).text).toBe("hello");
    }
  });

  describe.skipIf(isBunTarget)("half-close", () => {
    test("a request in flight is answered, then the connection is closed", async () => {
      await using client = await RawClient.connect(server.port);
      await client.send(requestBytes("/slow?ms=50&id=late"));
      client.halfClose();
      const responses = await client.readResponsesUntilClose();
      expect(responses.map(({ text }) => text)).toEqual(["late"]);
      expect(client.ending).toBe("fin");
    });

    test("all pipelined requests are answered", async () => {
      await using client = await RawClient.connect(server.port);
      await client.send(
        Buffer.concat([
          requestBytes("/slow?ms=30&id=1"),
          requestBytes("/id?id=2"),
          requestBytes("/slow?ms=10&id=3"),
        ]),
      );
      client.halfClose();
      expect((await client.readResponsesUntilClose()).map(({ text }) => text)).toEqual(["1", "2", "3"]);
    });

    test("a large answer arrives whole", async () => {
      await using client = await RawClient.connect(server.port);
      await client.send(requestBytes("/bytes/5000000"));
      client.halfClose();
      expect((await client.readResponsesUntilClose())[0]!.body.length).toBe(5_000_000);
    });
  });

  test("a half-close without a request gets FIN and no bytes", async () => {
    await using client = await RawClient.connect(server.port);
    client.halfClose();
    expect((await client.readUntilClose()).length).toBe(0);
  });

  test("a half-close within a head gets no handler call and an end", async () => {
    await using client = await RawClient.connect(server.port);
    await client.send("GET /hello HTT");
    client.halfClose();
    expect((await client.readUntilClose()).toString("latin1")).not.toContain("200 OK");
  });
});
