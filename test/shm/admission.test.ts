import { describe, expect, test } from "bun:test";
import { Admission, allocateAdmission, NO_ADDRESS } from "../../src/shm/admission.ts";

const V4 = 4;
const V6 = 6;
const peer = (family: number, ...words: number[]): Int32Array =>
  Int32Array.from([family | (1234 << 16), ...words, 0, 0, 0, 0].slice(0, 5));

function make(connections = Infinity, perAddress = Infinity): Admission {
  return new Admission(allocateAdmission(connections, perAddress)!);
}

test("without limits there is nothing to count", () => {
  expect(allocateAdmission(Infinity, Infinity)).toBeNull();
});

test("connections in all", () => {
  const admission = make(2);
  const key = admission.keyOf(peer(V4, 1), 0);
  expect([key, admission.isAddressFull(key)]).toEqual([NO_ADDRESS, false]);
  admission.enter(key);
  expect([admission.open, admission.isFull]).toEqual([1, false]);
  admission.enter(key);
  expect(admission.isFull).toBe(true);
  admission.leave(key);
  expect([admission.open, admission.isFull]).toEqual([1, false]);
});

test("who waits for room is woken once, by whoever makes some", () => {
  const admission = make(1);
  admission.enter(NO_ADDRESS);
  admission.room.announce();
  admission.enter(NO_ADDRESS);
  expect([admission.leave(NO_ADDRESS), admission.leave(NO_ADDRESS)]).toEqual([true, false]);
});

describe("addresses", () => {
  test("are counted apart, whatever the port", () => {
    const admission = make(Infinity, 2);
    const one = admission.keyOf(peer(V4, 0x0100007f), 0);
    const other = admission.keyOf(peer(V4, 0x0200007f), 0);
    const samePort = peer(V4, 0x0100007f);
    samePort[0] = V4 | (9 << 16);
    expect(admission.keyOf(samePort, 0)).toBe(one);
    admission.enter(one);
    admission.enter(one);
    expect([admission.isAddressFull(one), admission.isAddressFull(other)]).toEqual([true, false]);
    admission.leave(one);
    expect(admission.isAddressFull(one)).toBe(false);
  });

  test("of IPv6 count as their network, IPv4-mapped ones as IPv4", () => {
    const admission = make(Infinity, 1);
    const key = (...words: number[]): number => admission.keyOf(peer(V6, ...words), 0);
    expect(key(1, 2, 3, 4)).toBe(key(1, 2, 5, 6));
    expect(key(1, 2, 3, 4)).not.toBe(key(1, 3, 3, 4));
    expect(key(0, 0, 0xffff0000 | 0, 77)).toBe(admission.keyOf(peer(V4, 77), 0));
    expect(key(0, 0, 0xffff0000 | 0, 77)).not.toBe(key(0, 0, 0xffff0000 | 0, 78));
  });

  test("without one there is no limit", () => {
    const admission = make(Infinity, 1);
    const key = admission.keyOf(peer(0), 0);
    admission.enter(key);
    expect([key, admission.isAddressFull(key)]).toEqual([NO_ADDRESS, false]);
  });

  test("thousands of others, each with its connections, take nothing from one that has none; all leave", () => {
    const admission = make(Infinity, 20);
    const keys = Array.from({ length: 4000 }, (_, index) => admission.keyOf(peer(V4, index * 7919 + 1), 0));
    for (const key of keys) for (let count = 0; count < 10; count++) admission.enter(key);
    const fresh = Array.from({ length: 4000 }, (_, index) =>
      admission.keyOf(peer(V4, -1 - index * 104729), 0),
    );
    const full = fresh.filter((key) => admission.isAddressFull(key)).length;
    // The chance that one shares all four counters with two others is below 1 in 10,000 here.
    expect(full).toBeLessThan(20);
    for (const key of keys) for (let count = 0; count < 10; count++) admission.leave(key);
    expect(admission.open).toBe(0);
    for (const key of [...keys, ...fresh]) expect(admission.countOf(key)).toBe(0);
  });
});
