import { describe, expect, test } from "bun:test";
import { NOT_IN_WHEEL, type TimerEntry, TimerWheel } from "../../src/net/timer-wheel.ts";

interface Named extends TimerEntry {
  name: string;
}

function entry(name: string, deadlineMs: number): Named {
  return { name, deadlineMs, wheelNext: null, wheelPrevious: null, wheelBucket: NOT_IN_WHEEL };
}

function advance(wheel: TimerWheel<Named>, nowMs: number): string[] {
  const names: string[] = [];
  wheel.advance(nowMs, (expired) => names.push(expired.name));
  return names.sort();
}

describe("expiry", () => {
  test("comes at the end of the deadline's tick: never early, less than a tick late", () => {
    const wheel = new TimerWheel<Named>(10_000);
    wheel.add(entry("a", 10_300));
    expect(advance(wheel, 10_299)).toEqual([]);
    expect(advance(wheel, 10_499)).toEqual([]);
    expect(advance(wheel, 10_500)).toEqual(["a"]);
    expect(wheel.size).toBe(0);
    expect(advance(wheel, 99_999)).toEqual([]);
  });

  test("a deadline on the tick itself or in the past comes with the next tick", () => {
    const wheel = new TimerWheel<Named>(1000);
    wheel.add(entry("on", 1250));
    wheel.add(entry("past", 3));
    expect(advance(wheel, 1249)).toEqual([]);
    expect(advance(wheel, 1250)).toEqual(["on", "past"]);
  });

  test("a long pause expires everything that is due, and only that", () => {
    const wheel = new TimerWheel<Named>(0, 10, 8);
    for (let index = 1; index <= 100; index++) wheel.add(entry(String(index).padStart(3, "0"), index * 10));
    expect(advance(wheel, 505).length).toBe(50);
    expect(wheel.size).toBe(50);
    expect(advance(wheel, 1_000_000).length).toBe(50);
  });

  test("deadlines beyond the ring are kept until their time", () => {
    const wheel = new TimerWheel<Named>(0, 250, 4);
    wheel.add(entry("far", 10_000));
    for (let now = 250; now < 10_000; now += 250) expect(advance(wheel, now)).toEqual([]);
    expect(advance(wheel, 10_000)).toEqual(["far"]);
  });

  test("Infinity never expires", () => {
    const wheel = new TimerWheel<Named>(0, 10, 8);
    wheel.add(entry("never", Number.POSITIVE_INFINITY));
    for (let now = 0; now < 1000; now += 7) expect(advance(wheel, now)).toEqual([]);
    expect(wheel.size).toBe(1);
  });
});

describe("moving", () => {
  test("a deadline moved later by assignment alone is kept", () => {
    const wheel = new TimerWheel<Named>(0);
    const client = entry("client", 1000);
    wheel.add(client);
    for (let now = 250; now <= 5000; now += 250) {
      client.deadlineMs = now + 1000;
      expect(advance(wheel, now)).toEqual([]);
    }
    expect(advance(wheel, 6000)).toEqual(["client"]);
  });

  test("a deadline moved earlier counts after reschedule", () => {
    const wheel = new TimerWheel<Named>(0);
    const client = entry("client", 60_000);
    wheel.add(client);
    client.deadlineMs = 500;
    wheel.reschedule(client);
    expect(wheel.nextDeadlineMs()).toBe(500);
    expect(advance(wheel, 500)).toEqual(["client"]);
  });

  test("adding twice holds it once; removing twice is harmless", () => {
    const wheel = new TimerWheel<Named>(0);
    const client = entry("client", 500);
    wheel.add(client);
    wheel.add(client);
    expect(wheel.size).toBe(1);
    wheel.remove(client);
    wheel.remove(client);
    wheel.reschedule(client);
    expect(wheel.size).toBe(0);
    expect(advance(wheel, 10_000)).toEqual([]);
  });
});

describe("from inside the callback", () => {
  test("others that are due can be removed or moved, and new ones added", () => {
    const wheel = new TimerWheel<Named>(0);
    const all = ["a", "b", "c"].map((name) => entry(name, 100));
    for (const one of all) wheel.add(one);
    const seen: string[] = [];
    wheel.advance(250, (expired) => {
      if (seen.push(expired.name) > 1) return;
      const [first, second] = all.filter((one) => one !== expired);
      wheel.remove(first!);
      second!.deadlineMs = 1000;
      wheel.add(entry("new", 0));
      expired.deadlineMs = 2000;
      wheel.add(expired);
    });
    expect(seen.length).toBe(1);
    expect(wheel.size).toBe(3);
    expect(advance(wheel, 500)).toEqual(["new"]);
    expect(advance(wheel, 1000).length).toBe(1);
    expect(advance(wheel, 2000)).toEqual(seen);
  });

  test("what throws leaves the rest for the next call", () => {
    const wheel = new TimerWheel<Named>(0);
    for (const name of ["a", "b"]) wheel.add(entry(name, 100));
    const boom = () => {
      throw new Error("boom");
    };
    expect(() => wheel.advance(250, boom)).toThrow("boom");
    expect(wheel.nextDeadlineMs()).toBeLessThanOrEqual(250);
    expect(advance(wheel, 250).length).toBe(1);
    expect(wheel.size).toBe(0);
  });
});

describe("nextDeadlineMs", () => {
  test("is Infinity when empty, else a time at which advance has work", () => {
    const wheel = new TimerWheel<Named>(1000);
    expect(wheel.nextDeadlineMs()).toBe(Number.POSITIVE_INFINITY);
    const early = entry("early", 1700);
    wheel.add(entry("late", 5000));
    wheel.add(early);
    expect(wheel.nextDeadlineMs()).toBe(1750);
    wheel.remove(early);
    expect(wheel.nextDeadlineMs()).toBe(5000);
  });

  test("sleeping from one to the next expires all, each within a tick, in 2000 random steps", () => {
    const wheel = new TimerWheel<Named>(0, 10, 16);
    const open = new Set<Named>();
    let now = 0;
    for (let step = 0; step < 2000; step++) {
      if (Math.random() < 0.6) {
        const added = entry(String(step), now + Math.random() * 400);
        open.add(added);
        wheel.add(added);
      }
      for (const one of open) if (Math.random() < 0.02) one.deadlineMs += Math.random() * 100;
      const next = wheel.nextDeadlineMs();
      expect(next === Number.POSITIVE_INFINITY).toBe(open.size === 0);
      if (next === Number.POSITIVE_INFINITY) continue;
      expect(next).toBeGreaterThan(now - 1);
      now = next;
      wheel.advance(now, (expired) => {
        expect(expired.deadlineMs).toBeLessThanOrEqual(now);
        expect(now - expired.deadlineMs).toBeLessThan(10);
        expect(open.delete(expired)).toBe(true);
      });
      expect(wheel.size).toBe(open.size);
    }
  });
});

test("a granularity or bucket count that makes no sense is refused", () => {
  expect(() => new TimerWheel(0, 0)).toThrow(RangeError);
  expect(() => new TimerWheel(0, 1.5)).toThrow(RangeError);
  expect(() => new TimerWheel(0, 10, 12)).toThrow(RangeError);
  expect(() => new TimerWheel(0, 10, 1)).toThrow(RangeError);
});
