/** The units of deploy/systemd are what systemd takes: `systemd-analyze verify`, where it is installed, finds nothing to say. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readText } from "../support/source-files.ts";

const analyze = Bun.which("systemd-analyze");

/** What systemd-analyze says of the units, each changed by `change`. */
function verify(change: (text: string) => string): { code: number; output: string } {
  const folder = mkdtempSync(join(tmpdir(), "epollo-units-"));
  const paths = ["app.service", "app.socket"].map((name) => {
    const path = join(folder, name);
    // A program that is not installed would be a mistake.
    const text = readText(`deploy/systemd/${name}`).replace("/usr/local/bin/bun", process.execPath);
    writeFileSync(path, change(text));
    return path;
  });
  const child = Bun.spawnSync([analyze!, "verify", "--man=no", ...paths], { stdout: "pipe", stderr: "pipe" });
  rmSync(folder, { recursive: true });
  const output = `${child.stdout}${child.stderr}`.split("\n").filter((line) => line.includes(folder));
  return { code: child.exitCode, output: output.join("\n") };
}

test.skipIf(analyze === null)("systemd takes the units (skipped without systemd-analyze)", () => {
  expect(verify((text) => text)).toEqual({ code: 0, output: "" });
  expect(verify((text) => text.replace("DynamicUser=", "DynamicUsr=")).output).toContain("DynamicUsr");
});
