/**
 * Medians, tables and the record of the machine, for all benchmarks. Pure but for `machine()`, which reads /proc and /sys,
 * and `versions()`, which asks the programs.
 */
import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";

/** The middle value; the mean of the two middle ones for an even count; NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Prints rows under a heading, first column to the left, the others to the right. */
export function printTable(heading: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = heading.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const format = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join("  ");
  console.log(format(heading));
  console.log(widths.map((width) => "-".repeat(width)).join("  "));
  for (const row of rows) console.log(format(row));
}

/** Formats a number with so many digits after the point; "-" when there is none. */
export function digits(value: number, count: number = 0): string {
  return Number.isFinite(value) ? value.toFixed(count) : "-";
}

/** Says where the numbers were measured: what must be alike for two runs to be comparable. */
export function machine(): Record<string, string | number> {
  return {
    kernel: release(),
    architecture: process.arch,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    governor: readGovernor(),
  };
}

/** Says with what they were measured; programs that are not installed are not in it. */
export async function versions(): Promise<Record<string, string>> {
  const found: Record<string, string> = { bun: `${Bun.version}+${Bun.revision.slice(0, 9)}` };
  const commands = { node: "--version", deno: "--version", nginx: "-v", wrk: "--version", cc: "--version" };
  for (const [program, option] of Object.entries(commands)) {
    if (Bun.which(program) === null) continue;
    const child = Bun.spawn([program, option], { stdout: "pipe", stderr: "pipe" });
    // nginx writes to standard error, wrk ends with 1.
    const output = (await new Response(child.stdout).text()) + (await new Response(child.stderr).text());
    found[program] = output
      .split("\n")[0]!
      .replace(/ Copyright.*/, "")
      .trim();
  }
  return found;
}

/** The commit that is measured, abbreviated, with "+" where files were changed since; undefined without git. */
export function commitHere(): string | undefined {
  const git = (...rest: readonly string[]): string => {
    const { success, stdout } = Bun.spawnSync(["git", "-C", import.meta.dir, ...rest]);
    if (!success) throw new Error("no git here");
    return stdout.toString().trim();
  };
  try {
    const isChanged =
      git("status", "--porcelain", "--", ":/src", ":/ffi", ":/dist", ":/bench/servers") !== "";
    return git("rev-parse", "--short", "HEAD") + (isChanged ? "+" : "");
  } catch {
    return undefined;
  }
}

/** The frequency governor of the first core; "none" where the kernel has no control, as in most virtual machines. */
function readGovernor(): string {
  try {
    return readFileSync("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "latin1").trim();
  } catch {
    return "none";
  }
}

/** Reads `--name value` from the command line; undefined when it is not there. */
export function argument(name: string): string | undefined {
  const index = process.argv.indexOf(`--${name}`);
  return index < 0 ? undefined : process.argv[index + 1];
}
