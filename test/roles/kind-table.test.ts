import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { HEAVY, LIGHT, QUICK } from "../../src/channel/messages.ts";
import { KindTable, NO_KIND, targetHash } from "../../src/roles/kind-table.ts";
import { DispatcherCounter } from "../../src/shm/counters.ts";
import { parseRequest } from "../channel/link-pair.ts";
import { find, isInline, newCounters, newKinds, runInPool, runWell, SLOW } from "./kinds.ts";

const kindOf = (target: string, method?: string, route?: number): number =>
  find(newKinds(), target, method, route)[0];

describe("what is one kind", () => {
  test.each([
    ["/users/1", "/users/2734"],
    ["/users/1/posts/9", "/users/22/posts/10"],
    ["/files/3f2504e0-4f89-41d3", "/files/9b1deb4d-3b7d-4bad"],
    ["/a?x=1", "/a?x=2&y=/3"],
    ["/a", "/a?b"],
  ])("%s and %s", (one, other) => {
    expect(kindOf(one)).toBe(kindOf(other));
  });

  test.each([
    ["/users", "/posts"],
    ["/v1/users", "/v2/users"],
    ["/a", "/a/"],
    ["/a/b", "/ab"],
    ["/users/1", "/users/one"],
  ])("not %s and %s", (one, other) => {
    expect(kindOf(one)).not.toBe(kindOf(other));
  });

  test("methods are kinds of their own, and a route is one whatever the path", () => {
    expect(kindOf("/a", "GET")).not.toBe(kindOf("/a", "POST"));
    expect(kindOf("/a", "GET", 1)).toBe(kindOf("/b/c", "GET", 1));
    expect(kindOf("/a", "GET", 1)).not.toBe(kindOf("/a", "GET", 2));
  });
});

describe("kinds whose runs are short, worth it or not", () => {
  test("are those that were promoted once, and made no mistake since", () => {
    const kinds = newKinds();
    const of = find(kinds, "/a");
    expect(kinds.isShort(of[0])).toBe(false);
    runInPool(kinds, of, 16);
    expect(kinds.isShort(of[0])).toBe(true);
    for (let run = 0; run < 20; run++) kinds.ranInline(of[0], of[1], 0.5, true, 0);
    expect([isInline(kinds, of), kinds.isShort(of[0])]).toEqual([false, true]);
    // Run inline for want of a thread, it is not promoted by that.
    kinds.ranInline(of[0], of[1], 0.01, true, 0);
    expect([isInline(kinds, of), kinds.isShort(of[0])]).toEqual([false, true]);
    // A pause of the engine may take so long.
    kinds.ranInline(of[0], of[1], 4, true, 0);
    expect(kinds.isShort(of[0])).toBe(true);
    kinds.ranInline(of[0], of[1], 4, true, 0);
    expect(kinds.isShort(of[0])).toBe(false);
  });

  test("are none that were slow for longer than a pause, once", () => {
    const kinds = newKinds();
    const of = find(kinds, "/a");
    runInPool(kinds, of, 16);
    runWell(kinds, of, 100);
    kinds.ranInline(of[0], of[1], 6, true, 0);
    expect(kinds.isShort(of[0])).toBe(false);
  });

  test("are none that wait for something", () => {
    const kinds = newKinds();
    const of = find(kinds, "/a");
    runInPool(kinds, of, 16);
    runWell(kinds, of, 100);
    kinds.ranInline(of[0], of[1], 0.01, false, 0);
    expect(kinds.isShort(of[0])).toBe(false);
  });

  test("are none that compute for long in the pool", () => {
    const kinds = newKinds();
    const of = find(kinds, "/a");
    runInPool(kinds, of, 16);
    kinds.ranInPool(of[0], of[1], HEAVY);
    expect(kinds.isShort(of[0])).toBe(false);
  });
});

describe("promotion", () => {
  test("after 16 quick runs in a row", () => {
    const kinds = newKinds();
    const kind = find(kinds, "/a");
    runInPool(kinds, kind, 15);
    expect(isInline(kinds, kind)).toBe(false);
    runInPool(kinds, kind, 1, SLOW);
    runInPool(kinds, kind, 15);
    expect(isInline(kinds, kind)).toBe(false);
    runInPool(kinds, kind, 1);
    expect(isInline(kinds, kind)).toBe(true);
  });

  test("a run that was neither quick nor slow takes four off the streak, whether it is heavy or not", () => {
    const kinds = newKinds();
    const kind = find(kinds, "/a");
    runInPool(kinds, kind, 15);
    runInPool(kinds, kind, 1, LIGHT);
    runInPool(kinds, kind, 4);
    runInPool(kinds, kind, 1, LIGHT | HEAVY);
    runInPool(kinds, kind, 4);
    expect(isInline(kinds, kind)).toBe(false);
    runInPool(kinds, kind, 1);
    expect(isInline(kinds, kind)).toBe(true);
  });

  test("a heavy one that is not light ends it", () => {
    const kinds = newKinds();
    const kind = find(kinds, "/a");
    runInPool(kinds, kind, 15);
    runInPool(kinds, kind, 1, HEAVY);
    runInPool(kinds, kind, 15);
    expect(isInline(kinds, kind)).toBe(false);
  });

  test("a streak that light runs took back is none of a kind that was never seen", () => {
    const kinds = newKinds();
    const kind = find(kinds, "/posts/one");
    runInPool(kinds, kind, 4);
    runInPool(kinds, kind, 1, LIGHT);
    for (const letter of "abcdefghijklmnop") runInPool(kinds, find(kinds, `/posts/slug-${letter}`), 1);
    expect([isInline(kinds, find(kinds, "/posts/two")), isInline(kinds, kind)]).toEqual([true, false]);
  });

  test("never where one in five is neither quick nor slow, or all are", () => {
    const kinds = newKinds();
    const kind = find(kinds, "/a");
    for (let round = 0; round < 1000; round++) {
      runInPool(kinds, kind, 4);
      runInPool(kinds, kind, 1, LIGHT);
      expect(isInline(kinds, kind)).toBe(false);
    }
    const other = find(kinds, "/b");
    runInPool(kinds, other, 1000, LIGHT);
    expect(isInline(kinds, other)).toBe(false);
  });

  test("a path that was never seen goes by its siblings; one that was slow does not", () => {
    const kinds = newKinds();
    for (let index = 0; index < 16; index++) {
      runInPool(kinds, find(kinds, `/posts/slug-${"abcdefghijklmnopqrstuvwxyz"[index]}`), 1);
    }
    const fresh = find(kinds, "/posts/another");
    expect(isInline(kinds, fresh)).toBe(true);
    kinds.ranInline(fresh[0], NO_KIND, 5, true, 0);
    expect(isInline(kinds, find(kinds, "/posts/another"))).toBe(false);
    expect(isInline(kinds, find(kinds, "/posts/yet-another"))).toBe(true);
    expect(isInline(kinds, find(kinds, "/other/path"))).toBe(false);
  });
});

describe("targets that were slow", () => {
  const target = (path: string): number => {
    const { head, bytes, headStart } = parseRequest(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    return targetHash(head, bytes, headStart);
  };

  test.each([
    ["/report?all", "/report?one", 0],
    ["/reports/2025", "/reports/2026", 0],
    ["/report?all", "/report?one", 3],
  ])("%s is a kind of its own, %s stays what it was (route %i)", (slow, other, route) => {
    const kinds = newKinds();
    const before = find(kinds, slow, "GET", route);
    expect(find(kinds, other, "GET", route)).toEqual(before);
    runInPool(kinds, before, 16);
    kinds.noteSlowTarget(before[0], target(slow), false);
    expect(find(kinds, slow, "GET", route)).toEqual(before);
    kinds.noteSlowTarget(before[0], target(slow), false);
    expect(find(kinds, slow, "GET", route)).toEqual([target(slow), NO_KIND]);
    expect(find(kinds, other, "GET", route)).toEqual(before);
    expect(isInline(kinds, find(kinds, slow, "GET", route))).toBe(false);
    expect(isInline(kinds, before)).toBe(true);
    for (let run = 0; run < 3; run++) kinds.ranInPool(target(slow), NO_KIND, HEAVY);
    expect([kinds.isHeavy(target(slow)), kinds.isHeavy(before[0])]).toEqual([true, false]);
  });

  test("one that is quick again belongs to its kind again", () => {
    const kinds = newKinds();
    for (let time = 0; time < 2; time++) kinds.noteSlowTarget(find(kinds, "/a")[0], target("/a?x"), false);
    runInPool(kinds, find(kinds, "/a?x"), 16);
    expect(find(kinds, "/a?x")).toEqual(find(kinds, "/a"));
    expect(isInline(kinds, find(kinds, "/a"))).toBe(false);
  });

  /** A slow inline run of a target, as the host tells of it. */
  const runSlowly = (kinds: KindTable, path: string, ms: number): void => {
    const [kind, parent] = find(kinds, path);
    kinds.ranInline(kind, parent, ms, true, 0);
    kinds.noteSlowTarget(kind, target(path), true);
  };

  test("inline, once is enough, and also when it was quick for a while", () => {
    const kinds = newKinds();
    const before = find(kinds, "/a");
    for (const needed of [16, 32, 64]) {
      runInPool(kinds, before, needed);
      expect(isInline(kinds, find(kinds, "/a?x"))).toBe(true);
      runSlowly(kinds, "/a?x", 20);
      expect(find(kinds, "/a?x")).toEqual([target("/a?x"), NO_KIND]);
      expect(isInline(kinds, find(kinds, "/a?x"))).toBe(false);
      runInPool(kinds, find(kinds, "/a?x"), 16);
      expect(find(kinds, "/a?x")).toEqual(before);
    }
  });

  test("inline, also where it was pardoned: others come back after 4 runs, it is quick 16 times first", () => {
    const kinds = newKinds();
    const before = find(kinds, "/a");
    runInPool(kinds, before, 16);
    runWell(kinds, before, 12_000);
    runSlowly(kinds, "/a?x", 6);
    runInPool(kinds, before, 4);
    expect([isInline(kinds, find(kinds, "/a?y")), isInline(kinds, find(kinds, "/a?x"))]).toEqual([
      true,
      false,
    ]);
    runInPool(kinds, find(kinds, "/a?x"), 16);
    expect(find(kinds, "/a?x")).toEqual(before);
  });

  test("inline, not where it was forgiven", () => {
    const kinds = newKinds();
    const before = find(kinds, "/a");
    runInPool(kinds, before, 16);
    runWell(kinds, before, 300);
    runSlowly(kinds, "/a?x", 3);
    expect([find(kinds, "/a?x"), isInline(kinds, before)]).toEqual([before, true]);
  });

  test("one that finds its row taken by a kind that is inline goes to the pool all the same", () => {
    const kinds = newKinds();
    const before = find(kinds, "/a");
    const [slow, other] = twins();
    runInPool(kinds, find(kinds, other), 16);
    runInPool(kinds, before, 16);
    runSlowly(kinds, slow, 20);
    runInPool(kinds, before, 32);
    expect([isInline(kinds, before), isInline(kinds, find(kinds, other))]).toEqual([true, true]);
    for (let request = 0; request < 10; request++) expect(isInline(kinds, find(kinds, slow))).toBe(false);
  });

  /** A target of /a and a path whose kinds would have the same row. */
  function twins(): [string, string] {
    const row = (hash: number): number => hash & 4095;
    const [kind] = find(newKinds(), "/k/x");
    for (let number = 0; ; number++) {
      if (row(target(`/a?${number}`)) === row(kind)) return [`/a?${number}`, "/k/x"];
    }
  }
});

test("promotions and demotions are counted, parents too; what changes nothing is not", () => {
  const counters = newCounters();
  const kinds = new KindTable(counters);
  const counts = (): number[] => [
    counters[DispatcherCounter.promotions]!,
    counters[DispatcherCounter.demotions]!,
  ];
  const [kind, parent] = find(kinds, "/a");
  runInPool(kinds, [kind, NO_KIND], 15);
  expect(counts()).toEqual([0, 0]);
  runInPool(kinds, [kind, NO_KIND], 20);
  for (let run = 0; run < 50; run++) kinds.ranInline(kind, parent, 0.01, true, 0);
  expect(counts()).toEqual([1, 0]);
  kinds.ranInline(kind, parent, 8, true, 0);
  expect(counts()).toEqual([1, 1]);
  // For want of a thread, in the pool, and by a kind that is not known.
  kinds.ranInline(kind, parent, 8, true, 0);
  runInPool(kinds, [kind, parent], 1, SLOW);
  kinds.ranInline(NO_KIND, NO_KIND, 8, true, 0);
  expect(counts()).toEqual([1, 1]);
  runInPool(kinds, [kind, parent], 64);
  expect(counts()).toEqual([3, 1]);
  kinds.ranInline(kind, parent, 0.01, false, 0);
  expect(counts()).toEqual([3, 3]);
});

test("a kind is heavy after two heavy runs more than others, and light again after others", () => {
  const kinds = newKinds();
  const kind = find(kinds, "/cpu");
  kinds.ranInPool(kind[0], kind[1], HEAVY);
  expect(kinds.isHeavy(kind[0])).toBe(false);
  for (let run = 0; run < 10; run++) kinds.ranInPool(kind[0], kind[1], HEAVY);
  expect(kinds.isHeavy(kind[0])).toBe(true);
  for (let run = 0; run < 3; run++) kinds.ranInPool(kind[0], kind[1], QUICK);
  expect(kinds.isHeavy(kind[0])).toBe(false);
});

test("a flood of other paths does not push out a kind that is inline", () => {
  const kinds = newKinds();
  const kind = find(kinds, "/popular");
  runInPool(kinds, kind, 16);
  let kept = 0;
  for (let round = 0; round < 2000; round++) {
    find(
      kinds,
      `/${(round * 7919).toString(36).replace(/\d/g, "x")}-${String.fromCharCode(97 + (round % 26))}`,
    );
    if (isInline(kinds, kind)) kept++;
  }
  expect(kept).toBeGreaterThan(1900);
});

test("no kind is harmless", () => {
  const kinds = newKinds();
  kinds.ranInPool(NO_KIND, NO_KIND, QUICK | HEAVY);
  kinds.ranInline(NO_KIND, NO_KIND, 1, true, 0);
  expect([kinds.isInline(NO_KIND, NO_KIND), kinds.isHeavy(NO_KIND)]).toEqual([false, false]);
});

test("whatever has happened, no kind is inline right after a slow run of it", () => {
  const runs = fc.array(fc.tuple(fc.nat(3), fc.constantFrom("quick", "slow", "inline", "mistake")), {
    maxLength: 400,
  });
  fc.assert(
    fc.property(runs, (history) => {
      const kinds = newKinds();
      for (const [path, what] of history) {
        const kind = find(kinds, `/kind/${"abcd"[path]}`);
        if (what === "quick" || what === "slow") runInPool(kinds, kind, 5, what === "quick" ? QUICK : SLOW);
        else kinds.ranInline(kind[0], kind[1], what === "mistake" ? 3 : 0.001, true, 0);
        if (what === "mistake") expect(isInline(kinds, kind)).toBe(false);
      }
    }),
    { numRuns: 50 },
  );
});
