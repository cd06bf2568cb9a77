import { type Pointer, read } from "bun:ffi";
import { describe, expect, test } from "bun:test";
import { NativeBuffer } from "../../ffi/native-buffer.ts";

const at = (address: number): Pointer => address as unknown as Pointer;

describe("allocate", () => {
  test("gives zeroed bytes at their address", () => {
    const native = NativeBuffer.allocate(24);
    expect(native.length).toBe(24);
    expect(native.bytes.every((byte) => byte === 0)).toBe(true);
    expect(native.address % 8).toBe(0);
    native.bytes[5] = 77;
    expect(read.u8(at(native.address), 5)).toBe(77);
  });

  test("keeps the address when `buffer` is touched and the collector runs", () => {
    const all = Array.from({ length: 200 }, (_, index) => NativeBuffer.allocate(1 + index));
    for (const native of all) native.bytes[0] = native.length;
    for (const native of all) void native.bytes.buffer.byteLength;
    Bun.gc(true);
    for (const native of all) expect(read.u8(at(native.address), 0)).toBe(native.length & 0xff);
  });

  test("refuses lengths that are none", () => {
    for (const length of [0, -1, 1.5, Number.NaN])
      expect(() => NativeBuffer.allocate(length)).toThrow(RangeError);
  });
});

describe("shared", () => {
  test("views a part of shared memory", () => {
    const memory = new SharedArrayBuffer(64);
    const whole = NativeBuffer.shared(memory, 0, 64);
    const part = NativeBuffer.shared(memory, 16, 8);
    expect(part.address).toBe(whole.address + 16);
    part.bytes[0] = 9;
    expect(new Uint8Array(memory)[16]).toBe(9);
    expect(read.u8(at(part.address), 0)).toBe(9);
  });

  test("refuses a range outside", () => {
    const memory = new SharedArrayBuffer(64);
    expect(() => NativeBuffer.shared(memory, 60, 8)).toThrow(RangeError);
    expect(() => NativeBuffer.shared(memory, 0, 0)).toThrow(RangeError);
  });
});

test("int32 views the same bytes, little-endian, from the view's own start", () => {
  const native = NativeBuffer.shared(new SharedArrayBuffer(32), 8, 10);
  const words = native.int32();
  expect(words.length).toBe(2);
  words[1] = 0x01020304;
  expect([...native.bytes.subarray(4, 8)]).toEqual([4, 3, 2, 1]);
});

test("cString is UTF-8 with a NUL at the end", () => {
  expect(NativeBuffer.cString("aü").bytes.toString("hex")).toBe("61c3bc00");
  expect(NativeBuffer.cString("").bytes.toString("hex")).toBe("00");
});

test("from views the rest, which may free the memory if the whole might", () => {
  const bytes = new Uint8Array(8192);
  bytes[8190] = 7;
  const whole = NativeBuffer.over(bytes, true);
  expect(whole.from(0)).toBe(whole);
  const rest = whole.from(8190);
  expect([rest.length, rest.bytes[0], rest.address]).toEqual([2, 7, whole.address + 8190]);
  rest.free();
  expect(bytes.length).toBe(0);
});

describe("free", () => {
  test("gives back memory that is its own, and no other", () => {
    const bytes = new Uint8Array(10_000);
    NativeBuffer.over(bytes).free();
    expect(bytes.length).toBe(10_000);
    NativeBuffer.over(bytes, true).free();
    expect(bytes.buffer.byteLength).toBe(0);
    const allocated = NativeBuffer.allocate(8);
    allocated.free();
    expect(allocated.bytes.length).toBe(8);
    const owned = NativeBuffer.allocate(10_000, true);
    owned.free();
    expect(owned.bytes.length).toBe(0);
  });
});
