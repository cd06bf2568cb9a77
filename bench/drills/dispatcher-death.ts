/**
 * Promise 2: a dispatcher that hangs in a handler under load, and dispatchers that are ended one after the other: their clients are reset,
 * the listener goes on, nobody gets a wrong answer, counts are right afterwards and memory is flat.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exchange } from "../../test/support/exchange.ts";
import { eventually } from "../../test/support/process-info.ts";
import { RawClient } from "../../test/support/raw-client.ts";
import type { RunningServer } from "../../test/support/servers.ts";
import type { Drill, DrillRun } from "../support/drill.ts";
import { checkAsBefore } from "../support/drill-aftermath.ts";
import { settledSample, startForDrill } from "../support/drill-server.ts";
import { runSteadyClient, type SteadyCounts, steadyCounts } from "../support/steady-client.ts";

const CLIENTS = 16;
const KILLS = 4;
/** Longer than a second: one that ends sooner after its start, three times in a row, is given up. */
const KILL_EVERY_MS = 1300;
const LIMIT_MS = 400;
const CONNECTIONS = 200;
const MOST_GROWTH_MIB = 26;
const BROKEN = ["ECONNRESET", "closed before the answer", "EPIPE"];

async function untilInline(server: RunningServer): Promise<void> {
  await eventually(
    "requests to run on dispatchers",
    async () => {
      for (let round = 0; round < 50; round++) await exchange(server.port, "/");
      return (await server.stats())!.requestsInline;
    },
    (count) => count > 100,
    15_000,
  );
}

/** Clients that ask all the time, half of them with connections that live long; ends them and gives what they saw. */
function startLoad(port: number): () => Promise<SteadyCounts> {
  const counts = steadyCounts();
  let isOver = false;
  const clients = Array.from({ length: CLIENTS }, (_, index) => {
    const requestsPerConnection = index % 2 === 0 ? 1_000_000 : 20;
    const options = { port, target: "/", body: "fine", requestsPerConnection, pauseMs: index % 4 };
    return runSteadyClient(options, counts, () => isOver);
  });
  return async () => {
    isOver = true;
    await Promise.all(clients);
    return counts;
  };
}

function checkClients(run: DrillRun, what: string, counts: SteadyCounts, deaths: number): void {
  let broken = 0;
  let wrong = 0;
  for (const [text, count] of counts.errors) {
    if (BROKEN.includes(text)) broken += count;
    else wrong += count;
  }
  run.figure(`${what}: right answers`, counts.answers);
  const texts = [...counts.errors.keys()].join(", ");
  run.check(`${what}: wrong answers, refused connections`, wrong === 0 ? 0 : texts, "0", wrong === 0);
  const most = deaths * CLIENTS;
  run.check(`${what}: requests lost`, broken, `at most ${most}, the clients of each`, broken <= most);
  run.check(`${what}: slowest request, ms`, counts.slowestMs, "at most 2000", counts.slowestMs <= 2000);
}

/** As many connections as the limit allows come in: those of the dead are counted no more. */
async function admitted(port: number): Promise<number> {
  const clients: RawClient[] = [];
  let count = 0;
  for (let index = 0; index < CONNECTIONS + 20; index++) {
    const client = await RawClient.connect(port, 10_000);
    clients.push(client);
    await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    if ((await client.readResponse().catch(() => null))?.status === 200) count++;
  }
  for (const client of clients) client.close();
  return count;
}

/** One that hangs, then some that are ended. */
export const drill: Drill = {
  description: `a dispatcher hangs in a handler, then ${KILLS} are ended under load: resets for their clients, and it goes on as before`,
  promise: 2,
  boundSeconds: 60,
  isShort: true,
  runsOnBun: false,
  run: async (run) => {
    const folder = mkdtempSync(join(tmpdir(), "epollo-drill-"));
    run.atEnd(() => rmSync(folder, { recursive: true, force: true }));
    const flag = join(folder, "flag");
    const server = await startForDrill(run, {
      entry: "dispatcher-entry.ts",
      environment: { KILLS: String(KILLS), KILL_EVERY_MS: String(KILL_EVERY_MS), KILL_FLAG: flag },
      threads: { dispatchers: 2, min: 2, max: 4, retireAfter: 500, inline: true, handlerTimeout: LIMIT_MS },
      limits: { connections: CONNECTIONS },
    });
    const { port } = server;
    await untilInline(server);
    const warmUp = startLoad(port);
    await Bun.sleep(1500);
    await warmUp();
    const before = await settledSample(server.pid);
    const restarts = (): number => server.errorOutput().split("and it is started again").length - 1;

    const whileHanging = startLoad(port);
    await Bun.sleep(300);
    let hanging: Awaited<ReturnType<typeof exchange>> | null = null;
    // One that comes to run on a handler thread hangs that one.
    for (let round = 0; round < 10 && restarts() === 0; round++) {
      hanging = await exchange(port, "/", { fields: ["X-Do: hang"] }).catch(() => null);
      await Bun.sleep(100);
    }
    run.check("one hangs: dispatchers started again", restarts(), "1", restarts() === 1);
    await Bun.sleep(500);
    checkClients(run, "one hangs", await whileHanging(), 1);
    const status = hanging?.status ?? "none";
    run.check("one hangs: status of that request", status, "503", status === 503);

    const whileEnding = startLoad(port);
    writeFileSync(flag, "");
    const ended = KILLS + 1;
    await eventually("the others to be started again", restarts, (count) => count === ended, 20_000).catch(
      (error: Error) => {
        throw new Error(`${error.message}\n${server.errorOutput()}`);
      },
    );
    await Bun.sleep(500);
    checkClients(run, `${KILLS} ended`, await whileEnding(), KILLS);
    run.figure("dispatchers started again", restarts());

    await eventually(
      "clients to be gone",
      async () => (await server.stats())!.connections,
      (count) => count === 0,
      10_000,
    );
    const count = await admitted(port);
    // One that is ended from outside may have been about to note a connection that was counted.
    run.check(
      `connections admitted of ${CONNECTIONS}`,
      count,
      `at least ${CONNECTIONS - KILLS}`,
      count >= CONNECTIONS - KILLS && count <= CONNECTIONS,
    );
    const allowed = { ...before, fds: before.fds + KILLS };
    await checkAsBefore(run, server, allowed, MOST_GROWTH_MIB);
  },
};
