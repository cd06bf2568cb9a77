/**
 * What every drill is and is given: figures, checks, the time it has, and the end of what it started.
 *
 * A drill (bench/drills/<name>.ts) puts one promise of docs/reliability.md to the test: it starts servers in processes of
 * their own (./drill-server.ts), mistreats them, prints figures and says whether the promise held. `bun run drill <name>`
 * runs it (../drill.ts); a short one also runs from test/drills. Main thread of the drill's process.
 */
import { argument, printTable } from "./report.ts";

/** Which server a drill talks to: epollo, or the native Bun.serve with the same program, for comparison. */
export type DrillTarget = "epollo" | "bun";

/** One drill: the `drill` export of bench/drills/<name>.ts. */
export interface Drill {
  /** One line: what is done to the server, and what it promises. */
  readonly description: string;
  /** The number of the promise in docs/reliability.md, 1 to 8; 0 for what belongs to all of them. */
  readonly promise: number;
  /** Seconds after which the drill has failed, whatever it does. `--seconds N` is added to them. */
  readonly boundSeconds: number;
  /** Whether it ends within 30 s even on a loaded machine, so that test/drills runs it. */
  readonly isShort: boolean;
  /** Whether `--target bun` makes sense. */
  readonly runsOnBun: boolean;
  /** Names what it needs and this machine does not have; null when all is there. Absent: it needs nothing. */
  readonly unmet?: () => string | null;
  /** Does it. An exception is a failure too. */
  run(run: DrillRun): Promise<void>;
}

/** How long each thing that a drill has started may take to end, in ms: a server that is stopped and then killed, and some more. */
const END_MS = 20_000;

/** Collects what a drill measures and whether its checks hold. */
export class DrillRun {
  readonly target: DrillTarget;
  readonly #rows: string[][] = [];
  readonly #failures: string[] = [];
  readonly #ends: (() => void | Promise<void>)[] = [];

  constructor(target: DrillTarget = "epollo") {
    this.target = target;
  }

  /** What does not hold, in the order of the checks. */
  get failures(): readonly string[] {
    return this.#failures;
  }

  /** Notes a figure for the table. */
  figure(name: string, value: number | string, unit: string = ""): void {
    this.#rows.push([name, typeof value === "number" ? rounded(value) : value, unit, ""]);
  }

  /** Notes a figure that must satisfy a condition; `promised` says which: "0", "at most 12". */
  check(name: string, value: number | string | boolean, promised: string, holds: boolean): void {
    this.#rows.push([
      name,
      typeof value === "number" ? rounded(value) : String(value),
      "",
      `${promised}: ${holds ? "holds" : "BROKEN"}`,
    ]);
    if (!holds) this.#failures.push(`${name}: ${value}, promised ${promised}`);
  }

  /** The value of `--<name>` on the command line as a number above 0, or the default. */
  option(name: string, byDefault: number): number {
    const value = Number(argument(name) ?? byDefault);
    if (!(value > 0)) throw new RangeError(`--${name}: use a number above 0`);
    return value;
  }

  /** Registers what must be ended when the drill ends, however it does. Last registered, first ended. */
  atEnd(end: () => void | Promise<void>): void {
    this.#ends.push(end);
  }

  /** Ends what was registered; what fails to end, or takes longer than `boundMs` to do so, is a failure of the drill. */
  async end(boundMs: number = END_MS): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) {
      const bound = Promise.withResolvers<never>();
      const timer = setTimeout(() => bound.reject(new Error(`not done within ${boundMs} ms`)), boundMs);
      try {
        await Promise.race([end(), bound.promise]);
      } catch (error) {
        this.#failures.push(`ending: ${(error as Error).message}`);
      }
      clearTimeout(timer);
    }
  }

  /** Prints the table of figures. */
  print(): void {
    printTable(["figure", this.target, "", "promised"], this.#rows);
  }
}

/**
 * Runs a drill to its end, to its bound, or until `signal` aborts (its reason is then a failure), and gives what failed:
 * nothing when the promise holds. Against Bun.serve, which promises nothing of this, checks are only shown.
 */
export async function runDrill(
  drill: Drill,
  run: DrillRun,
  boundSeconds: number,
  signal?: AbortSignal,
): Promise<string[]> {
  const bound = Promise.withResolvers<never>();
  signal?.addEventListener("abort", () => bound.reject(signal.reason), { once: true });
  const timer = setTimeout(
    () => bound.reject(new Error(`not done within ${boundSeconds} s`)),
    boundSeconds * 1000,
  );
  const failures: string[] = [];
  try {
    await Promise.race([drill.run(run), bound.promise]);
  } catch (error) {
    failures.push((error as Error).stack ?? String(error));
  }
  clearTimeout(timer);
  await run.end();
  return run.target === "epollo" ? [...failures, ...run.failures] : failures;
}

function rounded(value: number): string {
  return String(Number.isInteger(value) ? value : Number(value.toPrecision(4)));
}
