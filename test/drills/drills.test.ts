/** The drills that are short run here as `bun run drill <name>` runs them; all of them are listed and told about. */
import { describe, expect, test } from "bun:test";
import { findDrills } from "../../bench/drill.ts";
import { ROOT, readText } from "../support/source-files.ts";

const drills = [...(await findDrills())];

async function runDrillProcess(...words: string[]): Promise<{ code: number; output: string }> {
  const child = Bun.spawn([process.execPath, "run", "bench/drill.ts", ...words], {
    cwd: ROOT,
    stdout: "pipe",
    stderr: "pipe",
  });
  const texts = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, output: texts.join("") };
}

describe("short drills", () => {
  for (const [name, { boundSeconds, unmet }] of drills.filter(([, { isShort }]) => isShort)) {
    const lacking = unmet?.() ?? null;
    test.skipIf(lacking !== null)(
      lacking === null ? name : `${name} (skipped: needs ${lacking})`,
      async () => {
        const { code, output } = await runDrillProcess(name);
        expect([code, output]).toEqual([0, expect.stringContaining(`${name}: 0 broken`)]);
      },
      (boundSeconds + 20) * 1000,
    );
  }
});

describe("all drills", () => {
  test("belong to a promise, and the short ones are short", () => {
    for (const [name, { promise, boundSeconds, isShort }] of drills) {
      expect([name, promise >= 0 && promise <= 8]).toEqual([name, true]);
      expect([name, !isShort || boundSeconds <= 60]).toEqual([name, true]);
    }
  });

  test("are named in docs/reliability.md by their command", () => {
    const text = readText("docs/reliability.md");
    expect(drills.map(([name]) => name).filter((name) => !text.includes(`bun run drill ${name}`))).toEqual(
      [],
    );
    const named = [...text.matchAll(/bun run drill ([a-z][\w-]*)/g)].map((match) => match[1]!);
    const names = drills.map(([name]) => name);
    expect(named.filter((name) => !names.includes(name))).toEqual([]);
  });

  test("say what they have when they are interrupted", async () => {
    const child = Bun.spawn([process.execPath, "run", "bench/drill.ts", "soak"], {
      cwd: ROOT,
      stdout: "pipe",
    });
    let output = "";
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      if (output === "") child.kill("SIGTERM");
      output += chunk;
    }
    expect(await child.exited).toBe(1);
    expect(output).toContain("figure");
    expect(output).toContain("soak: 1 broken");
  }, 45_000);

  test("are listed, and one that there is not ends with 2", async () => {
    const { code, output } = await runDrillProcess("--list");
    expect(code).toBe(0);
    for (const [name] of drills) expect(output).toContain(name);
    expect((await runDrillProcess("no-such-drill")).code).toBe(2);
  });
});
