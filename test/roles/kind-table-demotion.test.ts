/** How kinds lose their place inline, and what it takes to come back (`src/roles/kind-table.ts`). */
import { describe, expect, test } from "bun:test";
import type { KindTable } from "../../src/roles/kind-table.ts";
import { find, isInline, newKinds, runInPool, runWell, SLOW } from "./kinds.ts";

describe("demotion", () => {
  const promoted = (kinds: KindTable): [number, number] => {
    const kind = find(kinds, "/a");
    runInPool(kinds, kind, 16);
    return kind;
  };

  /** How many quick runs in the pool a kind needs that was demoted. */
  const runsToReturn = (kinds: KindTable, of: [number, number]): number => {
    let runs = 0;
    for (; !isInline(kinds, of); runs++) runInPool(kinds, of, 1);
    return runs;
  };

  test.each([
    ["a slow run", 1.5, true],
    ["one that did not settle", 0.01, false],
  ])("by %s, and it takes twice as many runs to come back, each time", (_name, ms, isSettled) => {
    const kinds = newKinds();
    const kind = promoted(kinds);
    for (const needed of [32, 64, 128]) {
      kinds.ranInline(kind[0], kind[1], ms, isSettled, 0);
      expect(isInline(kinds, kind)).toBe(false);
      runInPool(kinds, kind, needed - 1);
      expect(isInline(kinds, kind)).toBe(false);
      runInPool(kinds, kind, 1);
      expect(isInline(kinds, kind)).toBe(true);
    }
  });

  test("by an average that is worth a hand-over", () => {
    const kinds = newKinds();
    const kind = promoted(kinds);
    for (let run = 0; run < 1000; run++) kinds.ranInline(kind[0], kind[1], 0.05, true, 0);
    expect(isInline(kinds, kind)).toBe(true);
    // What runs with long bodies did not take of what they may makes up for nothing.
    for (let run = 0; run < 100; run++) kinds.ranInline(kind[0], kind[1], -9, true, 1_000_000);
    for (let run = 0; run < 30; run++) kinds.ranInline(kind[0], kind[1], 0.2, true, 0);
    expect(isInline(kinds, kind)).toBe(false);
  });

  test("is forgiven after 65,536 good runs", () => {
    const kinds = newKinds();
    const kind = promoted(kinds);
    kinds.ranInline(kind[0], kind[1], 20, true, 0);
    runInPool(kinds, kind, 32);
    runWell(kinds, kind, 65_536);
    kinds.ranInline(kind[0], kind[1], 20, true, 0);
    runInPool(kinds, kind, 31);
    expect(isInline(kinds, kind)).toBe(false);
    runInPool(kinds, kind, 1);
    expect(isInline(kinds, kind)).toBe(true);
  });

  // 20 times what the pause takes: a good run gains 10 us, and 2.5 for each 1,000 bytes, 100 at most.
  test.each([
    ["6 ms after 12,000 good runs", 6, 12_000, 0, true, 4],
    ["6 ms after fewer", 6, 11_999, 0, true, 32],
    ["6 ms after 1,200 of 100,000 bytes", 6, 1200, 100_000, true, 4],
    ["6 ms after 1,199 of those", 6, 1199, 100_000, true, 32],
    ["16 ms after 32,000", 16, 32_000, 0, true, 4],
    ["longer, after however many", 16.1, 60_000, 0, true, 32],
    ["one that did not settle", 6, 60_000, 0, false, 32],
  ])(
    "by what may have been a collection of the whole heap, but then 4 runs are enough to come back: %s",
    (_name, ms, good, bytes, isSettled, needed) => {
      const kinds = newKinds();
      const kind = promoted(kinds);
      runWell(kinds, kind, good, bytes);
      kinds.ranInline(kind[0], kind[1], ms, isSettled, bytes);
      expect(runsToReturn(kinds, kind)).toBe(needed);
    },
  );

  test("by such a one, and 4 are enough however many it took before; what was forgiven is no gain", () => {
    const kinds = newKinds();
    const kind = promoted(kinds);
    kinds.ranInline(kind[0], kind[1], 20, true, 0);
    expect(runsToReturn(kinds, kind)).toBe(32);
    runWell(kinds, kind, 12_000);
    kinds.ranInline(kind[0], kind[1], 6, true, 0);
    expect(runsToReturn(kinds, kind)).toBe(4);
    runWell(kinds, kind, 12_000);
    kinds.ranInline(kind[0], kind[1], 2, true, 0);
    expect(isInline(kinds, kind)).toBe(true);
    kinds.ranInline(kind[0], kind[1], 6, true, 0);
    expect(runsToReturn(kinds, kind)).toBe(64);
  });

  test("by such a one, its parent stays", () => {
    const kinds = newKinds();
    for (const letter of "abcdefghijklmnopqrstuvwxyz")
      runInPool(kinds, find(kinds, `/posts/slug-${letter}`), 16);
    const one = find(kinds, "/posts/slug-a");
    runWell(kinds, one, 12_000);
    kinds.ranInline(one[0], one[1], 6, true, 0);
    expect([isInline(kinds, one), isInline(kinds, find(kinds, "/posts/new"))]).toEqual([false, true]);
    expect(runsToReturn(kinds, one)).toBe(4);
    kinds.ranInline(one[0], one[1], 6, true, 0);
    expect(isInline(kinds, find(kinds, "/posts/other"))).toBe(false);
  });

  test("after such a one, a slow run in the pool makes it take all runs again, and the next pause is none without as much gain", () => {
    const kinds = newKinds();
    const kind = promoted(kinds);
    runWell(kinds, kind, 12_000);
    kinds.ranInline(kind[0], kind[1], 6, true, 0);
    runInPool(kinds, kind, 3);
    runInPool(kinds, kind, 1, SLOW);
    runInPool(kinds, kind, 15);
    expect(isInline(kinds, kind)).toBe(false);
    runInPool(kinds, kind, 1);
    expect(isInline(kinds, kind)).toBe(true);
    runWell(kinds, kind, 6000);
    kinds.ranInline(kind[0], kind[1], 6, true, 0);
    runInPool(kinds, kind, 31);
    expect(isInline(kinds, kind)).toBe(false);
  });

  test("not by a short slow run after enough good ones: those are pauses of the engine", () => {
    const kinds = newKinds();
    const kind = promoted(kinds);
    runWell(kinds, kind, 200);
    kinds.ranInline(kind[0], kind[1], 2, true, 0);
    expect(isInline(kinds, kind)).toBe(true);
    runWell(kinds, kind, 199);
    kinds.ranInline(kind[0], kind[1], 2, true, 0);
    expect(isInline(kinds, kind)).toBe(false);
  });

  test("not by several of those, one after the other, for which together the good ones were enough: 5 ms at most", () => {
    const kinds = newKinds();
    const kind = promoted(kinds);
    runWell(kinds, kind, 10_000);
    for (const ms of [2, 1.5, 1.5]) kinds.ranInline(kind[0], kind[1], ms, true, 0);
    expect(isInline(kinds, kind)).toBe(true);
    kinds.ranInline(kind[0], kind[1], 1.1, true, 0);
    expect(isInline(kinds, kind)).toBe(false);
  });

  test("not by one after few good ones of long bodies, which a hand-over would copy: good runs pay for that too", () => {
    const kinds = newKinds();
    const kind = promoted(kinds);
    const runLong = (count: number, bytes: number): void => {
      for (let run = 0; run < count; run++) kinds.ranInline(kind[0], kind[1], 0.05, true, bytes);
    };
    // 10 us each and 2.5 for each 1,000 bytes: 260.
    runLong(8, 100_000);
    kinds.ranInline(kind[0], kind[1], 2, true, 100_000);
    expect(isInline(kinds, kind)).toBe(true);
    // However long they are, it takes 16 to pay for 5 ms.
    runLong(15, 2_000_000);
    kinds.ranInline(kind[0], kind[1], 4.9, true, 2_000_000);
    expect(isInline(kinds, kind)).toBe(false);
  });

  test("runs in the pool say nothing against a kind that is inline", () => {
    const kinds = newKinds();
    const kind = promoted(kinds);
    runInPool(kinds, kind, 5, SLOW);
    expect(isInline(kinds, kind)).toBe(true);
  });
});
