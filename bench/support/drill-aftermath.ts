/** Whether a server that was mistreated is as it was before: what it holds, and that it answers. For the long drills. */
import { eventually } from "../../test/support/process-info.ts";
import { RawClient } from "../../test/support/raw-client.ts";
import type { RunningServer } from "../../test/support/servers.ts";
import type { DrillRun } from "./drill.ts";
import { type ProcessSample, settledSample } from "./drill-server.ts";

const MIB = 1_048_576;
/** How long memory may take to go back: heaps are collected when something is asked of them. */
const COOL_SECONDS = 45;
/** What the heaps of the threads may have grown by in MiB: they are collected when they please. */
const MOST_GROWTH_MIB = 32;

/** What a server holds once it has no client and its memory is still. */
export async function quietSample(server: RunningServer): Promise<ProcessSample> {
  await eventually(
    "no client to be left",
    async () => (await server.stats())?.connections ?? 0,
    (count) => count === 0,
    30_000,
  ).catch(() => {});
  return settledSample(server.pid);
}

/** Waits, under a little traffic, until memory is below a limit. */
async function cooled(server: RunningServer, mostBytes: number): Promise<ProcessSample> {
  const end = performance.now() + COOL_SECONDS * 1000;
  for (;;) {
    const sample = await quietSample(server);
    if (sample.residentBytes <= mostBytes || performance.now() > end) return sample;
    for (let round = 0; round < 20; round++) await answersNow(server.port);
  }
}

/** Asks 100 questions on one connection; gives how many were answered right. */
export async function answersNow(port: number): Promise<number> {
  await using client = await RawClient.connect(port);
  let right = 0;
  for (let index = 0; index < 100; index++) {
    await client.send(`GET /id?id=after-${index} HTTP/1.1\r\nHost: a\r\n\r\n`);
    if ((await client.readResponse()).text === `after-${index}`) right++;
  }
  return right;
}

/** Checks that a server holds no more than before, once it is quiet. */
export async function checkAsBefore(
  run: DrillRun,
  server: RunningServer,
  before: ProcessSample,
  mostGrowthMib: number = MOST_GROWTH_MIB,
): Promise<void> {
  const after = await cooled(server, before.residentBytes + mostGrowthMib * MIB);
  checkFlat(run, before, after, mostGrowthMib);
  await checkEmpty(run, server);
}

/** Lines that the server itself, not the app, has written to standard error. */
export function complaintsOf(server: RunningServer): string[] {
  return server
    .errorOutput()
    .split("\n")
    .filter((line) => line.startsWith("epollo:"));
}

function checkFlat(run: DrillRun, before: ProcessSample, after: ProcessSample, mostGrowthMib: number): void {
  const fds = after.fds - before.fds;
  run.check("descriptors more than before", fds, "0 or fewer", fds <= 0);
  const threads = after.ownThreads - before.ownThreads;
  run.check("threads of epollo more than before", threads, "0 or fewer", threads <= 0);
  run.figure("threads of Bun more than before", after.threads - before.threads - threads);
  run.figure("RSS before", before.residentBytes / MIB, "MiB");
  const grown = (after.residentBytes - before.residentBytes) / MIB;
  run.check("RSS grown by MiB", grown, `at most ${mostGrowthMib}`, grown <= mostGrowthMib);
}

async function checkEmpty(run: DrillRun, server: RunningServer): Promise<void> {
  const stats = await server.stats();
  if (stats === null) return;
  for (const name of ["connections", "inFlight", "backlog", "blocks"] as const)
    run.check(`${name} left`, stats[name], "0", stats[name] === 0);
}
