import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { EPOLL_CTL_ADD, EPOLLET, EPOLLIN, SYS_OPENAT } from "../../ffi/constants.ts";
import { ERRNO, errno } from "../../ffi/errno.ts";
import { withFaults } from "../../ffi/faults.ts";
import { type Libc, libc } from "../../ffi/libc.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import { Faults } from "../support/faults.ts";

const faults = Faults.create();
const wrapped: Libc = withFaults(libc, faults.path);
const memory = NativeBuffer.allocate(64);

afterEach(() => faults.stop());

/** Makes and closes eventfds; says which were made. */
function makeEventfds(count: number): (number | "failed")[] {
  return Array.from({ length: count }, () => {
    const fd = wrapped.eventfd(0, 0x800);
    if (fd === -1) return "failed";
    libc.close(fd);
    return fd;
  });
}

describe("withFaults", () => {
  test("changes nothing while no rule is on", () => {
    expect(makeEventfds(10)).not.toContain("failed");
    expect(faults.counts("eventfd")).toEqual({ calls: 0, failed: 0 });
  });

  test("fails every n-th call with the errno of the rule, until it is stopped", () => {
    faults.fail("eventfd", "EMFILE", { every: 3 });
    const isFailed = makeEventfds(7).map((fd) => fd === "failed");
    expect(isFailed).toEqual([false, false, true, false, false, true, false]);
    expect(faults.counts("eventfd")).toEqual({ calls: 7, failed: 2 });
    faults.stop(["eventfd"]);
    expect(makeEventfds(5)).not.toContain("failed");
  });

  test("sets errno as the kernel does", () => {
    faults.fail("recv", "ENOMEM");
    expect(wrapped.recv(0, memory.address, 1, 0)).toBe(-1);
    expect(errno()).toBe(ERRNO.ENOMEM);
  });

  test("fails so many times and no more", () => {
    faults.fail("eventfd", "ENFILE", { times: 2 });
    expect(makeEventfds(5).map((fd) => fd === "failed")).toEqual([true, true, false, false, false]);
    expect(faults.counts("eventfd").failed).toBe(2);
  });

  test("fails calls that are made by number", () => {
    const path = NativeBuffer.cString("/dev/null");
    faults.fail("openat", "EMFILE");
    expect(wrapped.syscall(SYS_OPENAT, -100, path.address, 0, 0)).toBe(-1);
    expect(errno()).toBe(ERRNO.EMFILE);
  });

  test("closes the descriptor although close fails", () => {
    const fd = libc.eventfd(0, 0x800);
    faults.fail("close", "EINTR");
    expect(wrapped.close(fd)).toBe(-1);
    expect(errno()).toBe(ERRNO.EINTR);
    faults.stop();
    expect(libc.close(fd)).toBe(-1);
    expect(errno()).toBe(ERRNO.EBADF);
  });

  test("an EAGAIN of a watched descriptor is followed by an event", () => {
    const epollFd = wrapped.epoll_create1(0);
    const fd = wrapped.eventfd(1, 0x800);
    const words = memory.int32();
    words[0] = EPOLLIN | EPOLLET;
    words[1] = 7;
    expect(wrapped.epoll_ctl(epollFd, EPOLL_CTL_ADD, fd, memory.address)).toBe(0);
    words[0] = 0;
    const events = NativeBuffer.allocate(64);
    expect(wrapped.epoll_wait(epollFd, events.address, 4, 0)).toBe(1);
    expect(wrapped.epoll_wait(epollFd, events.address, 4, 0)).toBe(0);
    faults.fail("read", "EAGAIN", { times: 1 });
    expect(wrapped.read(fd, memory.address, 8)).toBe(-1);
    expect(wrapped.epoll_wait(epollFd, events.address, 4, 0)).toBe(1);
    expect(events.int32()[process.arch === "arm64" ? 2 : 1]).toBe(7);
    expect(wrapped.read(fd, memory.address, 8)).toBe(8);
    libc.close(fd);
    libc.close(epollFd);
  });
});

afterAll(() => faults.remove());
