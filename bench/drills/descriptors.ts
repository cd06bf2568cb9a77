/**
 * Promise 5: a process that is out of descriptors (EMFILE, by prlimit(1)) turns clients away, does not spin over those that it
 * cannot accept, says so at most once a second, and serves as before once there are descriptors again.
 */
import { exchange } from "../../test/support/exchange.ts";
import { eventually, fdCount } from "../../test/support/process-info.ts";
import { RawClient } from "../../test/support/raw-client.ts";
import type { Drill, DrillRun } from "../support/drill.ts";
import { coresBusy, sampleProcess, startForDrill } from "../support/drill-server.ts";

const LIMIT = 96;
const CLIENTS = 200;
const WATCH_MS = 3000;

/** Holds more clients than there are descriptors for a while, then lets them go. */
export const drill: Drill = {
  description: `${CLIENTS} clients of a server with ${LIMIT} descriptors: no spin, bounded log, then as before`,
  promise: 5,
  boundSeconds: 25,
  isShort: true,
  runsOnBun: true,
  run: async (run) => {
    const server = await startForDrill(run, { idleTimeout: 0 });
    await exchange(server.port, "/hello");
    const before = sampleProcess(server.pid);
    limitDescriptors(server.pid, before.fds + LIMIT);
    const clients: RawClient[] = [];
    run.atEnd(() => {
      for (const client of clients) client.reset();
    });
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
    const lines = server.errorOutput().split("\n").filter(Boolean).length;
    const most = Math.ceil((WATCH_MS + 500) / 1000) + 3;
    run.check("lines logged", lines, `at most ${most}`, lines <= most);
    const refused = clients.filter(({ ending }) => ending !== "open").length;
    run.figure("clients turned away", refused);
    run.figure("clients left waiting", CLIENTS - refused - (held - before.fds));
    for (const client of clients) client.reset();
    await checkAfterwards(run, server.port, server.pid, before.fds);
  },
};

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

function limitDescriptors(pid: number, count: number): void {
  const { exitCode, stderr } = Bun.spawnSync(["prlimit", `--pid=${pid}`, `--nofile=${count}:`]);
  if (exitCode !== 0) throw new Error(`prlimit: ${stderr}`);
}
