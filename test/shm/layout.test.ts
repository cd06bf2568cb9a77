import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  alignUp,
  checkPlace,
  checkPowerOfTwo,
  declareLayout,
  field,
  ISOLATION_BYTES,
  isolated,
} from "../../src/shm/layout.ts";

test("fields follow each other at their alignments", () => {
  const layout = declareLayout({
    first: field(4),
    second: field(8, 8),
    third: isolated(4),
    fourth: field(4),
  });
  expect(layout.offsets).toEqual({ first: 0, second: 8, third: 128, fourth: 132 });
  expect(layout.bytes).toBe(256);
  expect(layout.alignBytes).toBe(ISOLATION_BYTES);
});

test("fields never overlap and the size covers them, whatever the sizes", () => {
  const fields = fc.array(
    fc.record({
      bytes: fc.integer({ min: 0, max: 5000 }),
      alignBytes: fc.constantFrom(1, 2, 4, 8, 64, 128, 4096),
    }),
    { minLength: 1, maxLength: 12 },
  );
  fc.assert(
    fc.property(fields, (list) => {
      const layout = declareLayout(Object.fromEntries(list.map((each, index) => [`f${index}`, each])));
      let end = 0;
      list.forEach((each, index) => {
        const offset = layout.offsets[`f${index}`]!;
        expect(offset).toBeGreaterThanOrEqual(end);
        expect(offset % each.alignBytes).toBe(0);
        end = offset + each.bytes;
      });
      expect(layout.bytes).toBeGreaterThanOrEqual(end);
      expect(layout.bytes % layout.alignBytes).toBe(0);
    }),
  );
});

test("caller mistakes are RangeErrors", () => {
  expect(() => declareLayout({ bad: field(4, 3) })).toThrow(RangeError);
  expect(() => declareLayout({ bad: field(-1) })).toThrow(RangeError);
  for (const value of [0, -4, 3, 2.5, Number.NaN, 2 ** 31, 2 ** 32]) {
    expect(() => checkPowerOfTwo("capacity", value)).toThrow(RangeError);
  }
  const memory = new SharedArrayBuffer(256);
  expect(() => checkPlace("ring", memory, 128, 128, 128)).not.toThrow();
  expect(() => checkPlace("ring", memory, 128, 129, 128)).toThrow(RangeError);
  expect(() => checkPlace("ring", memory, 64, 64, 128)).toThrow(RangeError);
  expect(() => checkPlace("ring", memory, -128, 64, 128)).toThrow(RangeError);
});

test("alignUp keeps what is aligned and works above 2^32", () => {
  expect(alignUp(128, 128)).toBe(128);
  expect(alignUp(129, 128)).toBe(256);
  expect(alignUp(2 ** 33 + 1, 4096)).toBe(2 ** 33 + 4096);
});
