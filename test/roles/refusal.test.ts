import { expect, test } from "bun:test";
import { Refusal } from "../../src/roles/refusal.ts";
import { SocketPair } from "../net/raw-client.ts";
import { Peer } from "./peer.ts";

test("a connection is answered with 503 and closed in order, although it has sent a request", async () => {
  const refusal = new Refusal();
  for (const length of [0, 100, 100_000]) {
    const sockets = await SocketPair.open();
    const peer = new Peer(sockets.client);
    if (length > 0)
      peer.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n${"x".repeat(length)}`);
    await Bun.sleep(10);
    refusal.refuse(sockets.server);
    await Bun.sleep(10);
    expect([peer.received, peer.state]).toEqual([
      "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n\r\n",
      "end",
    ]);
    peer.close();
  }
});
