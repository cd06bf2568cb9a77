import { afterAll, describe, expect, test } from "bun:test";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DirectorySource, FoundFile } from "../../src/fetch/directory.ts";
import { fileAccess } from "../../src/roles/file-access.ts";
import { fdCount } from "../support/process-info.ts";

const folder = mkdtempSync(join(tmpdir(), "epollo-access-"));
const path = join(folder, "a.txt");
writeFileSync(path, "0123456789");
mkdirSync(join(folder, "root/sub"), { recursive: true });
writeFileSync(join(folder, "root/in.txt"), "inside");
symlinkSync("../a.txt", join(folder, "root/out.txt"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const found = (result: FoundFile | number): FoundFile => {
  if (typeof result === "number") throw new Error(`not opened: ${result}`);
  return result;
};
const opened = (result: DirectorySource | number): DirectorySource => {
  if (typeof result === "number") throw new Error(`not opened: ${result}`);
  return result;
};
const textOf = (bytes: Uint8Array | number): string =>
  typeof bytes === "number" ? String(bytes) : Buffer.from(bytes).toString();

describe("open", () => {
  test("gives descriptor, size and kind", () => {
    const before = fdCount();
    const file = found(fileAccess.open(path));
    expect([file.size, file.kind, fdCount() - before]).toEqual([10, "file", 1]);
    fileAccess.close(file.fd);
    expect(fdCount()).toBe(before);
  });

  test("gives -errno for what is not there, and its error as Bun words it", async () => {
    const result = fileAccess.open(join(folder, "none")) as number;
    expect(result).toBe(-2);
    const theirs = await Bun.file(join(folder, "none"))
      .text()
      .catch((error) => error);
    const ours = fileAccess.error(result, join(folder, "none")) as NodeJS.ErrnoException;
    const facts = ({ name, message, code, errno, syscall, path: of }: NodeJS.ErrnoException) => ({
      name,
      message,
      code,
      errno,
      syscall,
      of,
    });
    expect(facts(ours)).toEqual(facts(theirs));
    expect("path" in fileAccess.error(-9, null)).toBe(false);
  });
});

describe("duplicate", () => {
  test("gives another descriptor of the same file; the program's own stays open", () => {
    const own = openSync(path, "r");
    const copy = found(fileAccess.duplicate(own));
    expect(copy.fd).not.toBe(own);
    expect(copy.size).toBe(10);
    fileAccess.close(copy.fd);
    expect(textOf(fileAccess.read(own, 3, 0))).toBe("012");
    closeSync(own);
  });

  test("gives -EBADF for a descriptor that is not open", () => {
    const own = openSync(path, "r");
    closeSync(own);
    expect(fileAccess.duplicate(own)).toBe(-9);
  });
});

describe("read", () => {
  test("gives the bytes at the offset, fewer at the end, each time in memory of its own", () => {
    const { fd } = found(fileAccess.open(path));
    const first = fileAccess.read(fd, 4, 2);
    const second = fileAccess.read(fd, 10, 7);
    expect([textOf(first), textOf(second), textOf(fileAccess.read(fd, 5, 10))]).toEqual(["2345", "789", ""]);
    fileAccess.close(fd);
  });

  test("gives -errno for what cannot be read", () => {
    const { fd } = found(fileAccess.open(folder));
    expect(fileAccess.read(fd, 4, 0)).toBe(-21);
    fileAccess.close(fd);
  });
});

describe("directory", () => {
  const root = join(folder, "root");

  test("opens beneath itself only, and once for the life of the thread", () => {
    const before = fdCount();
    const source = opened(fileAccess.directory(root));
    expect(fdCount()).toBe(before + 1);
    expect(fileAccess.directory(root)).toBe(source);
    expect(fdCount()).toBe(before + 1);
    const file = found(source.open("in.txt"));
    expect(textOf(fileAccess.read(file.fd, 100, 0))).toBe("inside");
    source.close(file.fd);
    for (const name of ["out.txt", "../a.txt", "sub/../../a.txt", path, "none"]) {
      const result = source.open(name) as number;
      expect([name, typeof result, source.isMissing(result)]).toEqual([name, "number", true]);
    }
    expect(fdCount()).toBe(before + 1);
  });

  test("that is not there is -ENOENT now, and found when it is", () => {
    const late = join(folder, "late");
    expect(fileAccess.directory(late)).toBe(-2);
    expect(fileAccess.isMissing(-2)).toBe(true);
    mkdirSync(late);
    writeFileSync(join(late, "x"), "x");
    const file = found(opened(fileAccess.directory(late)).open("x"));
    expect(file.size).toBe(1);
    fileAccess.close(file.fd);
  });
});
