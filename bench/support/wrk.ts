/**
 * Runs wrk (https://github.com/wg/wrk, Debian package `wrk`) and reads its numbers.
 *
 * Theory of operation: wrk is a closed loop: each connection sends its next request when it has the answer to the
 * last. A Lua script sets method and body, and prints the summary as one line of JSON, exact to the microsecond.
 * wrk counts the statuses above 399 and what fails on the sockets; a run with either is void.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What to ask for, and how hard. */
export interface Load {
  readonly path: string;
  readonly connections: number;
  readonly seconds: number;
  readonly method?: string;
  /** Length of the request's body; none when absent. */
  readonly bodyBytes?: number;
}

/** What wrk measured. */
export interface LoadResult {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  /** Answers of status 400 and above, and connect, read, write and timeout errors. */
  readonly errors: number;
}

let directory: string | null = null;

/** Writes the Lua script of a load and returns its path; the files are removed when the process ends. */
function scriptOf(load: Load): string {
  if (directory === null) {
    directory = mkdtempSync(join(tmpdir(), "epollo-bench-"));
    const made = directory;
    process.on("exit", () => rmSync(made, { recursive: true, force: true }));
  }
  const lines = [`wrk.method = "${load.method ?? "GET"}"`];
  if (load.bodyBytes !== undefined) {
    lines.push(`wrk.body = string.rep("b", ${load.bodyBytes})`);
    lines.push('wrk.headers["Content-Type"] = "application/octet-stream"');
  }
  lines.push(
    "done = function(summary, latency, requests)",
    "  local e = summary.errors",
    '  io.write(string.format(\'RESULT {"requests":%d,"durationUs":%d,"p50Us":%d,"p99Us":%d,"maxUs":%d,"errors":%d}\\n\',',
    "    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,",
    "    e.connect + e.read + e.write + e.status + e.timeout))",
    "end",
  );
  const path = join(directory, `${load.method ?? "GET"}-${load.bodyBytes ?? 0}.lua`);
  writeFileSync(path, lines.join("\n"));
  return path;
}

/** Loads a server of 127.0.0.1 for the given time, from one thread of wrk. */
export async function runLoad(port: number, load: Load): Promise<LoadResult> {
  const child = Bun.spawn(
    [
      "wrk",
      "-t1",
      `-c${load.connections}`,
      `-d${load.seconds}s`,
      "--timeout=10s",
      "-s",
      scriptOf(load),
      `http://127.0.0.1:${port}${load.path}`,
    ],
    { stdout: "pipe", stderr: "pipe" },
  );
  const [output, failure, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  const line = /^RESULT (.*)$/m.exec(output);
  if (code !== 0 || line === null) throw new Error(`wrk ended with ${code}: ${failure}${output}`);
  const raw = JSON.parse(line[1]!) as {
    requests: number;
    durationUs: number;
    p50Us: number;
    p99Us: number;
    maxUs: number;
    errors: number;
  };
  return {
    requests: raw.requests,
    requestsPerSecond: raw.requests / (raw.durationUs / 1e6),
    p50Us: raw.p50Us,
    p99Us: raw.p99Us,
    maxUs: raw.maxUs,
    errors: raw.errors,
  };
}

/** Whether wrk is installed. */
export function hasWrk(): boolean {
  return Bun.which("wrk") !== null;
}
