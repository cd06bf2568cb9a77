/**
 * Promise 4: connections in masses: opened and closed at once, reset in the middle of a request, half closed, silent. And a
 * limit on connections that thousands run against: those past it are told so, and cost no more than that.
 */
import { eventually, socketCount } from "../../test/support/process-info.ts";
import type { RunningServer } from "../../test/support/servers.ts";
import type { Drill, DrillRun } from "../support/drill.ts";
import { sampleProcess, startForDrill } from "../support/drill-server.ts";
import { besideProbes, checkGone, connectMany, grownMiB, HostileClient } from "../support/hostile.ts";

const SECONDS = 3;
const AT_ONCE = 50;
const SILENT_MS = 100;
const LIMIT = 200;
const OVER_LIMIT = 1000;
const REQUEST = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
const LONG = "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nxxx";

type Attack = (client: HostileClient) => void;
const ATTACKS: readonly [name: string, attack: Attack][] = [
  ["open and close", (client) => client.end()],
  [
    "reset after a request",
    (client) => {
      client.send(REQUEST);
      client.reset();
    },
  ],
  [
    "reset in a body",
    (client) => {
      client.send(LONG);
      client.reset();
    },
  ],
  [
    "half closed in a head",
    (client) => {
      client.send("GET /hel");
      client.end();
    },
  ],
  ["silent", (client) => void setTimeout(() => client.reset(), SILENT_MS)],
];

/** Each storm in turn, then the limit. */
export const drill: Drill = {
  description:
    "storms of connections that are closed, reset, half closed and silent, and five times as many as allowed",
  promise: 4,
  boundSeconds: 45,
  isShort: true,
  runsOnBun: true,
  run: async (run) => {
    const threads = { dispatchers: 1, min: 2, max: 2 };
    const server = await startForDrill(run, { entry: "hostile-entry.ts", threads });
    const sockets = socketCount(server.pid);
    for (const [, attack] of ATTACKS) await storm(server.port, attack, 400);
    const before = sampleProcess(server.pid);
    for (const [name, attack] of ATTACKS) {
      let count = 0;
      await besideProbes(run, server.port, name, async () => {
        count = await storm(server.port, attack, (SECONDS * 1000) / ATTACKS.length);
      });
      run.figure(`${name}: connections/s`, count / (SECONDS / ATTACKS.length));
    }
    await checkGone(run, "all storms", server.pid, sockets);
    const grown = grownMiB(server.pid, before);
    run.check("all storms: MiB grown", grown, "at most 64", grown <= 64);
    const stats = await eventually(
      "requests to be over",
      () => server.stats(),
      (reading) => reading === null || reading.inFlight === 0,
    );
    if (stats !== null) run.check("all storms: in flight", stats.inFlight, "0", stats.inFlight === 0);
    if (run.target === "epollo") await limited(run, threads);
  },
};

async function storm(port: number, attack: Attack, milliseconds: number): Promise<number> {
  const end = performance.now() + milliseconds;
  let count = 0;
  while (performance.now() < end) {
    const clients = await Promise.all(Array.from({ length: AT_ONCE }, () => HostileClient.connect(port)));
    for (const client of clients) attack(client);
    count += clients.length;
  }
  return count;
}

/** Five times as many connections as are allowed, all with a request; those within go on undisturbed. */
async function limited(run: DrillRun, threads: object): Promise<void> {
  const server: RunningServer = await startForDrill(run, {
    entry: "hostile-entry.ts",
    idleTimeout: 0,
    threads,
    limits: { connections: LIMIT },
  });
  const sockets = socketCount(server.pid);
  for (const [, attack] of ATTACKS) await storm(server.port, attack, 100);
  // Those of the storm that are silent still take places of those that are to come.
  await Bun.sleep(3 * SILENT_MS);
  await eventually(
    "the storm to be over",
    () => server.stats(),
    (stats) => stats!.connections === 0,
  );
  const before = sampleProcess(server.pid);
  await besideProbes(run, server.port, "connection limit", async () => {
    const clients = await connectMany(run, server.port, OVER_LIMIT);
    for (const client of clients) client.send(REQUEST);
    await eventually(
      "all to be answered",
      () => clients.filter(({ status }) => status === 0).length,
      (count) => count === 0,
    );
    const served = clients.filter(({ status }) => status === 200).length;
    const refused = clients.filter(({ status }) => status === 503).length;
    // Eight connections are those of the probes.
    run.check("connection limit: served", served, `${LIMIT - 8}`, served === LIMIT - 8);
    run.check(
      "connection limit: told 503",
      refused,
      `${OVER_LIMIT - served}`,
      refused === OVER_LIMIT - served,
    );
    const grown = grownMiB(server.pid, before);
    run.check("connection limit: MiB grown", grown, "at most 64", grown <= 64);
    for (const client of clients) client.reset();
  });
  await checkGone(run, "connection limit", server.pid, sockets);
}
