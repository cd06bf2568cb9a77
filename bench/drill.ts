/**
 * Puts a promise of docs/reliability.md to the test: `bun run drill <name>`, `bun run drill --list`.
 *
 *   --target bun   the same program under the native Bun.serve, for comparison; checks are shown, none fails the run
 *   --seconds N    of load, where the drill takes it
 *
 * Ends with 0 when everything promised held, with 1 when not, or when the drill was not done within its bound or was
 * interrupted (SIGINT, SIGTERM: it prints the figures it has; a second one ends it at once), and with 2 when there is no
 * such drill.
 */
import { basename } from "node:path";
import { type Drill, DrillRun, type DrillTarget, runDrill } from "./support/drill.ts";
import { argument, printTable } from "./support/report.ts";

const FOLDER = new URL("./drills/", import.meta.url).pathname;

/** Reads all drills by name, in the order of the promises. */
export async function findDrills(): Promise<ReadonlyMap<string, Drill>> {
  const found: [string, Drill][] = [];
  for (const file of new Bun.Glob("*.ts").scanSync(FOLDER)) {
    const { drill } = (await import(FOLDER + file)) as { drill: Drill };
    found.push([basename(file, ".ts"), drill]);
  }
  found.sort(([left, { promise }], [right, other]) => promise - other.promise || left.localeCompare(right));
  return new Map(found);
}

async function main(): Promise<number> {
  const drills = await findDrills();
  const name = process.argv[2];
  const target = argument("target") ?? "epollo";
  if (name === "--list") {
    printTable(
      ["drill", "promise", "bound s", "in CI", "what"],
      [...drills].map(([title, { promise, boundSeconds, isShort, description }]) => [
        title,
        promise === 0 ? "all" : String(promise),
        String(boundSeconds),
        isShort ? "yes" : "",
        description,
      ]),
    );
    return 0;
  }
  const drill = drills.get(name ?? "");
  if (drill === undefined || (target !== "epollo" && target !== "bun")) {
    console.error(
      `use: bun run drill --list, or bun run drill <${[...drills.keys()].join("|")}> [--target bun]`,
    );
    return 2;
  }
  if (target === "bun" && !drill.runsOnBun) {
    console.error(`${name}: makes no sense against Bun.serve`);
    return 2;
  }
  const unmet = drill.unmet?.() ?? null;
  if (unmet !== null) {
    console.error(`${name}: needs ${unmet}`);
    return 2;
  }
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (interrupted.signal.aborted) process.exit(1);
      interrupted.abort(`interrupted by ${signal}`);
    });
  }
  console.log(`${name}: ${drill.description}`);
  const run = new DrillRun(target as DrillTarget);
  const extra = Math.max(0, Number(argument("seconds") ?? 0));
  const start = performance.now();
  const failures = await runDrill(drill, run, drill.boundSeconds + extra, interrupted.signal);
  run.print();
  for (const failure of failures) console.error(`BROKEN: ${failure}`);
  console.log(`${name}: ${failures.length} broken, ${((performance.now() - start) / 1000).toFixed(1)} s`);
  return failures.length === 0 ? 0 : 1;
}

// A drill that missed its bound may still have something running.
if (import.meta.main) process.exit(await main());
