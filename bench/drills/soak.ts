/**
 * Soak: full load for minutes while handler threads are killed, retired, spawned and replaced, beside clients that read and send
 * slowly. Every answer is checked. A request on a thread that is killed gets 500 or 503; nothing else may be lost.
 *
 *   --seconds N   of load, default 600
 *   --seed N      repeats what is sent
 */
import { exchange, requestBytes } from "../../test/support/exchange.ts";
import { randomFrom } from "../../test/support/random.ts";
import { RawClient } from "../../test/support/raw-client.ts";
import type { RunningServer } from "../../test/support/servers.ts";
import { runSoakClient } from "../../test/support/soak-client.ts";
import type { Drill, DrillRun } from "../support/drill.ts";
import { answersNow, checkAsBefore, complaintsOf, quietSample } from "../support/drill-aftermath.ts";
import { startForDrill } from "../support/drill-server.ts";
import { growth, sampleWhile, trace } from "../support/drill-trend.ts";

const CLIENTS = 24;
const SLOW_READERS = 6;
const SLOW_SENDERS = 6;
const WARM_SECONDS = 15;
const HANDLER_TIMEOUT_MS = 1000;
const MIB = 1_048_576;
/** What memory may grow by in the second half of the load. */
const MOST_GROWTH_MIB = 32;
/** What it is to say: that a thread was replaced, and which requests. */
const EXPECTED = /^epollo: handler thread \d+ /;
/** Requests that one kill may cost: those that are open on its thread. */
const LOST_PER_KILL = 4;

/** Loads a server for minutes while its threads come and go. */
export const drill: Drill = {
  description:
    "full load with kills, spawns, reloads and slow clients: no wrong answer, memory does not grow",
  promise: 0,
  boundSeconds: 800,
  isShort: false,
  runsOnBun: false,
  run: async (run) => {
    const seconds = run.option("seconds", 600);
    const seed = run.option("seed", 1 + (Date.now() % 1_000_000));
    run.figure("seed", seed);
    const server = await startForDrill(run, {
      idleTimeout: 0,
      threads: { min: 1, max: 6, retireAfter: 500, handlerTimeout: HANDLER_TIMEOUT_MS },
    });
    // Once everything, so that what is made once is there.
    await soak(server, seed, WARM_SECONDS);
    const before = await quietSample(server);
    const spawnedBefore = (await server.stats())!.threads.spawned;
    const trend = sampleWhile(server.pid);
    const counts = await soak(server, seed + 1, seconds);
    const samples = trend.end();
    const { threads } = (await server.stats())!;
    run.figure("seconds", seconds);
    run.figure("answers", counts.answers);
    run.figure("of slow clients", counts.slowAnswers);
    run.figure("handlers that were cut off", counts.kills);
    run.figure("handlers that ended their thread", counts.exits);
    run.figure("reloads", counts.reloads);
    run.figure("threads started meanwhile", threads.spawned - spawnedBefore);
    const most = LOST_PER_KILL * (counts.kills + counts.exits);
    run.check("answers lost to kills", counts.lost, `at most ${most}`, counts.lost <= most);
    check(run, "wrong or missing answers", counts.failures.length);
    for (const failure of counts.failures.slice(0, 5)) console.error(failure.message);
    run.check("cut off with another status than 503", counts.notCut, "0", counts.notCut === 0);
    check(run, "wrong answers right afterwards", 100 - (await answersNow(server.port)));
    const slope = growth(samples) / MIB;
    const grown = (slope * seconds) / 120;
    run.figure("RSS meanwhile", trace(samples), "MiB");
    run.figure("RSS slope over the second half", slope, "MiB/min");
    run.check("RSS grown by that in MiB", grown, `at most ${MOST_GROWTH_MIB}`, grown <= MOST_GROWTH_MIB);
    // What ended threads leave to the allocator varies; the slope above says that it does not add up.
    await checkAsBefore(run, server, before, 64);
    const complaints = complaintsOf(server);
    run.figure("lines that the server wrote", complaints.length);
    const unexpected = complaints.filter((line) => !EXPECTED.test(line)).length;
    check(run, "of those not about a thread that was cut off or ended", unexpected);
    for (const line of new Set(complaints.map((text) => text.replace(/\d+/g, "N")))) console.log(line);
  },
};

function check(run: DrillRun, name: string, value: number): void {
  run.check(name, value, "0", value === 0);
}

interface SoakCounts {
  answers: number;
  slowAnswers: number;
  lost: number;
  kills: number;
  notCut: number;
  exits: number;
  reloads: number;
  readonly failures: Error[];
}

async function soak(server: RunningServer, seed: number, seconds: number): Promise<SoakCounts> {
  const { port } = server;
  const start = performance.now();
  const passed = (): number => (performance.now() - start) / 1000;
  const counts: SoakCounts = {
    answers: 0,
    slowAnswers: 0,
    lost: 0,
    kills: 0,
    notCut: 0,
    exits: 0,
    reloads: 0,
    failures: [],
  };
  const isOver = (): boolean => passed() >= seconds || counts.failures.length > 0;
  const onLost = (): void => {
    counts.lost++;
  };
  const repeat = async (work: (round: number) => Promise<void>): Promise<void> => {
    for (let round = 0; !isOver(); round++)
      await work(round).catch((error: Error) => counts.failures.push(error));
  };
  const every = async (everySeconds: number, work: () => Promise<void>): Promise<void> => {
    for (let next = everySeconds; next < seconds && !isOver(); next += everySeconds) {
      while (passed() < next && !isOver()) await Bun.sleep(50);
      if (!isOver()) await work().catch((error: Error) => counts.failures.push(error));
    }
  };
  const good = (index: number) =>
    repeat(async (round) => {
      // Not in one expression: what others add meanwhile would be forgotten.
      const answers = await runSoakClient(port, {
        name: `${index}-${round}`,
        random: randomFrom(seed * 1000 + index * 100 + round),
        requests: 500,
        mostPipelined: 8,
        isOver,
        onLost,
      });
      counts.answers += answers;
    });
  const slow = (work: (port: number) => Promise<number>) =>
    repeat(async () => {
      if ((await work(port)) === 200) counts.slowAnswers++;
      else onLost();
    });
  const cutOff = async (): Promise<void> => {
    counts.kills++;
    const { status } = await exchangeSlowly(port, "/cpu?ms=6000000");
    // Another one on its thread may have been cut off before it.
    if (status !== 503) counts.notCut++;
  };
  const exit = async (): Promise<void> => {
    counts.exits++;
    await exchange(port, "/exit");
  };
  const burst = async (): Promise<void> => {
    const asked = Array.from({ length: 24 }, () => exchangeSlowly(port, "/cpu?ms=15"));
    for (const { status } of await Promise.all(asked)) if (status !== 200) onLost();
  };
  const reload = async (): Promise<void> => {
    // After a reload nothing runs inline any more: the first half is without.
    if (passed() < seconds / 2) return;
    counts.reloads++;
    await server.reload();
  };
  await Promise.all([
    ...Array.from({ length: CLIENTS }, (_, index) => good(index)),
    ...Array.from({ length: SLOW_READERS }, () => slow(readSlowly)),
    ...Array.from({ length: SLOW_SENDERS }, () => slow(sendSlowly)),
    every(2, cutOff),
    every(5, exit),
    every(3, burst),
    every(7, reload),
  ]);
  return counts;
}

/** One request that may take its time. */
async function exchangeSlowly(port: number, target: string): Promise<{ status: number; text: string }> {
  await using client = await RawClient.connect(port, 30_000);
  await client.send(requestBytes(target));
  return await client.readResponse();
}

/** Reads a large answer in sips; gives its status. An answer that is cut is lost with its thread: 0. */
async function readSlowly(port: number): Promise<number> {
  const bytes = 3_000_000;
  await using client = await RawClient.connect(port, 60_000);
  // Read to its end and parsed once: parsing at each piece would take this process more than the server.
  await client.send(requestBytes(`/text/${bytes}`, { fields: ["Connection: close"] }));
  for (let sip = 0; sip < 10; sip++) {
    client.pause();
    await Bun.sleep(50);
    client.resume();
    await Bun.sleep(5);
  }
  const [response] = (await client.readResponsesUntilClose().catch(endedEarly)) ?? [];
  if (response === undefined) return 0;
  if (response.status === 200 && response.text !== "t".repeat(bytes))
    throw new Error("a large answer is not what was asked for");
  return response.status;
}

/** Sends a body in pieces over a second; gives the status of its echo. */
async function sendSlowly(port: number): Promise<number> {
  const body = Buffer.from("0123456789".repeat(12_000));
  await using client = await RawClient.connect(port, 60_000);
  const request = requestBytes("/body", { method: "POST", body });
  await client.send(request, { splits: { every: 8000 }, delayMs: 50, untilAnswered: true });
  const response = await client.readResponse().catch(endedEarly);
  if (response === null) return 0;
  if (response.status === 200 && response.text !== body.toString()) throw new Error("an echo differs");
  return response.status;
}

function endedEarly(error: Error): null {
  if (!error.message.startsWith("connection ended")) throw error;
  return null;
}
