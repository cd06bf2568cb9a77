import { describe, expect, test } from "bun:test";
import * as layout from "../../ffi/layout.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import { evaluateC, hasCompiler } from "./compile.ts";

const EXPECTED: Record<string, number> = {
  "sizeof(struct epoll_event)": layout.EPOLL_EVENT_SIZE_BYTES,
  "offsetof(struct epoll_event, data)": layout.EPOLL_EVENT_DATA_OFFSET,
  "sizeof(struct sockaddr_in)": layout.SOCKADDR_IN_SIZE_BYTES,
  "sizeof(struct sockaddr_in6)": layout.SOCKADDR_IN6_SIZE_BYTES,
  "sizeof(struct sockaddr_un)": layout.SOCKADDR_UN_SIZE_BYTES,
  "offsetof(struct sockaddr_un, sun_path)": layout.SOCKADDR_UN_PATH_OFFSET,
  "sizeof(struct sockaddr_storage)": layout.SOCKADDR_STORAGE_SIZE_BYTES,
  "sizeof(struct iovec)": layout.IOVEC_SIZE_BYTES,
  "sizeof(struct msghdr)": layout.MSGHDR_SIZE_BYTES,
  "offsetof(struct msghdr, msg_iov)": layout.MSGHDR_VECTOR_OFFSET,
  "offsetof(struct msghdr, msg_iovlen)": layout.MSGHDR_VECTOR_LENGTH_OFFSET,
  "sizeof(struct addrinfo)": layout.ADDRINFO_SIZE_BYTES,
  "offsetof(struct addrinfo, ai_flags)": layout.ADDRINFO_FLAGS_OFFSET,
  "offsetof(struct addrinfo, ai_socktype)": layout.ADDRINFO_SOCKTYPE_OFFSET,
  "offsetof(struct addrinfo, ai_addrlen)": layout.ADDRINFO_ADDRESS_LENGTH_OFFSET,
  "offsetof(struct addrinfo, ai_addr)": layout.ADDRINFO_ADDRESS_OFFSET,
  "offsetof(struct addrinfo, ai_next)": layout.ADDRINFO_NEXT_OFFSET,
  "sizeof(struct stat)": layout.STAT_SIZE_BYTES,
  "offsetof(struct stat, st_mode)": layout.STAT_MODE_OFFSET,
  "offsetof(struct stat, st_dev)": layout.STAT_DEVICE_OFFSET,
  "offsetof(struct stat, st_ino)": layout.STAT_INODE_OFFSET,
  "sizeof(struct sock_filter)": layout.SOCK_FILTER_SIZE_BYTES,
  "offsetof(struct sock_filter, jt)": 2,
  "offsetof(struct sock_filter, k)": 4,
  "sizeof(struct sock_fprog)": layout.SOCK_FPROG_SIZE_BYTES,
  "offsetof(struct sock_fprog, filter)": layout.SOCK_FPROG_FILTER_OFFSET,
  "sizeof(((struct stat *)0)->st_mode)": 4,
  "offsetof(struct stat, st_size)": layout.STAT_LENGTH_OFFSET,
  "offsetof(struct stat, st_mtim)": layout.STAT_MODIFIED_OFFSET,
  "offsetof(struct timespec, tv_nsec)": 8,
  "sizeof(struct rusage)": layout.RUSAGE_SIZE_BYTES,
  "offsetof(struct rusage, ru_stime)": 16,
  "offsetof(struct rusage, ru_nvcsw)": layout.RUSAGE_VOLUNTARY_SWITCHES_OFFSET,
  "sizeof(struct open_how)": layout.OPEN_HOW_SIZE_BYTES,
  "offsetof(struct open_how, flags)": layout.OPEN_HOW_FLAGS_OFFSET,
  "offsetof(struct open_how, resolve)": layout.OPEN_HOW_RESOLVE_OFFSET,
  // What the encoders write at fixed places.
  "offsetof(struct sockaddr_in, sin_port)": 2,
  "offsetof(struct sockaddr_in, sin_addr)": 4,
  "offsetof(struct sockaddr_in6, sin6_port)": 2,
  "offsetof(struct sockaddr_in6, sin6_addr)": 8,
  "offsetof(struct iovec, iov_base)": 0,
  "offsetof(struct iovec, iov_len)": 8,
};

test.skipIf(!hasCompiler)("sizes and offsets are those of the C headers (needs cc)", () => {
  expect(Object.fromEntries(evaluateC(Object.keys(EXPECTED)))).toEqual(EXPECTED);
});

describe("64-bit numbers", () => {
  for (const value of [
    0,
    1,
    0x7fffffff,
    0x80000000,
    0xffffffff,
    0x1_0000_0000,
    0x7ffe_dcba_9876,
    2 ** 53 - 1,
  ]) {
    test(`${value} survives, in the machine's byte order`, () => {
      const native = NativeBuffer.allocate(16);
      layout.storeUint64(native.int32(), 1, value);
      expect(native.bytes.readBigUInt64LE(4)).toBe(BigInt(value));
      expect(layout.loadUint64(native.int32(), 1)).toBe(value);
    });
  }
});

describe("sockaddrs", () => {
  test("IPv4 has its port in network order", () => {
    const bytes = Buffer.alloc(32, 0xee);
    expect(layout.encodeSockaddrIn(bytes, Uint8Array.of(127, 0, 0, 1), 8080)).toBe(16);
    expect(bytes.subarray(0, 17).toString("hex")).toBe("02001f907f0000010000000000000000ee");
    expect(layout.sockaddrFamily(bytes)).toBe(2);
    expect(layout.sockaddrPort(bytes)).toBe(8080);
    layout.setSockaddrPort(bytes, 65535);
    expect(layout.sockaddrPort(bytes)).toBe(65535);
  });

  test("IPv6 has no flow and no scope", () => {
    const bytes = Buffer.alloc(32, 0xee);
    const address = Uint8Array.from({ length: 16 }, (_, index) => index + 1);
    expect(layout.encodeSockaddrIn6(bytes, address, 80)).toBe(28);
    expect(bytes.subarray(0, 29).toString("hex")).toBe(
      "0a000050000000000102030405060708090a0b0c0d0e0f1000000000ee",
    );
  });

  test("a unix path is zero-terminated and may have 107 bytes", () => {
    const bytes = Buffer.alloc(110, 0xee);
    expect(layout.encodeSockaddrUn(bytes, "/tmp/ü")).toBe(110);
    expect(bytes.subarray(0, 11).toString("hex")).toBe("01002f746d702fc3bc0000");
    expect(layout.encodeSockaddrUn(bytes, "x".repeat(107))).toBe(110);
    expect(bytes[109]).toBe(0);
    expect(layout.encodeSockaddrUn(bytes, "x".repeat(108))).toBe(-1);
    expect(layout.encodeSockaddrUn(bytes, "ü".repeat(54))).toBe(-1);
  });

  test("an abstract name's length is exact", () => {
    expect(layout.encodeSockaddrUn(Buffer.alloc(110), "\0name")).toBe(2 + 5);
    expect(layout.encodeSockaddrUn(Buffer.alloc(110), `\0${"x".repeat(107)}`)).toBe(-1);
  });
});
