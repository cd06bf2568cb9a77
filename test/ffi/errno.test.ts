import { describe, expect, test } from "bun:test";
import { getSystemErrorMessage } from "node:util";
import { close } from "../../ffi/calls.ts";
import { check, ERRNO, errno, errnoName, errnoText, SyscallError, syscallError } from "../../ffi/errno.ts";
import { libc } from "../../ffi/libc.ts";

describe("errno", () => {
  test("holds the error of the last failed call", () => {
    expect(libc.close(-1)).toBe(-1);
    expect(errno()).toBe(ERRNO.EBADF);
    expect(libc.epoll_create1(-1)).toBe(-1);
    expect(errno()).toBe(ERRNO.EINVAL);
  });

  test("belongs to the thread: another thread's failures do not change it", async () => {
    const url = new URL("./errno-worker.ts", import.meta.url);
    const worker = new Worker(url.href);
    const wrong = new Promise<number>((resolve) => {
      worker.onmessage = (event) => resolve(event.data as number);
    });
    let wrongHere = 0;
    for (let round = 0; round < 100_000; round++) if (close(-1) !== -ERRNO.EBADF) wrongHere++;
    expect(wrongHere).toBe(0);
    expect(await wrong).toBe(0);
    worker.terminate();
  });
});

describe("names and texts", () => {
  test("texts are Bun's own, for every error listed", () => {
    for (const [name, code] of Object.entries(ERRNO)) {
      expect(errnoName(code)).toBe(name);
      expect(errnoName(-code)).toBe(name);
      // Bun has no text for this one.
      if (name !== "EINPROGRESS")
        expect([name, errnoText(code)]).toEqual([name, getSystemErrorMessage(-code)]);
    }
  });

  test("a number that is not listed is not named", () => {
    expect(errnoName(-4095)).toBe("UNKNOWN");
    expect(errnoText(4095)).toBe("unknown error");
  });
});

describe("SyscallError", () => {
  test("has the message and keys of a Bun error", () => {
    const error = syscallError("listen", -ERRNO.ENOENT, "/nowhere/x");
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe("Error");
    expect(error.message).toBe("ENOENT: no such file or directory, listen '/nowhere/x'");
    expect(Object.entries(error)).toEqual([
      ["code", "ENOENT"],
      ["path", "/nowhere/x"],
      ["syscall", "listen"],
      ["errno", -2],
    ]);
  });

  test("has no key for what it does not know", () => {
    expect(Object.keys(syscallError("bind", -1))).toEqual(["code", "syscall", "errno"]);
  });

  test("check throws for negative results only", () => {
    expect(check("socket", 0)).toBe(0);
    expect(check("socket", 7)).toBe(7);
    expect(() => check("socket", -ERRNO.EMFILE)).toThrow(SyscallError);
    expect(() => check("socket", -ERRNO.EMFILE)).toThrow("EMFILE: too many open files, socket");
  });
});
