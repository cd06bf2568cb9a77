import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { mapMemory } from "../../ffi/mapped-memory.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import { eventually } from "../support/process-info.ts";

/** Whether an address is mapped. */
function isMapped(address: number): boolean {
  return readFileSync("/proc/self/maps", "latin1")
    .split("\n")
    .some((line) => {
      const range = /^([0-9a-f]+)-([0-9a-f]+) /.exec(line);
      return range !== null && parseInt(range[1]!, 16) <= address && address < parseInt(range[2]!, 16);
    });
}

test("is zeroed, writable from end to end, and aligned to pages", () => {
  const length = 10 << 20;
  const { address, keeper } = mapMemory(length);
  expect(address % 4096).toBe(0);
  const { bytes } = NativeBuffer.at(address, length);
  expect(bytes.every((byte) => byte === 0)).toBe(true);
  bytes[0] = 1;
  bytes[length - 1] = 2;
  expect(new Uint8Array(keeper)[0]).toBe(1);
});

test("stays while its keeper is kept, and goes when that is collected", async () => {
  const length = 64 << 20;
  const kept = mapMemory(length);
  // The last page of each: mappings beside one another are shown as one.
  const dropped = Array.from({ length: 8 }, () => mapMemory(length).address + length - 1);
  await eventually(
    "pages that are still there",
    () => {
      Bun.gc(true);
      return dropped.filter(isMapped).length;
    },
    (left) => left <= 1,
  );
  expect(isMapped(kept.address) && isMapped(kept.address + length - 1)).toBe(true);
  expect(kept.keeper.byteLength).toBe(8);
});

test("what the kernel does not give is an error that says so", () => {
  expect(() => mapMemory(2 ** 52)).toThrow("ENOMEM");
});
