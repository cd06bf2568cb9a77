/**
 * Promise 5: a process that is out of descriptors (EMFILE, by prlimit(1)) turns clients away, does not spin over those that it
 * cannot accept, says so at most once a second, and serves as before once there are descriptors again.
 */
import { exchange, requestBytes } from "../../test/support/exchange.ts";
import { eventually, fdCount } from "../../test/support/process-info.ts";
import { RawClient } from "../../test/support/raw-client.ts";
import type { Drill, DrillRun } from "../support/drill.ts";
import { coresBusy, sampleProcess, startForDrill } from "../support/drill-server.ts";

const LIMIT = 128;
const CLIENTS = 200;
/** Clients that were there before. */
const EARLY = 8;
const WATCH_MS = 3000;

/** Holds more clients than there are descriptors for a while, then lets them go. */
export const drill: Drill = {
  description: `${CLIENTS} clients of a server with ${LIMIT} descriptors: no spin, bounded log, threads start, then as before`,
  promise: 5,
  boundSeconds: 25,
  isShort: true,
  runsOnBun: true,
  run: async (run) => {
    // The hard limit too: Bun raises the soft one to it.
    const prefix = ["prlimit", `--nofile=${LIMIT}:${LIMIT}`];
    const threads = { min: 1, max: 4, retireAfter: 60_000 };
    const server = await startForDrill(run, { idleTimeout: 0, threads, prefix });
    await exchange(server.port, "/hello");
    const before = sampleProcess(server.pid);
    const clients: RawClient[] = [];
    run.atEnd(() => {
      for (const client of clients) client.reset();
    });
    const early: RawClient[] = [];
    for (let index = 0; index < EARLY; index++) {
      const client = await RawClient.connect(server.port, 15_000);
      early.push(client);
      clients.push(client);
      await client.send(requestBytes("/hello"));
      await client.readResponse();
    }
    for (let index = 0; index < CLIENTS; index++) {
      const client = await RawClient.connect(server.port);
      clients.push(client);
      // The listener wakes for bytes only (TCP_DEFER_ACCEPT).
      await client.send("GET /hello HTTP/1.1\r\n");
    }
    await Bun.sleep(500);
    const held = fdCount(server.pid);
    run.figure("descriptors in use", held);
    const busy = await coresBusy(server.pid, WATCH_MS);
    run.check("cores busy while it is full", busy, "at most 0.1", busy <= 0.1);
    const flooded = clients.slice(EARLY);
    const told = flooded.filter(({ unread }) => unread.toString().startsWith("HTTP/1.1 503")).length;
    const gone = flooded.filter(({ ending }) => ending !== "open").length;
    run.figure("clients told so (503)", told);
    run.figure("clients closed without a word", gone - told);
    run.figure("clients left waiting", Math.max(0, flooded.length - gone - (held - before.fds - EARLY)));
    const right = await askForThreads(early);
    run.check("early clients answered meanwhile", right, String(EARLY), right === EARLY);
    const spawned = (await server.stats())?.threads.spawned;
    if (spawned !== undefined) run.check("threads started in all", spawned, "2 or more", spawned >= 2);
    const lines = server.errorOutput().split("\n").filter(Boolean).length;
    const most = Math.ceil((WATCH_MS + 1500) / 1000) + 3;
    run.check("lines logged", lines, `at most ${most}`, lines <= most);
    const idleFds = before.fds + fdsOfThreads(before.ownThreads, sampleProcess(server.pid).ownThreads);
    for (const client of clients) client.reset();
    await checkAfterwards(run, server.port, server.pid, idleFds);
  },
};

/** Has each client ask for 60 ms of work at once, which makes the pool grow; gives how many were answered. */
async function askForThreads(clients: readonly RawClient[]): Promise<number> {
  const statuses = await Promise.all(
    clients.map(async (client) => {
      await client.send(requestBytes("/cpu?ms=60"));
      return client.readResponse().then(
        ({ status }) => status,
        () => 0,
      );
    }),
  );
  return statuses.filter((status) => status === 200).length;
}

/** Descriptors that threads have which were started meanwhile: an event loop has a few of its own. */
function fdsOfThreads(before: number, now: number): number {
  return Math.max(0, now - before) * 4;
}

async function checkAfterwards(run: DrillRun, port: number, pid: number, fdsBefore: number): Promise<void> {
  const start = performance.now();
  const { status } = await eventually(
    "an answer once there are descriptors",
    () => exchange(port, "/hello").catch(() => ({ status: 0 })),
    (answer) => answer.status === 200,
  );
  run.check("status afterwards", status, "200", status === 200);
  run.figure("ms until it answers again", performance.now() - start);
  const fds = await eventually(
    "descriptors to be closed",
    () => fdCount(pid),
    (count) => count <= fdsBefore,
  ).catch(() => fdCount(pid));
  run.check("descriptors left over", fds - fdsBefore, "0", fds <= fdsBefore);
}
