import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fcntl } from "../../ffi/calls.ts";
import { F_GETFD, FD_CLOEXEC } from "../../ffi/constants.ts";
import { ERRNO } from "../../ffi/errno.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import {
  closeFile,
  describeOpen,
  isMissing,
  type OpenedFile,
  openBeneath,
  openFile,
  openInside,
  openRoot,
  readAt,
} from "../../src/net/file.ts";

const base = mkdtempSync(join(tmpdir(), "epollo-file-"));
const root = join(base, "root");
mkdirSync(join(root, "sub"), { recursive: true });
mkdirSync(join(base, "root-twin"));
writeFileSync(join(root, "a.txt"), "0123456789");
writeFileSync(join(root, "sub", "é.txt"), "accent");
writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff])]), "no UTF-8");
writeFileSync(join(base, "secret"), "secret");
writeFileSync(join(base, "root-twin", "secret"), "secret");
symlinkSync("sub", join(root, "inner"));
symlinkSync("../secret", join(root, "escape"));
symlinkSync("../root-twin", join(root, "twin"));
symlinkSync("/etc", join(root, "absolute"));
symlinkSync("circle", join(root, "circle"));
symlinkSync("/proc/self/fd/0", join(root, "magic"));
Bun.spawnSync(["mkfifo", join(root, "pipe")]);
const rootFd = openRoot(root);
afterAll(() => {
  closeFile(rootFd);
  rmSync(base, { recursive: true });
});

function descriptorCount(): number {
  return readdirSync("/proc/self/fd").length;
}

/** Opens, gives content or kind or error, closes. */
function look(file: OpenedFile | number): string | number {
  if (typeof file === "number") return file;
  try {
    if (file.kind !== "file") return file.kind;
    const target = NativeBuffer.allocate(64);
    return target.bytes.toString("utf8", 0, readAt(file.fd, target.address, 64, 0));
  } finally {
    closeFile(file.fd);
  }
}

describe("openFile", () => {
  test("says size, time and kind of what it opened", () => {
    utimesSync(join(root, "a.txt"), 1_700_000_000.75, 1_700_000_000.75);
    const file = openFile(join(root, "a.txt")) as OpenedFile;
    expect(file).toEqual({ fd: file.fd, size: 10, mtimeMs: 1_700_000_000_750, kind: "file" });
    expect(fcntl(file.fd, F_GETFD, 0)).toBe(FD_CLOEXEC);
    expect(closeFile(file.fd)).toBe(0);
    expect(closeFile(file.fd)).toBe(-ERRNO.EBADF);
  });

  test("times before 1970 and sizes above 4 GiB", () => {
    const path = join(base, "large");
    writeFileSync(path, "");
    Bun.spawnSync(["truncate", "-s", "5000000000", path]);
    Bun.spawnSync(["touch", "-d", "1969-12-31 23:59:58.75 UTC", path]);
    const file = openFile(path) as OpenedFile;
    expect([file.size, file.mtimeMs]).toEqual([5_000_000_000, -1250]);
    const target = NativeBuffer.allocate(8);
    target.bytes.fill(1);
    expect(readAt(file.fd, target.address, 8, 4_999_999_995)).toBe(5);
    expect([...target.bytes]).toEqual([0, 0, 0, 0, 0, 1, 1, 1]);
    closeFile(file.fd);
  });

  test("directories, pipes, devices, sockets", async () => {
    expect(look(openFile(root))).toBe("directory");
    expect(look(openFile(join(root, "pipe")))).toBe("other");
    expect(look(openFile("/dev/null"))).toBe("other");
    const server = createServer();
    const path = join(base, "socket");
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const result = look(openFile(path));
    await new Promise((resolve) => server.close(resolve));
    expect(typeof result).toBe("number");
    expect(isMissing(result as number)).toBe(true);
  });

  test("paths of all kinds", () => {
    expect(look(openFile(join(root, "sub", "é.txt")))).toBe("accent");
    expect(look(openFile("./package.json"))).toStartWith("{");
    expect(look(openFile(""))).toBe(-ERRNO.ENOENT);
    expect(look(openFile(join(root, "none")))).toBe(-ERRNO.ENOENT);
    expect(look(openFile(join(root, "a.txt\0.png")))).toBe(-ERRNO.ENOENT);
    expect(look(openFile(join(root, "a.txt", "x")))).toBe(-ERRNO.ENOTDIR);
    expect(look(openFile(join(root, "circle")))).toBe(-ERRNO.ELOOP);
    expect(look(openFile("/".repeat(4096)))).toBe(-ERRNO.ENAMETOOLONG);
    expect(look(openFile("é".repeat(2048)))).toBe(-ERRNO.ENAMETOOLONG);
    expect(look(openFile("/".repeat(4095)))).toBe("directory");
  });
});

describe.each([
  ["openBeneath", openBeneath],
  ["openInside, for kernels without openat2", openInside],
] as const)("%s", (name, open) => {
  const cases: [path: string, result: string | number][] = [
    ["", "directory"],
    ["sub", "directory"],
    ["sub/", "directory"],
    ["a.txt", "0123456789"],
    ["sub/\u00c3\u00a9.txt", "accent"],
    ["inner/\u00c3\u00a9.txt", "accent"],
    ["sub/../a.txt", "0123456789"],
    ["\u00ff", "no UTF-8"],
    ["pipe", "other"],
    ["none", -ERRNO.ENOENT],
    ["a.txt/", -ERRNO.ENOTDIR],
    ["a.txt\0", -ERRNO.ENOENT],
    ["circle", -ERRNO.ELOOP],
    ["../secret", -18],
    ["..", -18],
    ["/etc/hostname", -18],
    ["escape", -18],
    ["twin/secret", -18],
    ["absolute/hostname", -18],
    ["x".repeat(300), -ERRNO.ENAMETOOLONG],
    ["x/".repeat(2048), -ERRNO.ENAMETOOLONG],
  ];
  test.each(cases)("%p", (path, expected) => {
    const result = look(open(rootFd, path));
    expect(result).toBe(expected);
    if (typeof result === "number") expect(isMissing(result)).toBe(true);
  });

  test("magic links of /proc lead nowhere", () => {
    const result = look(open(rootFd, "magic"));
    expect(typeof result).toBe("number");
    expect(isMissing(result as number)).toBe(true);
  });

  test("a root that is no descriptor", () => expect(look(open(1_000_000, "a.txt"))).toBe(-ERRNO.EBADF));

  test("no descriptor is left open", () => {
    const before = descriptorCount();
    for (const [path] of cases) look(open(rootFd, path));
    look(open(rootFd, "magic"));
    expect(descriptorCount()).toBe(before);
  });

  test(`${name} under the root of the file system`, () => {
    const top = openRoot("/");
    expect(look(open(top, `${root.slice(1)}/a.txt`))).toBe("0123456789");
    closeFile(top);
  });
});

test("openRoot opens directories only", () => {
  expect(openRoot("/nonexistent")).toBe(-ERRNO.ENOENT);
  expect(openRoot("")).toBe(-ERRNO.ENOENT);
  expect(openRoot(join(root, "a.txt"))).toBe(-ERRNO.ENOTDIR);
});

test("describeOpen leaves the descriptor open, and has no size for /proc", () => {
  const file = openFile("/proc/self/status") as OpenedFile;
  expect(describeOpen(file.fd)).toEqual(file);
  expect([file.size, file.kind]).toEqual([0, "file"]);
  expect(closeFile(file.fd)).toBe(0);
  expect(describeOpen(1_000_000)).toBe(-ERRNO.EBADF);
});

test("readAt reads at offsets, up to the end", () => {
  const file = openFile(join(root, "a.txt")) as OpenedFile;
  const target = NativeBuffer.shared(new SharedArrayBuffer(64), 8, 20);
  const read = (length: number, offset: number) => {
    const count = readAt(file.fd, target.address, length, offset);
    return count < 0 ? count : target.bytes.toString("latin1", 0, count);
  };
  expect([read(4, 3), read(20, 7), read(5, 10), read(0, 0), read(5, -1)]).toEqual([
    "3456",
    "789",
    "",
    "",
    -ERRNO.EINVAL,
  ]);
  closeFile(file.fd);
  expect(readAt(1_000_000, target.address, 1, 0)).toBe(-ERRNO.EBADF);
});

test("exhaustion is not taken for a missing file", () => {
  for (const code of [ERRNO.EMFILE, ERRNO.ENFILE, ERRNO.ENOMEM, ERRNO.EIO, ERRNO.EBADF])
    expect(isMissing(-code)).toBe(false);
  expect(isMissing(0)).toBe(false);
});
