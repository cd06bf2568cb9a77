import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { descriptorLimit, firstReserved, hasDescriptors } from "../../src/net/descriptors.ts";
import { fdCount } from "../support/process-info.ts";

test("the limit is what the kernel says of this process", () => {
  const line = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync("/proc/self/limits", "latin1"))?.[1];
  expect(String(descriptorLimit())).toBe(line!);
});

test("the reserve is an eighth of the limit, and 64 at most", () => {
  const limit = descriptorLimit();
  expect(firstReserved()).toBe(limit - Math.min(64, Math.floor(limit / 8)));
});

test("descriptors that are asked for are given back", () => {
  const before = fdCount();
  expect(hasDescriptors(8)).toBe(true);
  expect(fdCount()).toBe(before);
});

test("a process with few has no more than those", () => {
  const program = `
    import { descriptorLimit, firstReserved, hasDescriptors } from ${JSON.stringify(new URL("../../src/net/descriptors.ts", import.meta.url).href)};
    console.log(JSON.stringify([descriptorLimit(), firstReserved(), hasDescriptors(4), hasDescriptors(64), hasDescriptors(4)]));
  `;
  const run = Bun.spawnSync(["sh", "-c", 'ulimit -n 64 && exec "$0" -e "$1"', process.execPath, program]);
  expect(run.stderr.toString()).toBe("");
  expect(JSON.parse(run.stdout.toString())).toEqual([64, 56, true, false, true]);
});
