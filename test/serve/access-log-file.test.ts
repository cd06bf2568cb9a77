import { expect, test } from "bun:test";
import { fstatSync, mkdtempSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openAccessLog } from "../../src/serve/access-log-file.ts";

function inFolder(run: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "epollo-log-"));
  try {
    run(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("a file is made, or appended to, and given back", () => {
  inFolder((folder) => {
    const path = join(folder, "log");
    for (const text of ["one\n", "two\n"]) {
      using log = openAccessLog(path);
      expect(log.target).toMatchObject({ isSocket: false, path, pieceBytes: Number.POSITIVE_INFINITY });
      writeSync(log.target.fd, text);
    }
    expect(readFileSync(path, "utf8")).toBe("one\ntwo\n");
    const log = openAccessLog(path);
    log[Symbol.dispose]();
    expect(() => fstatSync(log.target.fd)).toThrow("EBADF");
  });
});

test("what cannot be opened is an error with a code", () => {
  inFolder((folder) => {
    const code = (path: string): unknown => {
      try {
        openAccessLog(path)[Symbol.dispose]();
        return null;
      } catch (error) {
        return (error as { code?: unknown }).code;
      }
    };
    writeFileSync(join(folder, "file"), "");
    Bun.spawnSync(["mkfifo", join(folder, "pipe")]);
    expect([
      code(join(folder, "none/log")),
      code(join(folder, "file/log")),
      code(folder),
      code(join(folder, "pipe")),
    ]).toEqual(["ENOENT", "ENOTDIR", "EISDIR", "ENXIO"]);
  });
});
