/**
 * Runs wrk (https://github.com/wg/wrk, Debian package `wrk`) and reads its numbers.
 *
 * Theory of operation: wrk is a closed loop: each connection sends its next request when it has the answer to the
 * last. A Lua script (./wrk-script.ts) sets what is sent and prints the summary and the latencies. wrk counts the statuses above
 * 399 and what fails on the sockets; a run with either is void. Latencies are those of requests that were made:
 * what wrk adds is taken back (./histogram.ts).
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LoadResult, parseOutput } from "./wrk-output.ts";
import { type Load, wrkScript } from "./wrk-script.ts";

let directory: string | null = null;
let scripts = 0;

/** Writes the Lua script of a load and returns its path; the files are removed when the process ends. */
function scriptFile(load: Load): string {
  if (directory === null) {
    directory = mkdtempSync(join(tmpdir(), "epollo-bench-"));
    const made = directory;
    process.on("exit", () => rmSync(made, { recursive: true, force: true }));
  }
  const path = join(directory, `${scripts++}.lua`);
  writeFileSync(path, wrkScript(load));
  return path;
}

/** Loads a server of 127.0.0.1 for the given time. `cpuList` is where wrk may run, as taskset takes it. */
export async function runLoad(port: number, load: Load, cpuList: string | null = null): Promise<LoadResult> {
  const wrk = [
    "wrk",
    `-t${Math.min(load.threads ?? 1, load.connections)}`,
    `-c${load.connections}`,
    `-d${load.seconds}s`,
    "--timeout=10s",
    "-s",
    scriptFile(load),
    `http://127.0.0.1:${port}${load.path}`,
  ];
  const command = cpuList === null ? wrk : ["taskset", "-c", cpuList, ...wrk];
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "pipe" });
  const [output, failure, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  const cpuUs = Number(child.resourceUsage()?.cpuTime.total ?? 0);
  const result = code === 0 ? parseOutput(output, load, cpuUs) : null;
  if (result === null) throw new Error(`wrk ended with ${code}: ${failure}${output.slice(0, 1000)}`);
  return result;
}

/** Whether wrk is installed. */
export function hasWrk(): boolean {
  return Bun.which("wrk") !== null;
}
