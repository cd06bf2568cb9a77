/**
 * Promise 4: thousands of connections that send a byte a second, a half of them in a head, the others in bodies, short ones and
 * such as a handler reads while they come. Two handler threads serve everybody else meanwhile; deadlines end them all.
 */
import { eventually, socketCount } from "../../test/support/process-info.ts";
import type { Drill } from "../support/drill.ts";
import { sampleProcess, startForDrill } from "../support/drill-server.ts";
import { besideProbes, checkGone, connectMany, grownMiB, type HostileClient } from "../support/hostile.ts";

const CONNECTIONS = 10_000;
/** Deadlines of 10 s and looks at a rate every 10 s: the first look at a body may come just after it began. */
const MOST_MS = 25_000;
const HEAD = "GET /hello HTTP/1.1\r\nHost: a\r\nX: ";
const SHORT = "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n";
const LONG = "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";

/** Drips until all have been closed. */
export const drill: Drill = {
  description: `${CONNECTIONS} connections of a byte a second in heads and bodies: others are served, memory is bounded, all are cut`,
  promise: 4,
  boundSeconds: 50,
  isShort: true,
  runsOnBun: true,
  run: async (run) => {
    const count = run.option("connections", CONNECTIONS);
    const server = await startForDrill(run, {
      entry: "hostile-entry.ts",
      threads: { dispatchers: 1, min: 2, max: 2 },
    });
    const before = sampleProcess(server.pid);
    const sockets = socketCount(server.pid);
    let clients: HostileClient[] = [];
    await besideProbes(run, server.port, "slowloris", async () => {
      const start = performance.now();
      clients = await connectMany(run, server.port, count);
      for (const [index, client] of clients.entries()) client.send([HEAD, SHORT, HEAD, LONG][index & 3]!);
      run.figure("s to connect all", (performance.now() - start) / 1000);
      const isLeft = (client: HostileClient): boolean => !client.isOver;
      let mostMiB = 0;
      const end = performance.now() + MOST_MS;
      while (performance.now() < end && clients.some(isLeft)) {
        for (const client of clients) client.send("x");
        await Bun.sleep(1000);
        mostMiB = Math.max(mostMiB, grownMiB(server.pid, before));
      }
      run.figure("s until the last was cut", (performance.now() - start) / 1000);
      const left = clients.filter(isLeft).length;
      run.check("connections left", left, "0", left === 0);
      const kib = (mostMiB * 1024) / count;
      run.check("KiB for each connection", kib, "at most 24", kib <= 24);
    });
    await checkGone(run, "slowloris", server.pid, sockets);
    const stats = await eventually(
      "requests to be over",
      () => server.stats(),
      (reading) => reading === null || reading.inFlight === 0,
    );
    if (stats !== null) run.check("requests in flight afterwards", stats.inFlight, "0", stats.inFlight === 0);
  },
};
