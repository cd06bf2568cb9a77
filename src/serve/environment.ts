/**
 * What the surroundings contribute to options: environment, command line, bunfig.toml, cores, host.
 *
 * Owned by the thread that imports it. Bun.serve looks at the environment as it was when the process started, so what
 * can change later is captured when this module is evaluated; bunfig.toml is read when the default port is asked for first.
 * Knows nothing of the options themselves.
 *
 * Default port, first that counts (measured, Bun 1.4.5): BUN_PORT, PORT, NODE_PORT, `--port` (the last one), `[serve]
 * port` of bunfig.toml, 3000. A value of the environment that is not an integer from 0 to 65535 is passed over.
 */
import { detectHost, type Host } from "./entry.ts";
import { isProduction } from "./production.ts";

/** What options depend on besides themselves. */
export interface OptionEnvironment {
  /** The port when none is given, 0 to 65535; found when it is asked for first. */
  readonly defaultPort: number;
  /** Whether NODE_ENV or BUN_ENV is "production": the default of `development` is its opposite. */
  readonly isProduction: boolean;
  /** Whether this is a child of node:cluster, where `reusePort` is on by default. */
  readonly isClusterChild: boolean;
  /** Cores this process may use, at least 1. */
  readonly coreCount: number;
  /** What started the program. */
  readonly host: Host;
  /** Where handlers run unless the options say so: "pool" when the host is "run", else "main". */
  readonly defaultHandlers: "pool" | "main";
  /** Numbers of threads where the options give none; absent: those that go with the cores. */
  readonly defaultThreads?: DefaultThreads;
  /** `process.platform`. */
  readonly platform: string;
}

/** Numbers of threads that hold where the options give none. */
export interface DefaultThreads {
  readonly dispatchers: number | undefined;
  readonly min: number | undefined;
  readonly max: number | undefined;
}

/** The parts of the surroundings that {@link chooseDefaultPort} looks at. */
export interface PortSources {
  /** Environment variables. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** The runtime's own arguments (`process.execArgv`). */
  readonly runtimeArguments: readonly string[];
  /** The directory in which relative paths begin. */
  readonly directory: string;
}

const atStart: PortSources = {
  variables: {
    BUN_PORT: process.env.BUN_PORT,
    PORT: process.env.PORT,
    NODE_PORT: process.env.NODE_PORT,
  },
  runtimeArguments: [...process.execArgv],
  directory: process.cwd(),
};
const isClusterChild = process.env.NODE_UNIQUE_ID !== undefined;

let environment: OptionEnvironment | undefined;
let defaultPort: number | undefined;

/** Tells the environment of this process, as it was when this module was evaluated. The same object each time. */
export function readEnvironment(): OptionEnvironment {
  if (environment === undefined) {
    const host = detectHost();
    environment = Object.freeze({
      get defaultPort() {
        defaultPort ??= chooseDefaultPort(atStart);
        return defaultPort;
      },
      isProduction,
      isClusterChild,
      coreCount: navigator.hardwareConcurrency || 1,
      host,
      defaultHandlers: host === "run" ? "pool" : "main",
      platform: process.platform,
    });
  }
  return environment;
}

/** Chooses the port for options that give none, 0 to 65535 (0: any free port). */
export function chooseDefaultPort(sources: PortSources): number {
  const { variables, runtimeArguments, directory } = sources;
  return (
    parsePort(variables.BUN_PORT) ??
    parsePort(variables.PORT) ??
    parsePort(variables.NODE_PORT) ??
    parsePort(lastFlag(runtimeArguments, "--port")) ??
    bunfigPort(directory, lastFlag(runtimeArguments, "--config") ?? "bunfig.toml") ??
    3000
  );
}

/** Reads a decimal integer from 0 to 65535 as Zig's `parseInt(u16)` does: a sign, and "_" between digits, are allowed. */
function parsePort(text: string | undefined): number | undefined {
  if (text === undefined || !/^[+-]?\d(?:[\d_]*\d)?$/.test(text)) return undefined;
  const port = Number(text.replaceAll("_", ""));
  // "-0" is 0 there too; the addition makes it +0.
  return port >= 0 && port <= 65535 ? port + 0 : undefined;
}

function lastFlag(runtimeArguments: readonly string[], flag: string): string | undefined {
  let value: string | undefined;
  for (let i = 0; i < runtimeArguments.length; i++) {
    const argument = runtimeArguments[i]!;
    if (argument.startsWith(flag + "=")) value = argument.slice(flag.length + 1);
    // Bun takes `--port 80` but not `--config path`: there the path is the script to run.
    else if (argument === flag && flag === "--port") value = runtimeArguments[++i];
  }
  return value;
}

function bunfigPort(directory: string, file: string): number | undefined {
  // Loaded here, since it takes 2 ms, and most programs give a port.
  const { readFileSync } = require("node:fs") as typeof import("node:fs");
  let port: unknown;
  try {
    const path = file.startsWith("/") ? file : `${directory}/${file}`;
    const config = Bun.TOML.parse(readFileSync(path, "utf8")) as { serve?: { port?: unknown } };
    port = config.serve?.port;
  } catch {
    // No such file, or one that Bun itself has complained about.
    return undefined;
  }
  if (typeof port !== "number" || Number.isNaN(port)) return undefined;
  // Bun clamps, drops the fraction, and takes 0 for "not given".
  return Math.min(65535, Math.max(0, Math.trunc(port))) || undefined;
}
