/**
 * Fuzzing over real sockets: hostile clients send damaged requests of test/corpus and of the app, in pieces, and leave in the
 * middle of everything, while well-behaved ones want their answers. Afterwards the server is as it was before.
 *
 *   --seconds N   of fuzzing, default 600
 *   --seed N      repeats what is sent; the order in which the server meets it is its own
 */
import { randomFrom } from "../../test/support/random.ts";
import type { RunningServer } from "../../test/support/servers.ts";
import { runSoakClient } from "../../test/support/soak-client.ts";
import type { Drill, DrillRun } from "../support/drill.ts";
import { answersNow, checkAsBefore, complaintsOf, quietSample } from "../support/drill-aftermath.ts";
import { startForDrill } from "../support/drill-server.ts";
import { growth, sampleWhile, trace } from "../support/drill-trend.ts";
import { type FuzzCounts, fuzzOnce } from "../support/fuzz-client.ts";

const HOSTILE = 40;
const GOOD = 4;
/** Heaps find their size meanwhile. */
const WARM_SECONDS = 10;
const MIB = 1_048_576;

/** Fuzzes a server for minutes. */
export const drill: Drill = {
  description: `${HOSTILE} hostile clients at a time, ${GOOD} good ones beside them: nothing wrong, nothing left behind`,
  promise: 0,
  boundSeconds: 800,
  isShort: false,
  runsOnBun: true,
  run: async (run) => {
    const seconds = run.option("seconds", 600);
    const seed = run.option("seed", 1 + (Date.now() % 1_000_000));
    run.figure("seed", seed);
    const server = await startForDrill(run, { threads: { min: 4, max: 4 } });
    const counts: FuzzCounts = { connections: 0, bytesSent: 0, bytesReceived: 0 };
    await attack(server, randomFrom(seed), WARM_SECONDS, { ...counts });
    const before = await quietSample(server);
    const trend = sampleWhile(server.pid);
    const good = await attack(server, randomFrom(seed + 1), seconds, counts);
    const samples = trend.end();
    report(run, counts, good, seconds);
    const wrong = good.failures.length;
    run.check("wrong or missing answers of good clients", wrong, "0", wrong === 0);
    for (const failure of good.failures.slice(0, 3)) console.error(failure.message);
    const start = performance.now();
    const right = await answersNow(server.port);
    run.check("right answers right afterwards", right, "100", right === 100);
    run.figure("ms for them", performance.now() - start);
    await checkAsBefore(run, server, before);
    run.figure("RSS slope while fuzzing", growth(samples) / MIB, "MiB/min");
    run.figure("RSS meanwhile", trace(samples), "MiB");
    // What user code throws is told there too: damaged urls that the app cannot parse.
    const complaints = complaintsOf(server);
    run.check("complaints of the server", complaints.length, "0", complaints.length === 0);
    for (const line of complaints.slice(0, 10)) console.error(line);
  },
};

interface Good {
  answers: number;
  readonly failures: Error[];
}

async function attack(
  server: RunningServer,
  random: (below: number) => number,
  seconds: number,
  counts: FuzzCounts,
): Promise<Good> {
  const end = performance.now() + seconds * 1000;
  const isOver = (): boolean => performance.now() >= end;
  const good: Good = { answers: 0, failures: [] };
  const beHostile = async (): Promise<void> => {
    while (!isOver()) await fuzzOnce(server.port, random, counts).catch(() => Bun.sleep(5));
  };
  const beGood = async (index: number): Promise<void> => {
    for (let round = 0; !isOver() && good.failures.length === 0; round++) {
      await runSoakClient(server.port, {
        name: `${index}-${round}`,
        random: randomFrom(index * 1000 + round),
        requests: 200,
        mostPipelined: 8,
        isOver,
      }).then(
        (answers) => {
          good.answers += answers;
        },
        (error: Error) => good.failures.push(error),
      );
    }
  };
  await Promise.all([
    ...Array.from({ length: HOSTILE }, beHostile),
    ...Array.from({ length: GOOD }, (_, index) => beGood(index)),
  ]);
  return good;
}

function report(run: DrillRun, counts: FuzzCounts, good: Good, seconds: number): void {
  run.figure("seconds", seconds);
  run.figure("hostile connections", counts.connections);
  run.figure("sent", counts.bytesSent / MIB, "MiB");
  run.figure("received", counts.bytesReceived / MIB, "MiB");
  run.figure("right answers of good clients meanwhile", good.answers);
}
