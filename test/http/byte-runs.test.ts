import { expect, test } from "bun:test";
import fc from "fast-check";
import { areSameBytes, copyBytes, hashBytes, placeOfHash } from "../../src/http/byte-runs.ts";

const bytes = fc.uint8Array({ maxLength: 40 });

test("a copy has the same bytes, wherever it lies, and the same hash; one byte more or less does not", () => {
  fc.assert(
    fc.property(bytes, fc.nat(20), fc.nat(20), (run, at, start) => {
      const from = new Uint8Array(start + run.length + 1);
      from.set(run, start);
      const to = new Uint8Array(at + run.length + 1);
      copyBytes(to, at, from, start, run.length);
      expect([...to]).toEqual([...new Uint8Array(at), ...run, 0]);
      expect(areSameBytes(to, at, from, start, run.length)).toBe(true);
      expect(hashBytes(7, to, at, at + run.length)).toBe(hashBytes(7, from, start, start + run.length));
      for (let index = 0; index < run.length; index++) {
        to[at + index]! ^= 1;
        expect(areSameBytes(to, at, from, start, run.length)).toBe(false);
        expect(areSameBytes(to, at, from, start, index)).toBe(true);
        to[at + index]! ^= 1;
      }
    }),
  );
});

test("a place is one of the table's", () => {
  fc.assert(
    fc.property(fc.integer(), fc.constantFrom(1, 32, 64), (hash, places) => {
      const place = placeOfHash(hash, places);
      expect(place >= 0 && place < places).toBe(true);
    }),
  );
});
