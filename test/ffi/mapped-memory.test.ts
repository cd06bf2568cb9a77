import { heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { MappedMemory } from "../../ffi/mapped-memory.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";

const MIB = 1 << 20;

/** Whether an address lies in a mapping of this process. */
function isMapped(address: number): boolean {
  const ranges = readFileSync("/proc/self/maps", "latin1").matchAll(/^([0-9a-f]+)-([0-9a-f]+) /gm);
  return [...ranges].some(([, from, to]) => address >= Number(`0x${from}`) && address < Number(`0x${to}`));
}

test("zeroes from the start of a page on, which keep what is written", () => {
  const memory = new MappedMemory(3 * MIB);
  expect([memory.length, memory.address % 4096]).toEqual([3 * MIB, 0]);
  const { bytes } = NativeBuffer.at(memory.address, 3 * MIB);
  expect(bytes.every((byte) => byte === 0)).toBe(true);
  bytes[3 * MIB - 1] = 9;
  expect(NativeBuffer.at(memory.address + 3 * MIB - 1, 1).bytes[0]).toBe(9);
  expect(isMapped(memory.address + 3 * MIB - 1)).toBe(true);
});

test("neither touched nor counted", () => {
  const [rss, counted] = [process.memoryUsage.rss(), heapStats().extraMemorySize];
  const memory = new MappedMemory(4096 * MIB);
  expect(process.memoryUsage.rss() - rss).toBeLessThan(16 * MIB);
  expect(heapStats().extraMemorySize - counted).toBeLessThan(MIB);
  expect(isMapped(memory.address + 4095 * MIB)).toBe(true);
});

test("given back when it is collected, all of it", async () => {
  const made = (): number[] => Array.from({ length: 50 }, () => new MappedMemory(64 * MIB).address);
  const addresses = made();
  const ofLast = (address: number): number => address + 63 * MIB;
  let left = addresses;
  for (let round = 0; round < 50 && left.length > 5; round++) {
    await Bun.sleep(5);
    Bun.gc(true);
    left = addresses.filter((address) => isMapped(address) || isMapped(ofLast(address)));
  }
  // The collector takes some numbers on the stack for pointers.
  expect(left.length).toBeLessThanOrEqual(5);
});

test("more than there can be of it", () => {
  expect(() => new MappedMemory(2 ** 50)).toThrow(
    expect.objectContaining({ code: "ENOMEM", syscall: "mmap" }),
  );
});
