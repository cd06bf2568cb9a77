/**
 * Where this program runs: which Bun, which system, and what started it.
 *
 * Any thread. Knows nothing of options and sockets. The answer decides the default place of handlers: handler threads
 * evaluate the program's entry module again, which is right under `bun run` and wrong in a test file (its tests would
 * be registered once more), and there is no such module in a REPL or for `bun -e`.
 *
 * How each host shows (Bun 1.4.5, measured; test/serve/entry.test.ts starts each of them):
 * - `bun -e`, `bun -p`: Bun.main is "<cwd>/[eval]"; a program read from standard input: "<cwd>/[stdin]".
 * - `bun repl`: Bun.main is "".
 * - `bun test`: nothing in argv, execArgv or Bun.main, and NODE_ENV may be anything. But bun:test, which can be loaded
 *   anywhere, refuses with "outside of the test runner" only where there is none. `test()` without arguments throws in
 *   every case, so asking changes nothing.
 */
import { type Log, threadLog } from "../log/log.ts";

/** What started the program: a script, the test runner, a command line text (`-e`, `-p`, standard input) or the REPL. */
export type Host = "run" | "test" | "eval" | "repl";

/** The oldest Bun that epollo runs on: Workers of older ones crash together with bun:ffi (oven-sh/bun 40972, 41022). */
export const MINIMUM_BUN_VERSION = "1.4.0";

/**
 * Tells what started the program. In a Worker under `bun test` it is "test"; in any other Worker "run", since a Worker
 * always has a module of its own.
 */
export function detectHost(): Host {
  if (Bun.main === "") return "repl";
  if (Bun.main.endsWith("/[eval]") || Bun.main.endsWith("/[stdin]")) return "eval";
  return isTestRunner() ? "test" : "run";
}

function isTestRunner(): boolean {
  const module = process.getBuiltinModule("bun:test") as { test?: () => void } | undefined;
  if (typeof module?.test !== "function") return false;
  try {
    module.test();
  } catch (error) {
    return !String(error).includes("outside of the test runner");
  }
  return true;
}

/**
 * Refuses a Bun that is too old.
 *
 * @param version the version to judge, "major.minor.patch" with an optional suffix
 * @throws Error that names both versions, when it is older than {@link MINIMUM_BUN_VERSION}
 */
export function needsBunVersion(version: string = Bun.version): void {
  // A canary or build suffix does not make 1.4.0 older than 1.4.0.
  const release = version.split(/[-+]/, 1)[0]!;
  if (Bun.semver.order(release, MINIMUM_BUN_VERSION) < 0) {
    throw new Error(`epollo needs Bun ${MINIMUM_BUN_VERSION} or newer, but this is Bun ${version}`);
  }
}

const said = new Set<string>();

/** Warns, unless this thread has said the same before. `event` and `log` are those of `log/log.ts`. */
export function sayOnce(event: string, message: string, log: Log = threadLog()): void {
  if (said.has(message)) return;
  said.add(message);
  log.warn(event, message);
}
