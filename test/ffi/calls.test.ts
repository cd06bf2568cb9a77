import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import * as calls from "../../ffi/calls.ts";
import {
  EFD_CLOEXEC,
  EFD_NONBLOCK,
  F_GETFD,
  F_GETFL,
  FD_CLOEXEC,
  O_CLOEXEC,
  O_NONBLOCK,
  O_RDONLY,
  SYS_GETTID,
} from "../../ffi/constants.ts";
import { ERRNO } from "../../ffi/errno.ts";
import { encodeIovec } from "../../ffi/layout.ts";
import { libc } from "../../ffi/libc.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";

const closed = 1_000_000;
const opened: number[] = [];
afterAll(() => {
  for (const fd of opened) calls.close(fd);
});

// Of the module: what only its address is used of would be collected, and the calls below would read what came there then.
const memory = NativeBuffer.allocate(64);

describe("failures come back as -errno", () => {
  const a = memory.address;
  const missing = NativeBuffer.cString("/nonexistent/file");
  const cases: [string, number, keyof typeof ERRNO][] = [
    ["socket", calls.socket(-1, 0, 0), "EAFNOSUPPORT"],
    ["setsockopt", calls.setsockopt(closed, 1, 2, a, 4), "EBADF"],
    ["getsockopt", calls.getsockopt(closed, 1, 2, a, a + 8), "EBADF"],
    ["getsockname", calls.getsockname(closed, a, a + 32), "EBADF"],
    ["getpeername", calls.getpeername(closed, a, a + 32), "EBADF"],
    ["bind", calls.bind(closed, a, 16), "EBADF"],
    ["listen", calls.listen(closed, 1), "EBADF"],
    ["connect", calls.connect(closed, a, 16), "EBADF"],
    ["accept4", calls.accept4(closed, 0, 0, 0), "EBADF"],
    ["shutdown", calls.shutdown(closed, 1), "EBADF"],
    ["close", calls.close(closed), "EBADF"],
    ["read", calls.read(closed, a, 1), "EBADF"],
    ["write", calls.write(closed, a, 1), "EBADF"],
    ["pread", calls.pread(closed, a, 1, 0), "EBADF"],
    ["readv", calls.readv(closed, a, 1), "EBADF"],
    ["writev", calls.writev(closed, a, 1), "EBADF"],
    ["recv", calls.recv(closed, a, 1, 0), "EBADF"],
    ["send", calls.send(closed, a, 1, 0), "EBADF"],
    ["sendmsg", calls.sendmsg(closed, a, 0), "EBADF"],
    ["sendfile", calls.sendfile(closed, closed, a, 1), "EBADF"],
    ["epollCreate1", calls.epollCreate1(-1), "EINVAL"],
    ["epollCtl", calls.epollCtl(closed, 1, 0, a), "EBADF"],
    ["epollWait", calls.epollWait(closed, a, 1, 0), "EBADF"],
    ["eventfd", calls.eventfd(0, -1), "EINVAL"],
    ["fcntl", calls.fcntl(closed, F_GETFD, 0), "EBADF"],
    ["dup3", calls.dup3(closed, closed + 1, 0), "EBADF"],
    ["open", calls.open(missing.address, O_RDONLY, 0), "ENOENT"],
    ["unlink", calls.unlink(missing.address), "ENOENT"],
    ["mmap", calls.mmap(0, 0, 0, 0x22, -1, 0), "EINVAL"],
    ["fstat", calls.fstat(closed, a), "EBADF"],
    ["openat", calls.openat(-100, missing.address, O_RDONLY, 0), "ENOENT"],
    ["openat2", calls.openat2(-100, missing.address, a), "ENOENT"],
    ["readlinkat", calls.readlinkat(-100, missing.address, a, 64), "ENOENT"],
    ["syscall", calls.syscall(-1), "ENOSYS"],
  ];
  for (const [name, result, expected] of cases) {
    test(name, () => expect(result).toBe(-ERRNO[expected]));
  }

  test("the list above is complete", () => {
    expect(cases.map(([name]) => name).sort()).toEqual(Object.keys(calls).sort());
  });
});

test("getpid and gettid: the first thread has the number of the process", () => {
  expect(libc.getpid()).toBe(process.pid);
  expect(calls.syscall(SYS_GETTID)).toBe(process.pid);
});

test("variadic functions get their arguments", () => {
  const path = NativeBuffer.cString(import.meta.path);
  const fd = calls.open(path.address, O_RDONLY | O_CLOEXEC, 0);
  opened.push(fd);
  expect(fd).toBeGreaterThan(2);
  expect(calls.fcntl(fd, F_GETFD, 0)).toBe(FD_CLOEXEC);
  const event = calls.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  opened.push(event);
  expect(calls.fcntl(event, F_GETFL, 0) & O_NONBLOCK).toBe(O_NONBLOCK);
});

test("readv fills one piece after the other, from memory of any kind", () => {
  const path = NativeBuffer.cString(import.meta.path);
  const fd = calls.open(path.address, O_RDONLY | O_CLOEXEC, 0);
  opened.push(fd);
  const first = NativeBuffer.allocate(7);
  const second = NativeBuffer.shared(new SharedArrayBuffer(64), 16, 10);
  const vector = NativeBuffer.allocate(32);
  encodeIovec(vector.int32(), 0, first.address, first.length);
  encodeIovec(vector.int32(), 1, second.address, second.length);
  expect(calls.readv(fd, vector.address, 2)).toBe(17);
  const text = readFileSync(import.meta.path, "latin1");
  expect(first.bytes.toString("latin1") + second.bytes.toString("latin1")).toBe(text.slice(0, 17));
});
