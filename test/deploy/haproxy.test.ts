/** deploy/haproxy/haproxy.cfg with the real HAProxy, where it is installed: health, PROXY protocol, a drain under load. */
import { afterAll, expect, test } from "bun:test";
import { connect } from "node:net";
import { stopAll } from "../support/servers.ts";
import { isBunTarget } from "../support/target.ts";
import { BehindProxy } from "./behind-proxy.ts";

afterAll(stopAll);

const haproxy = Bun.which("haproxy", { PATH: `${process.env.PATH}:/usr/sbin` });

/** Asks for /ip from an address of the loopback network; gives the body. */
async function askFrom(localAddress: string, port: number): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", localAddress });
  socket.write("GET /ip HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  let text = "";
  for await (const bytes of socket) text += bytes;
  return text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1);
}

test.skipIf(isBunTarget || haproxy === null)(
  "behind HAProxy (skipped without it): the client's address, and no error while both processes are replaced",
  async () => {
    await using behind = new BehindProxy({
      health: { live: "/healthz", ready: "/readyz", delay: 2000 },
      threads: { gracefulSignals: true },
      proxyProtocol: { from: ["127.0.0.1"] },
    });
    await behind.start("deploy/haproxy/haproxy.cfg", (path) => [haproxy!, "-f", path, "-db", "-q"]);
    expect(JSON.parse(await askFrom("127.0.0.5", behind.port))).toMatchObject({
      address: "127.0.0.5",
      family: "IPv4",
    });
    const counts = await behind.replaceUnderLoad();
    expect([...counts.errors]).toEqual([]);
    expect(counts.answers).toBeGreaterThan(100);
  },
  60_000,
);
