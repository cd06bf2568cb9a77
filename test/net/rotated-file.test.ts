import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RotatedFile } from "../../src/net/rotated-file.ts";
import { openIn } from "../support/process-info.ts";

let folder: string;
let path: string;
let fd: number;
let file: RotatedFile;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "epollo-rotated-"));
  path = join(folder, "lög");
  fd = openSync(path, "a");
  file = new RotatedFile(fd, path);
});
afterEach(() => {
  closeSync(fd);
  rmSync(folder, { recursive: true });
});
const contents = (): Record<string, string> =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")]));

test("a file that is where it was is left alone", () => {
  writeSync(fd, "a\n");
  expect(file.follow()).toBe(0);
  writeSync(fd, "b\n");
  expect(contents()).toEqual({ lög: "a\nb\n" });
});

test("renamed: the next lines are in a new one; made by somebody else: in that, behind what is there", () => {
  writeSync(fd, "a\n");
  renameSync(path, `${path}.1`);
  expect([file.follow(), file.follow()]).toEqual([1, 0]);
  writeSync(fd, "b\n");
  renameSync(path, `${path}.2`);
  writeFileSync(path, "his\n");
  expect([file.follow(), file.follow()]).toEqual([1, 0]);
  writeSync(fd, "c\n");
  expect(contents()).toEqual({ "lög.1": "a\n", "lög.2": "b\n", lög: "his\nc\n" });
});

test("removed: it is made again, and no descriptor is left over", () => {
  // Others of this process close descriptors of their own meanwhile.
  const before = openIn(folder);
  expect(before).toBe(1);
  for (let round = 0; round < 20; round++) {
    unlinkSync(path);
    expect(file.follow()).toBe(1);
  }
  expect(openIn(folder)).toBe(before);
  writeSync(fd, "a\n");
  expect(contents()).toEqual({ lög: "a\n" });
});

test("two that follow at once are no harm", () => {
  const other = new RotatedFile(fd, path);
  renameSync(path, `${path}.1`);
  expect([file.follow(), other.follow()]).toEqual([1, 0]);
});

test("what cannot be opened, or is no file, leaves the old one open", () => {
  renameSync(path, `${path}.1`);
  mkdirSync(path);
  expect(file.follow()).toBe(-21);
  rmSync(path, { recursive: true });
  Bun.spawnSync(["mkfifo", path]);
  expect(file.follow()).toBe(-6);
  const reader = openSync(path, 0x800);
  expect(file.follow()).toBe(-22);
  closeSync(reader);
  renameSync(folder, `${folder}-gone`);
  expect(file.follow()).toBe(-2);
  renameSync(`${folder}-gone`, folder);
  writeSync(fd, "a\n");
  expect(readFileSync(`${path}.1`, "utf8")).toBe("a\n");
});
