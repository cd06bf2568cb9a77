/** Entry points: BUN-SERVE.md section 2, the program as it is against the same one with `--preload epollo/auto`. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exchange } from "../support/exchange.ts";
import { ROOT } from "../support/source-files.ts";
import { type EntryCase, entryCases } from "./cases/entry-points.ts";
import { compareAll } from "./compare.ts";
import { mask, type Observation } from "./observation.ts";
import type { Target } from "./program-server.ts";
import { showAnswer } from "./wire.ts";

const folders: string[] = [];
/** Whose server answered, by case and target. */
const whose = new Map<string, string>();

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function makeFolder(entry: EntryCase, target: Target): string {
  const folder = mkdtempSync(join(tmpdir(), "epollo-entry-point-"));
  folders.push(folder);
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(ROOT, join(folder, "node_modules/epollo"));
  for (const [name, text] of Object.entries(entry.files)) writeFileSync(join(folder, name), text);
  const section = entry.preload === "test" ? "[test]\n" : "";
  if (target !== "bun" && (entry.preload === "bunfig" || entry.preload === "test"))
    writeFileSync(join(folder, "bunfig.toml"), `${section}preload = ["epollo/auto"]\n`);
  return folder;
}

async function run(entry: EntryCase, target: Target): Promise<Observation> {
  const folder = makeFolder(entry, target);
  const isArgument = target !== "bun" && (entry.preload ?? "arguments") === "arguments";
  const args = (entry.arguments ?? ["PRELOAD", "server.ts"]).flatMap((argument) =>
    argument !== "PRELOAD" ? [argument] : isArgument ? ["--preload", "epollo/auto"] : [],
  );
  const { PORT: _, BUN_PORT: __, NODE_PORT: ___, NODE_ENV: ____, ...inherited } = process.env;
  const child = Bun.spawn([process.execPath, ...args], {
    cwd: folder,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: {
      ...inherited,
      ...entry.environment,
      ...(target !== "bun" && entry.preload === "environment"
        ? { BUN_OPTIONS: "--preload epollo/auto" }
        : {}),
      ...(target === "pool" ? { EPOLLO_HANDLERS: "pool" } : {}),
    },
  });
  const errors = child.stderr.text();
  let output = "";
  try {
    const decoder = new TextDecoder();
    for await (const bytes of child.stdout) {
      output += decoder.decode(bytes, { stream: true });
      if (!entry.ends && /:\d+|port=\d+/.test(output)) break;
    }
    const port = /(?::|port=)(\d+)/.exec(output)?.[1];
    if (!entry.ends && port !== undefined) return await observeRunning(entry, target, output, Number(port));
    const [code, problem] = [await child.exited, await errors];
    return mask({ output, code, errors: showErrors(problem, folder) });
  } finally {
    if (child.exitCode === null) child.kill("SIGKILL");
    await child.exited;
  }
}

async function observeRunning(
  entry: EntryCase,
  target: Target,
  output: string,
  port: number,
): Promise<Observation> {
  const answer = await exchange(port, "/");
  const who = await exchange(port, "/who");
  whose.set(`${entry.id} ${target}`, who.text);
  const shown = answer.status === 500 ? answer.status : showAnswer(answer);
  return mask({ output, answer: shown });
}

/** The first line that names an error, or the counts of the test runner; the rest is stacks and times. */
function showErrors(text: string, folder: string): Observation {
  const lines = text.replaceAll(folder, "FOLDER").split("\n");
  return lines
    .filter((line) => /^(?:\w*[Ee]rror|warn)\b|^ *\d+ (?:pass|fail)/.test(line))
    .map((line) => line.trim());
}

compareAll(entryCases, run);

describe("with the preload the server is epollo's", () => {
  for (const { id, ends, isOurs } of entryCases) {
    if (ends || isOurs === false) continue;
    test(id, () => {
      for (const target of ["bun", "main", "pool"] as const) {
        const who = whose.get(`${id} ${target}`);
        if (who !== undefined) expect([target, who]).toEqual([target, target === "bun" ? "bun" : "epollo"]);
      }
    });
  }
});
